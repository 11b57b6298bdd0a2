import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { type Credentials, clientPath, ensureImage, type Generation, type Lab, startLab } from '../lab/lab.ts';
import { Terminal, TutorialError, type Typed } from './terminal.ts';

/** The machines of the tutorial: a queen bee and two worker bees. */
const BEES = ['abelha-rainha', 'abelha-operaria-1', 'abelha-operaria-2'] as const;
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
  const folder = await mkdtemp(join(tmpdir(), 'enxame-tutorial-'));
  const terminal = new Terminal(out, { ...process.env, HOME: folder });
  let lab: Lab | undefined;
  const close = async (): Promise<void> => {
    await terminal.close();
    await lab?.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    terminal.say('Three machines, each with a Docker engine of its own: a queen bee and two worker bees.');
    lab = await startLab({
      nodes: BEES.map((name) => ({ name, generation: GENERATION, labels: { region: 'local' } })),
      signal,
      onProgress: (line) => out.write(`  ${line}\n`),
    });
    const lines = await tell(terminal, lab, folder, signal);
    return { howToUse: lines, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function tell(terminal: Terminal, lab: Lab, folder: string, signal: AbortSignal): Promise<readonly string[]> {
  const certificates = lab.certificates;
  if (!certificates) throw new TutorialError('the engines have no certificates');
  const docker = await clientPath('docker', GENERATION, folder);
  const compose = await clientPath('compose', GENERATION, folder);
  terminal.prepare({ ...docker.env, ENXAME_STATE_DIR: join(folder, 'state') });

  terminal.say('A token for the cluster, from a token service on this host.');
  await terminal.start(enxame('discovery'), /Token service at/, signal);
  const token = (await terminal.run(enxame('create'), signal)).trim();

  terminal.say('Each machine joins: an agent registers its engine and keeps the heartbeat.');
  for (const node of lab.nodes) {
    await terminal.start(enxame('join', '--advertise', node.endpoint, `token://${token}`), /regist/i, signal);
  }
  await terminal.run(enxame('list', `token://${token}`), signal);

  terminal.say('The manager makes them one Docker endpoint.');
  const files = certificates.server;
  const flags = ['--tlsverify', '--tlscacert', files.ca, '--tlscert', files.cert, '--tlskey', files.key];
  const said = await terminal.start(
    enxame('manage', ...flags, '-H', 'tcp://127.0.0.1:0', `token://${token}`),
    /Manager at \S+/,
    signal,
  );
  const endpoint = /Manager at (\S+)/.exec(said)?.[1] ?? '';
  const client = { DOCKER_HOST: endpoint, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: pathOf(certificates) };

  terminal.say('From here on it is plain docker and docker compose.');
  terminal.export(client);
  const typedDocker = (...args: string[]): Typed => typed('docker', docker.command, [...docker.args, ...args]);
  await untilHealthy(endpoint, terminal, typedDocker, signal);
  await terminal.run(typedDocker('load', '-q', '-i', await ensureImage('redis')), signal);
  await writeFile(join(folder, 'compose.yaml'), COMPOSE_FILE);
  terminal.prepare({
    COMPOSE_FILE: join(folder, 'compose.yaml'),
    COMPOSE_PROJECT_NAME: 'article',
    COMPOSE_PROGRESS: 'plain',
  });
  await terminal.run(typed('cat compose.yaml', 'cat', [join(folder, 'compose.yaml')], true), signal);
  const up = ['up', '-d', '--scale', `redis=${REDIS_COUNT}`];
  await terminal.run(typed(`docker compose ${up.join(' ')}`, compose.command, [...compose.args, ...up], true), signal);
  await terminal.run(typedDocker('ps'), signal);

  terminal.say('Every redis answers, at the address of its own machine.');
  await pingAll(terminal, typedDocker, signal);
  return Object.entries(client).map(([name, value]) => `export ${name}=${value}`);
}

/** The manager answers before it reached every engine; the tree of nodes is shown when they are there. */
async function untilHealthy(
  endpoint: string,
  terminal: Terminal,
  docker: (...args: string[]) => Typed,
  signal: AbortSignal,
): Promise<void> {
  for (let attempt = 0; attempt < 60; attempt++) {
    signal.throwIfAborted();
    const info = await terminal.quietly(docker('info', '--format', '{{json .SystemStatus}}'), signal);
    if (info.split('"Healthy"').length - 1 === BEES.length) {
      await terminal.run(docker('info'), signal);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
  throw new TutorialError(`not every engine became healthy at ${endpoint}`);
}

async function pingAll(terminal: Terminal, docker: (...args: string[]) => Typed, signal: AbortSignal): Promise<void> {
  const listed = await terminal.quietly(
    docker('ps', '--filter', 'label=com.docker.compose.service=redis', '--format', '{{.Ports}}'),
    signal,
  );
  const addresses = [...listed.matchAll(/([0-9.]+):(\d+)->6379/g)];
  if (addresses.length !== REDIS_COUNT)
    throw new TutorialError(`${addresses.length} of ${REDIS_COUNT} redis are published`);
  for (const [, host = '', port = ''] of addresses) {
    const answer = await terminal.run(typed('redis-cli', 'redis-cli', ['-h', host, '-p', port, 'ping']), signal);
    if (answer.trim() !== 'PONG') throw new TutorialError(`redis at ${host}:${port} did not answer PONG`);
  }
}

function enxame(...args: string[]): Typed {
  const main = fileURLToPath(new URL('../cli/main.js', import.meta.url));
  return { shown: ['enxame', ...args].join(' '), command: process.execPath, args: [main, ...args] };
}

/** With `isWhole` the shown text is all of it, else the arguments are shown behind it. */
function typed(shown: string, command: string, args: readonly string[], isWhole = false): Typed {
  return { shown: isWhole ? shown : [shown, ...args].join(' '), command, args };
}

function pathOf({ ca }: Credentials): string {
  return join(ca, '..');
}
