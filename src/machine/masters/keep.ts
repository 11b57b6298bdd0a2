import { ConflictError, DriverError } from '../../common/errors.ts';
import { retry } from '../../common/retry.ts';
import type { Provisioner, Task } from '../../provision/provisioner.ts';
import { about, onAnother } from '../another.ts';
import type { Machine, MachineDeps } from '../machine.ts';
import type { MachineRecord } from '../record.ts';
import { runSwarm } from '../swarm/swarm.ts';
import { untilPrimary } from './manager-role.ts';
import { hasOwnStore } from './own-store.ts';
import { refreshOthers } from './refresh.ts';
import { isReplicated, isSettled, mastersApart, mastersOf } from './role.ts';
import { found, keepServer } from './server.ts';

/** A create at work on a machine gives it free when its manager sees it. */
const LOCK_MS = 120_000;
const LOCK_PAUSE_MS = 500;

/**
 * Makes a machine's manager, and its agent, what they are to be among the masters of its cluster. The first one has the records alone. From the second
 * one on they share them in a store: that of discovery, else etcd, which is brought along with a server on each. The manager that had the records
 * alone hands them over. The caller holds `lockMasters`.
 */
export async function keepMaster(
  machine: Machine,
  provisioner: Provisioner | undefined,
  context: MachineDeps,
  task: Task,
): Promise<void> {
  const { stored } = machine;
  const { swarm } = stored.record;
  const others = (await mastersOf(stored.record, context)).filter(({ name }) => name !== stored.record.name);
  const settled = others.filter(isSettled);
  if (swarm === undefined || (settled.length === 0 && !isReplicated(stored.record)))
    return await keepAlone(machine, provisioner, context, task);
  const first = firstOf(settled, stored.record);
  if (first !== undefined) await takeOver(first, context, task);
  // After the one that had the records, and only when the store has them: this one would begin a new cluster.
  const wellCount = await refreshOthers(stored.record, context, task);
  if (wellCount === 0 && !isReplicated(stored.record))
    throw new DriverError(
      `none of the other managers (${settled.map(({ name }) => name).join(', ')}) is at work: start one of their machines first, then repeat`,
      'NO_MANAGER',
    );
  if (!hasOwnStore(swarm)) await keepServer(machine, provisioner, context, task);
  if (!isReplicated(stored.record)) await stored.update((old) => ({ ...old, replicated: true }));
  await runSwarm(machine, provisioner, context.store, task);
  task.report('waiting for its manager');
  await untilPrimary(stored, context, task.signal);
}

async function keepAlone(
  machine: Machine,
  provisioner: Provisioner | undefined,
  { store }: MachineDeps,
  task: Task,
): Promise<void> {
  const { record } = machine.stored;
  const apart = record.swarm?.isMaster && !isSettled(record) ? await mastersApart(record, { store }) : [];
  if (apart.length > 0)
    task.report(
      `its --swarm-discovery is another than that of ${apart.map((name) => `"${name}"`).join(', ')}: it becomes the manager of a cluster of its own and stands in for none of them. Give it theirs for several managers of one cluster`,
    );
  await runSwarm(machine, provisioner, store, task);
  if (machine.stored.record.replicated === undefined)
    await machine.stored.update((old) => ({ ...old, replicated: false }));
}

/** The other master that has the records of the cluster alone; undefined when they are shared already. */
function firstOf(settled: readonly MachineRecord[], self: MachineRecord): MachineRecord | undefined {
  if ([...settled, self].some(isReplicated)) return undefined;
  const alone = isSettled(self) ? [...settled, self] : settled;
  if (alone.length < 2) return alone[0];
  throw new ConflictError(
    `the managers of ${alone.map(({ name }) => `"${name}"`).join(' and ')} each have records of their own of one cluster: remove all masters but the one whose records are right, then create them again`,
    'SEVERAL_STATES',
  );
}

/** Lets the manager that has the records alone hand them over to a store, which is begun on its machine if discovery has none. */
async function takeOver({ name }: MachineRecord, context: MachineDeps, task: Task): Promise<void> {
  const own = about(name, task);
  const lock = await retry(context.clock, () => context.store.lock(name, 'create', task.signal), {
    backoff: LOCK_PAUSE_MS,
    deadline: context.clock.now() + LOCK_MS,
    passes: (error) => (error as { readonly code?: unknown }).code === 'MACHINE_BUSY',
    signal: task.signal,
  });
  try {
    await onAnother(name, context, async (machine, provisioner) => {
      const { stored } = machine;
      if (stored.record.swarm && !hasOwnStore(stored.record.swarm)) await found(machine, provisioner, context, own);
      await stored.update((old) => ({ ...old, replicated: true }));
      own.report('handing the records of the cluster over to the store that managers share');
      await runSwarm(machine, provisioner, context.store, own);
      await untilPrimary(stored, context, own.signal);
    });
  } finally {
    await lock.close();
  }
}
