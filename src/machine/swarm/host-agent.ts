import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { reasonOf } from '../../common/errors.ts';
import type { InstalledProgram, Provisioner, Task } from '../../provision/provisioner.ts';
import { ownEngine } from '../access.ts';
import { type Machine, type MachineDeps, provisionerOf } from '../machine.ts';
import { putProgram } from './program.ts';
import { ensureImage } from './swarm.ts';

/** Time for a machine that is to be removed to let go of an agent, in milliseconds. */
const REMOVE_MS = 60_000;

/** What an agent that runs beside the engine is installed from. */
export interface AgentProgram {
  /** Another one when its certificate is another one: an agent reads it at its start only. */
  readonly edition: string;
  /** Copies the program out of the swarm's image. */
  readonly install: () => Promise<InstalledProgram>;
}

export async function agentProgram(machine: Machine, { store }: MachineDeps, task: Task): Promise<AgentProgram> {
  const { stored } = machine;
  const { record } = stored;
  const certificate = await readFile(join(stored.tlsFolder, 'server.pem'), 'utf8').catch(() => '');
  const install = async (): Promise<InstalledProgram> => {
    const client = await ownEngine(machine, task.signal);
    try {
      return await putProgram(client, await ensureImage(client, record.swarm?.image ?? '', store, task), task.signal);
    } finally {
      await client.close();
    }
  };
  return { edition: createHash('sha256').update(certificate).digest('hex').slice(0, 16), install };
}

/** Takes an agent, named by `what`, off a machine that is to be removed, by `remove`. Bounded; never rejects but when told to end. */
export async function endAgent(
  machine: Machine,
  what: string,
  remove: (provisioner: Provisioner, task: Task) => Promise<void> | undefined,
  task: Task,
): Promise<void> {
  const signal = AbortSignal.any([task.signal, AbortSignal.timeout(REMOVE_MS)]);
  try {
    if ((await machine.driver.state(signal)) !== 'Running') return;
    const provisioner = await provisionerOf(machine);
    if (provisioner) await remove(provisioner, { ...task, signal });
  } catch (error) {
    task.signal.throwIfAborted();
    task.report(`${what} was not removed: ${reasonOf(error)}`);
  }
}
