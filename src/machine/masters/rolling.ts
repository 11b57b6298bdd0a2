import type { Task } from '../../provision/provisioner.ts';
import type { Machine, MachineDeps } from '../machine.ts';
import { assertOthersDecide, untilHealthy } from './health.ts';
import { untilPrimary } from './manager-role.ts';
import { isReplicated } from './role.ts';

/**
 * Does work that may restart a master's engine, manager or server: one master at a time, and each is back before the next one. With `isChecked` it
 * is refused (`STORE_MAJORITY`) where the store needs this one now. Other machines are worked on at once.
 */
export async function oneByOne(
  machine: Machine,
  context: MachineDeps,
  { isChecked }: { readonly isChecked: boolean },
  task: Task,
  work: () => Promise<void>,
): Promise<void> {
  const { record } = machine.stored;
  if (!record.swarm?.isMaster) return await work();
  const lock = await context.store.lockMasters(`work on ${record.name}`, task.signal);
  try {
    if (isChecked) await assertOthersDecide(machine.stored, context, task);
    await work();
    if (!isReplicated(machine.stored.record)) return;
    if (machine.stored.record.etcd !== undefined) await untilHealthy(machine.stored, context, task);
    await untilPrimary(machine.stored, context, task.signal);
  } finally {
    await lock.close();
  }
}
