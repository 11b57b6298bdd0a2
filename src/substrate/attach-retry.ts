/** Attempts in all; the engine itself takes up to 20 s for one while no substrate manager answers. */
const MAX_ATTEMPTS = 16;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 4_000;

/**
 * What engines say while the substrate is not ready on them yet or is just being repaired: a fresh worker that the
 * managers do not know everywhere, an election, addresses not yet released after a new quorum was made.
 */
const PASSING = [
  /could not attach to network/i,
  /attaching to network failed/i,
  /context deadline exceeded/i,
  /address already in use/i,
  /no available ipv?4? addresses/i,
  /swarm does not have a leader/i,
  /lost leader status/i,
  /swarm component could not be found/i,
  /node is not (part|a member) of a swarm|not a swarm (node|member)/i,
  /subnet sandbox join failed/i,
  /error creating vxlan interface: file exists/i,
  /failed to get network during createendpoint/i,
];
/**
 * Engines of 26 and 28 attach several networks in random order and look for the one of the network mode too early: the next
 * attempt is another throw of the dice, and most of them may fail. Such a container was created with one network and
 * connected to others later (else see networking-config.ts).
 */
const UNLUCKY = /network matching network mode/i;
const UNLUCKY_ATTEMPTS = 100;
const UNLUCKY_WAIT_MS = 50;
/** Said of a network that a fresh worker has not heard of; passing only when the cluster does have the network. */
const UNHEARD = /network (\S+) not found/i;

/**
 * How long to wait before a start or connect that an engine refused is tried again, in milliseconds; undefined when the
 * refusal is final. `attempt` counts from 1; the waits add up to about a minute. `isKnown` says whether a network
 * exists in the cluster. A refusal that passes leaves the container as it was, so that trying again repeats nothing.
 */
export function attachRetryDelayMs(
  message: string,
  attempt: number,
  isKnown: (network: string) => boolean,
): number | undefined {
  if (UNLUCKY.test(message))
    return attempt <= UNLUCKY_ATTEMPTS && isPassing(message, isKnown) ? UNLUCKY_WAIT_MS : undefined;
  if (attempt > MAX_ATTEMPTS || !isPassing(message, isKnown)) return undefined;
  return Math.min(FIRST_WAIT_MS * 2 ** (attempt - 1), LONGEST_WAIT_MS);
}

function isPassing(message: string, isKnown: (network: string) => boolean): boolean {
  if (PASSING.some((pattern) => pattern.test(message))) return true;
  const unheard = UNHEARD.exec(message)?.[1];
  return unheard !== undefined && isKnown(unheard);
}
