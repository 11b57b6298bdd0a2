import type { Task } from '../../provision/provisioner.ts';
import { type Machine, type MachineDeps, provisionerOf } from '../machine.ts';
import { keepFence } from './fence.ts';
import { runSwarm } from './swarm.ts';

/** Brings manager and agents of a machine to what its record says now; what is right already is left alone. */
export async function rejoinSwarm(machine: Machine, context: MachineDeps, task: Task): Promise<void> {
  const provisioner = await provisionerOf(machine);
  await runSwarm(machine, provisioner, context.store, task);
  await keepFence(machine, provisioner, context, task);
}
