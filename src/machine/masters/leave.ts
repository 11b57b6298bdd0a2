import { ConflictError, reasonOf } from '../../common/errors.ts';
import type { Task } from '../../provision/provisioner.ts';
import { engineClient } from '../access.ts';
import { type Machine, type MachineDeps, provisionerOf } from '../machine.ts';
import type { MachineRecord } from '../record.ts';
import type { StoredMachine } from '../store.ts';
import { MANAGER_NAME } from '../swarm/containers.ts';
import { removeContainer } from '../swarm/swarm.ts';
import { followMasters } from './follow.ts';
import { isServerOf, type Member } from './plan.ts';
import { refreshOthers } from './refresh.ts';
import { hasShare, hostOf, isSettled, mastersOf } from './role.ts';
import { Servers, toMaster } from './servers.ts';

const REACH_MS = 30_000;

/**
 * Takes a master that is to be removed out of what it shares with the others, before its machine goes: its manager gives its role to another one, and its
 * server leaves the store. Throws a ConflictError (`STORE_MAJORITY`), with nothing changed, when the store would not outlive that; with `isForced` that
 * is only told, and the server is taken out when a master is created or removed later.
 */
export async function leaveMasters(
  machine: Machine,
  context: MachineDeps,
  isForced: boolean,
  task: Task,
): Promise<void> {
  const { stored } = machine;
  if (!hasShare(stored.record)) return;
  const lock = await context.store.lockMasters(`removal of ${stored.record.name}`, task.signal);
  try {
    const others = (await mastersOf(stored.record, context)).filter(
      (each) => each.name !== stored.record.name && isSettled(each),
    );
    if (stored.record.etcd !== undefined && others.length > 0)
      await leaveStore(stored, others, context, task).catch((error: unknown) => {
        task.signal.throwIfAborted();
        if (!isForced) throw refusal(stored.record.name, error);
        task.report(`its server stays in the store until a master is created or removed: ${reasonOf(error)}`);
      });
    await stored.update((old) => ({ ...old, isLeaving: true }));
    await endManager(stored, task);
    await endServer(machine, others.length === 0, task);
    if (others.length > 0) await refreshOthers(stored.record, context, task);
  } finally {
    await lock.close();
  }
}

async function leaveStore(
  stored: StoredMachine,
  others: readonly MachineRecord[],
  context: MachineDeps,
  task: Task,
): Promise<void> {
  const { etcd, name } = stored.record;
  const own = toMaster(stored.record);
  const hosts = [...others, stored.record].flatMap((each) => (each.etcd === undefined ? [] : (hostOf(each) ?? [])));
  const servers = await Servers.at(hosts, stored);
  try {
    const hands = {
      masters: async () => others.flatMap((each) => toMaster(each) ?? []),
      start: async () => false,
      isEnough: (members: readonly Member[]) => !own || !members.some((each) => isServerOf(own, each)),
    };
    task.report(`taking its server out of the store that the managers share`);
    await followMasters(servers, hands, context, task);
  } finally {
    await servers.close();
  }
  await stored.update(({ etcd: _left, ...old }) => ({ ...old, leftStore: etcd?.name ?? name }));
}

function refusal(name: string, error: unknown): unknown {
  return new ConflictError(
    `"${name}" cannot be removed now: ${reasonOf(error)}. Start the masters that are away, or remove them first; "enxame machine rm --force ${name}" removes it all the same, and then the store may be lost`,
    'STORE_MAJORITY',
    error,
  );
}

/** The manager ends before its machine: on a host that lives on it would go on as one of the managers. */
async function endManager(stored: StoredMachine, task: Task): Promise<void> {
  const url = stored.record.address?.url;
  if (url === undefined) return;
  const signal = AbortSignal.any([task.signal, AbortSignal.timeout(REACH_MS)]);
  const client = await engineClient(stored, url);
  try {
    const path = `/containers/${MANAGER_NAME}/stop?t=10`;
    await client.request({ method: 'POST', path, signal, timeoutMs: REACH_MS });
    await removeContainer(client, MANAGER_NAME, signal);
  } catch (error) {
    task.signal.throwIfAborted();
    task.report(`its manager was not ended: ${reasonOf(error)}`);
  } finally {
    await client.close();
  }
}

/** The data of the last server is what the cluster's records are in. */
async function endServer(machine: Machine, isLast: boolean, task: Task): Promise<void> {
  const { record } = machine.stored;
  const name = record.leftStore ?? record.etcd?.name;
  if (name === undefined) return;
  const signal = AbortSignal.any([task.signal, AbortSignal.timeout(REACH_MS)]);
  try {
    if ((await machine.driver.state(signal)) !== 'Running') return;
    await (await provisionerOf(machine))?.endEtcd?.(name, isLast, { ...task, signal });
  } catch (error) {
    task.signal.throwIfAborted();
    task.report(`its etcd was not removed: ${reasonOf(error)}`);
  }
}
