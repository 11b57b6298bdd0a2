import { reasonOf } from '../../common/errors.ts';
import type { Task } from '../../provision/provisioner.ts';
import { about, onAnother } from '../another.ts';
import type { MachineDeps } from '../machine.ts';
import type { MachineRecord } from '../record.ts';
import { runSwarm } from '../swarm/swarm.ts';
import { roleOf, untilPrimary } from './manager-role.ts';
import { isSettled, mastersOf } from './role.ts';

/**
 * Brings the managers of the other masters to what they are to be now: replicas first, so that the primary changes once at most. One that cannot be
 * reached is named, and is no failure. Resolves with the number of those that are at work.
 */
export async function refreshOthers(self: MachineRecord, context: MachineDeps, task: Task): Promise<number> {
  const others = (await mastersOf(self, context)).filter((each) => each.name !== self.name && isSettled(each));
  const roles = await Promise.all(others.map(async ({ name }) => ({ name, role: await roleNow(name, context, task) })));
  let count = 0;
  for (const { name } of roles.sort((a, b) => (a.role < b.role ? 1 : -1)))
    if (await refresh(name, context, task)) count += 1;
  return count;
}

async function roleNow(name: string, { store }: MachineDeps, { signal }: Task): Promise<string> {
  try {
    return (await roleOf(await store.load(name), signal)).role;
  } catch {
    return 'replica';
  }
}

async function refresh(name: string, context: MachineDeps, task: Task): Promise<boolean> {
  try {
    await onAnother(name, context, async (machine, provisioner) => {
      await runSwarm(machine, provisioner, context.store, about(name, task));
      await untilPrimary(machine.stored, context, task.signal);
    });
    return true;
  } catch (error) {
    task.signal.throwIfAborted();
    const next = `run "enxame machine provision ${name}" later`;
    task.report(`${name} was not told of the other managers (${reasonOf(error)}): ${next}`);
    return false;
  }
}
