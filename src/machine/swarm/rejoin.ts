import type { Task } from '../../provision/provisioner.ts';
import { type Machine, type MachineDeps, provisionerOf } from '../machine.ts';
import { keepMaster } from '../masters/keep.ts';
import { keepFence } from './fence.ts';
import { keepMesh } from './mesh.ts';
import { keepPart } from './part.ts';

/**
 * Brings manager and agents of a machine to what its record says now; what is right already is left alone. `holdsMasters` says that the caller has
 * the lock of the masters.
 */
export async function rejoinSwarm(
  machine: Machine,
  context: MachineDeps,
  task: Task,
  { holdsMasters = false }: { readonly holdsMasters?: boolean } = {},
): Promise<void> {
  const provisioner = await provisionerOf(machine);
  const keep = holdsMasters && machine.stored.record.swarm?.isMaster ? keepMaster : keepPart;
  await keep(machine, provisioner, context, task);
  await keepMesh(machine, provisioner, context, task);
  await keepFence(machine, provisioner, context, task);
}
