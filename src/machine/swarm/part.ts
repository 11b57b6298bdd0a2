import type { Provisioner, Task } from '../../provision/provisioner.ts';
import type { Machine, MachineDeps } from '../machine.ts';
import { keepMaster } from '../masters/keep.ts';
import { runSwarm } from './swarm.ts';

/** Brings manager and agent of a machine to what its record says now; masters one after the other, and what they share with them. */
export async function keepPart(
  machine: Machine,
  provisioner: Provisioner | undefined,
  context: MachineDeps,
  task: Task,
): Promise<void> {
  const { name, swarm } = machine.stored.record;
  if (!swarm?.isMaster) return await runSwarm(machine, provisioner, context.store, task);
  const lock = await context.store.lockMasters(`manager of ${name}`, task.signal);
  try {
    await keepMaster(machine, provisioner, context, task);
  } finally {
    await lock.close();
  }
}
