import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { clientPath, ensureImage, type Generation } from '../lab/lab.ts';
import { createPlace, type Place } from './place.ts';
import { Terminal, TutorialError, type Typed } from './terminal.ts';

/** The machines of the tutorial: a queen bee and two worker bees. */
const QUEEN = 'abelha-rainha';
const WORKERS = ['abelha-operaria-1', 'abelha-operaria-2'] as const;
const GENERATION: Generation = '28.5';
const REDIS_COUNT = 4;

const COMPOSE_FILE = `services:
  redis:
    image: redis
    ports:
      - "6379"
`;

/** What a person finds when the tutorial is over. */
export interface Swarm {
  /** Lines to type in another terminal. */
  readonly howToUse: readonly string[];
  /** Removes every trace. Idempotent. */
  close(): Promise<void>;
}

/** Runs the whole tutorial on real engines, showing each command. Throws when one fails or a redis does not answer. */
export async function runTutorial(out: Writable, signal: AbortSignal): Promise<Swarm> {
  const place = await createPlace();
  const terminal = new Terminal(out, { ...process.env, ...place.env, ENXAME_LOCAL_GENERATION: GENERATION });
  const close = async (): Promise<void> => {
    await terminal.close();
    await place.close();
  };
  try {
    return { howToUse: await tell(terminal, place, signal), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function tell(terminal: Terminal, place: Place, signal: AbortSignal): Promise<readonly string[]> {
  terminal.say('A token for the swarm, from a token service on this host.');
  const host = (await terminal.quietly(enxame('machine', 'host-address', '-d', 'local'), signal)).trim();
  await terminal.start(enxame('discovery', '-H', `tcp://${host}:2374`, '--insecure'), /Token service at/, signal);
  terminal.export({ ENXAME_DISCOVERY_URL: `http://${host}:2374` });
  const token = (await terminal.run(enxame('create'), signal)).trim();

  terminal.say('A queen bee and two worker bees: machines with a Docker engine each, joined by the token.');
  const swarm = [
    '--swarm',
    '--swarm-discovery',
    `token://${host}:2374/v1/${token}`,
    '--swarm-discovery-opt',
    'token.insecure=true',
  ];
  const create = ['machine', 'create', '-d', 'local', ...swarm];
  await terminal.run(enxame(...create, '--swarm-master', '--swarm-opt', 'heartbeat=1s', QUEEN), signal);
  await terminal.run(enxame(...create, ...WORKERS), signal);
  await terminal.run(enxame('machine', 'ls'), signal);

  terminal.say('Now docker talks to the whole swarm.');
  const env = await terminal.quietly(enxame('machine', 'env', '--swarm', '--shell', 'bash', QUEEN), signal);
  const client = exportsIn(env);
  terminal.evaluate(`eval "$(enxame machine env --swarm ${QUEEN})"`, client);
  await useClients(terminal, place, signal);

  terminal.say('Every redis answers, at the address of its own machine.');
  await pingAll(terminal, signal);
  return Object.entries(client).map(([name, value]) => `export ${name}=${value}`);
}

/** From here on it is plain docker and docker compose. */
async function useClients(terminal: Terminal, place: Place, signal: AbortSignal): Promise<void> {
  const compose = await clientPath('compose', GENERATION, place.env.HOME);
  terminal.prepare({ ...compose.env, COMPOSE_PROJECT_NAME: 'article', COMPOSE_PROGRESS: 'plain' });
  await untilHealthy(terminal, signal);
  await terminal.run(await docker('info'), signal);
  await terminal.run(await docker('load', '-q', '-i', await ensureImage('redis')), signal);
  const file = join(place.folder, 'compose.yaml');
  await writeFile(file, COMPOSE_FILE);
  terminal.prepare({ COMPOSE_FILE: file });
  await terminal.run({ shown: 'cat compose.yaml', command: 'cat', args: [file] }, signal);
  const up = ['up', '-d', '--scale', `redis=${REDIS_COUNT}`];
  const shown = `docker compose ${up.join(' ')}`;
  await terminal.run({ shown, command: compose.command, args: [...compose.args, ...up] }, signal);
  await terminal.run(await docker('ps'), signal);
}

/** What `export NAME="value"` lines say. */
function exportsIn(text: string): Readonly<Record<string, string>> {
  const lines = [...text.matchAll(/^export (\w+)="([^"]*)"/gm)];
  return Object.fromEntries(lines.map(([, name = '', value = '']) => [name, value]));
}

/** The agents register within a second; the tree of nodes is shown when the manager has reached them all. */
async function untilHealthy(terminal: Terminal, signal: AbortSignal): Promise<void> {
  const info = await docker('info', '--format', '{{json .SystemStatus}}');
  for (let attempt = 0; attempt < 120; attempt++) {
    signal.throwIfAborted();
    const rows = await terminal.quietly(info, signal);
    if (rows.split('"Healthy"').length - 1 === 1 + WORKERS.length) return;
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new TutorialError('not every engine became healthy: see "docker info" for the reasons');
}

async function pingAll(terminal: Terminal, signal: AbortSignal): Promise<void> {
  const service = 'label=com.docker.compose.service=redis';
  const listed = await terminal.quietly(await docker('ps', '--filter', service, '--format', '{{.Ports}}'), signal);
  const addresses = [...listed.matchAll(/([0-9.]+):(\d+)->6379/g)];
  if (addresses.length !== REDIS_COUNT) {
    throw new TutorialError(`${addresses.length} of ${REDIS_COUNT} redis are published`);
  }
  for (const [, host = '', port = ''] of addresses) {
    const args = ['-h', host, '-p', port, 'ping'];
    const answer = await terminal.run({ shown: ['redis-cli', ...args].join(' '), command: 'redis-cli', args }, signal);
    if (answer.trim() !== 'PONG') throw new TutorialError(`redis at ${host}:${port} did not answer PONG`);
  }
}

function enxame(...args: string[]): Typed {
  const main = fileURLToPath(new URL('../cli/main.js', import.meta.url));
  return { shown: ['enxame', ...args].join(' '), command: process.execPath, args: [main, ...args] };
}

async function docker(...args: string[]): Promise<Typed> {
  const { command } = await clientPath('docker', GENERATION);
  return { shown: ['docker', ...args].join(' '), command, args };
}
