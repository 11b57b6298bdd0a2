import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { writePrivate } from '../../common/private-file.ts';
import type { Host } from '../../namespaces/host.ts';
import type { ProcessIdentity } from '../../namespaces/processes.ts';
import type { FenceAgentSpec } from '../../provision/provisioner.ts';
import { quoted } from '../../provision/remote.ts';
import { startService, stopService } from './service.ts';

/** The program as it is installed here: these machines share this host's files. */
const MAIN = fileURLToPath(new URL('../../cli/main.js', import.meta.url));

/** An agent that is told to end speaks with the engine and each manager for two seconds at most, in milliseconds. */
const POLITE_MS = 15_000;

/** What lies in `fence.json`: an agent's arguments and edition. */
type Kept = Pick<FenceAgentSpec, 'args' | 'edition'>;

/** What the machine's agent is to be like; undefined when it has none. */
export async function fenceOf(folder: string): Promise<Kept | undefined> {
  const text = await readFile(fenceFile(folder), 'utf8').catch(() => '');
  return text === '' ? undefined : (JSON.parse(text) as Kept);
}

/** Keeps what the agent is to be like for the next start; undefined when there is to be none. */
export async function keepFence(folder: string, agent: Kept | undefined): Promise<void> {
  if (agent === undefined) return await rm(fenceFile(folder), { force: true });
  const { args, edition } = agent;
  await writePrivate(fenceFile(folder), `${JSON.stringify({ args, edition }, null, 2)}\n`);
}

/** Starts the agent in the host; resolves with the shell that keeps it running. */
export function startFence(folder: string, host: Host, { args }: Kept): Promise<ProcessIdentity> {
  const command = [process.execPath, MAIN, ...args].map(quoted).join(' ');
  return startService(folder, host, { script: 'fence-agent', log: 'fence.log', command });
}

/** Lets the agent hand its containers back and end. One that does not is killed: its guard ends them with the lease, if nobody has it by then. */
export function stopFence(agent: ProcessIdentity): Promise<void> {
  return stopService('the fencing agent', agent, POLITE_MS);
}

function fenceFile(folder: string): string {
  return join(folder, 'fence.json');
}
