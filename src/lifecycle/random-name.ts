/** Pairs tried before a number is added. */
const PLAIN_TRIES = 8;
/** With so many tries and numbers of growing length a free name is always found. */
const MAX_TRIES = 40;

/**
 * A name for a container without one, as engines make them: an adjective and the surname of a scientist, with a number behind
 * when the cluster has taken the pairs that came up. `isFree` tells whether a name is free in the cluster;
 * `random` gives numbers in [0, 1).
 */
export function randomName(isFree: (name: string) => boolean, random: () => number = Math.random): string {
  let name = '';
  for (let tried = 0; tried < MAX_TRIES; tried++) {
    const digits = tried < PLAIN_TRIES ? '' : String(Math.floor(random() * 10 ** Math.min(tried - PLAIN_TRIES + 1, 9)));
    name = `${pick(ADJECTIVES, random)}_${pick(SURNAMES, random)}${digits}`;
    if (isFree(name)) return name;
  }
  return name;
}

function pick(words: readonly string[], random: () => number): string {
  return words[Math.floor(random() * words.length)] ?? '';
}

const ADJECTIVES =
  `able agile airy amber ample apt ardent avid awake balmy blithe bold brave breezy bright brisk busy calm candid
  cheery civil clever cosy crisp curious daring deft eager early earnest easy elated fair famous fearless festive fine fleet fond frank
  free fresh gentle gifted glad golden graceful grand handy happy hardy hearty honest humble jolly jovial keen kind lively loyal lucid
  lucky mellow merry mild mindful modest neat nimble noble open patient placid pleasant plucky polite proud prudent quick quiet ready
  rosy serene sharp shining silent simple sincere sleek smart snug sober solid spry steady sturdy sunny sure swift tender thorough tidy
  tranquil trusty upbeat valiant vivid warm wise witty zesty`.split(/\s+/);

const SURNAMES =
  `abel agnesi alhazen ampere anning arago archimedes avogadro bassi becquerel bell bernoulli blackwell bohr boltzmann
  boole born bose boyle brahe brattain brouwer burnell cantor carson cauchy celsius chagas chandrasekhar church clarke copernicus
  crick cruz curie dalton darwin davy descartes diffie dijkstra dirac dumont easley edison ehrlich einstein eratosthenes erdos euclid
  euler faraday fermat fermi feynman fibonacci fleming fourier franklin freire frisch galileo galois galvani gauss germain goeldi goodall
  hamilton hawking heisenberg hellman helmholtz hermann herschel hertz hilbert hodgkin hooke hopper hubble humboldt huygens hypatia
  jang joliot joule kalman kepler khorana knuth kovalevskaya lagrange lamarr laplace lattes lavoisier leavitt leibniz liskov lorentz
  lovelace lumiere margulis maxwell mayer mcclintock meitner mendel mendeleev milner minsky mirzakhani moore morse napier nash newton
  nightingale nobel noether ohm oppenheimer pascal pasteur pauli payne perlman planck poincare poisson ptolemy ramanujan raman riemann
  ritchie rubin rutherford sagan sammet schrodinger shannon snell somerville stokes tesla thompson torvalds turing varahamihira volta
  wallace watt wien wiles wilkes wozniak wright wu yonath zuse`.split(/\s+/);
