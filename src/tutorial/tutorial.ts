import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { clientPath, ensureImage, type Generation } from '../lab/lab.ts';
import { LINES, QUEEN, REDIS_COUNT } from './lines.ts';
import { createPlace, type Place } from './place.ts';
import { Terminal, TutorialError } from './terminal.ts';

const GENERATION: Generation = '28.5';
/** How long a bee may take to be replaced, or to be back, in milliseconds: generous, for slow machines. */
const PATIENCE_MS = 300_000;

/** What a person finds when the tutorial is over. */
export interface Swarm {
  /** Lines to type in another terminal. */
  readonly howToUse: readonly string[];
  /** Removes every trace. Idempotent. */
  close(): Promise<void>;
}

/** Runs the whole tutorial on real engines, showing each line. Throws when one fails or a redis does not answer. */
export async function runTutorial(out: Writable, signal: AbortSignal): Promise<Swarm> {
  const place = await createPlace();
  const env = { ...process.env, ...place.env, ENXAME_LOCAL_GENERATION: GENERATION };
  const terminal = new Terminal(out, env, place.folder);
  const close = async (): Promise<void> => {
    await terminal.close();
    await place.close();
  };
  try {
    terminal.prepare(await programs(place));
    return { howToUse: await tell(terminal, signal), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** `enxame` and `docker` in front of the PATH: the program that runs here, and a client with Compose. */
async function programs(place: Place): Promise<Readonly<Record<string, string>>> {
  const compose = await clientPath('compose', GENERATION, place.env.HOME);
  const main = fileURLToPath(new URL('../cli/main.js', import.meta.url));
  const bin = join(place.folder, 'bin');
  await mkdir(bin);
  const program = (name: string, command: string): Promise<void> =>
    writeFile(join(bin, name), `#!/bin/sh\nexec ${command} "$@"\n`, { mode: 0o755 });
  await program('enxame', `"${process.execPath}" "${main}"`);
  await program('docker', `"${compose.command}"`);
  return { ...compose.env, PATH: `${bin}:${process.env.PATH ?? ''}`, COMPOSE_PROGRESS: 'plain' };
}

async function tell(terminal: Terminal, signal: AbortSignal): Promise<readonly string[]> {
  terminal.say('A token for the cluster, from a token service on this host.');
  await terminal.run(LINES.host, signal);
  await terminal.start(LINES.service, /Token service at/, signal);
  await terminal.run(LINES.url, signal);
  await terminal.run(LINES.token, signal);

  terminal.say('A queen bee and two worker bees: machines with a Docker engine each, joined by the token.');
  await terminal.run(LINES.queen, signal);
  await terminal.run(LINES.workers, signal);
  await terminal.run(LINES.list, signal);

  terminal.say('Now docker talks to the whole cluster.');
  await terminal.run(LINES.env, signal);
  await terminal.run(LINES.info, signal);
  // From a file of this host, so that the tutorial needs no registry.
  await terminal.quietly(`docker load -q -i ${await ensureImage('redis')}`, signal);
  for (const line of [LINES.folder, LINES.file, LINES.up, LINES.ps]) await terminal.run(line, signal);

  terminal.say('Every redis answers, at the address of its own machine.');
  await pingAll(terminal, signal);
  const client = ['DOCKER_HOST', 'DOCKER_TLS_VERIFY', 'DOCKER_CERT_PATH'];
  if (terminal.variable('DOCKER_HOST') === '') throw new TutorialError(`docker is not pointed at ${QUEEN}`);
  const howToUse = client.map((name) => `export ${name}=${terminal.variable(name)}`);

  terminal.say(
    'A worker bee is switched off, as if its plug was pulled: in some ten seconds its redis run on the others.',
  );
  await terminal.run(LINES.kill, signal);
  await terminal.run(LINES.moved, patience(signal));
  await terminal.run(LINES.elsewhere, signal);
  await pingAll(terminal, signal);

  terminal.say('It comes back: what ran there is removed before anything else, and each redis is there once.');
  await terminal.run(LINES.start, signal);
  await terminal.run(LINES.back, patience(signal));
  await terminal.run(LINES.once, signal);
  await pingAll(terminal, signal);
  return howToUse;
}

/** Ends a line that waits for what does not come. */
function patience(signal: AbortSignal): AbortSignal {
  return AbortSignal.any([signal, AbortSignal.timeout(PATIENCE_MS)]);
}

async function pingAll(terminal: Terminal, signal: AbortSignal): Promise<void> {
  for (let number = 1; number <= REDIS_COUNT; number += 1) await ping(terminal, number, signal);
}

async function ping(terminal: Terminal, number: number, signal: AbortSignal): Promise<void> {
  const line = LINES.ping.replace('redis-1', `redis-${number}`);
  // On a busy machine it may not listen yet.
  await terminal.quietly(`until ${line} 2>/dev/null | grep -q PONG; do sleep 0.2; done`, patience(signal));
  const answer = await terminal.run(line, signal);
  if (answer.trim() !== 'PONG') throw new TutorialError(`"${line}" was not answered with PONG`);
}
