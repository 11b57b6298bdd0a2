import { createHash, randomBytes } from 'node:crypto';
import { DriverError, reasonOf } from '../../common/errors.ts';
import type { EtcdSpec, Provisioner, Task } from '../../provision/provisioner.ts';
import type { Machine, MachineDeps } from '../machine.ts';
import type { MachineRecord } from '../record.ts';
import { followMasters } from './follow.ts';
import { assertSpare, untilHealthy } from './health.ts';
import { isServerOf, type Master, type Member } from './plan.ts';
import { hostOf, isReplicated, mastersOf } from './role.ts';
import { newServerName, peerUrlOf, Servers, toMaster } from './servers.ts';
import { etcdSpecOf } from './spec.ts';

/** For taking back what a create that failed has begun, in milliseconds. */
const UNDO_MS = 20_000;

/** Begins the store with one server. One that cannot be started is forgotten: the machine's manager has the records alone, as before. */
export async function found(
  machine: Machine,
  provisioner: Provisioner | undefined,
  context: MachineDeps,
  task: Task,
): Promise<void> {
  const { stored } = machine;
  const { name } = stored.record;
  const host = hostOf(stored.record) ?? '';
  if (stored.record.etcd === undefined) {
    const server = newServerName(name);
    const etcd = { name: server, cluster: `${server}=${peerUrlOf(host)}`, token: randomBytes(8).toString('hex') };
    await stored.update((old) => ({ ...old, etcd }));
  }
  try {
    await startServer(stored, provisioner, true, task);
    await untilHealthy(stored, context, task);
  } catch (error) {
    if (!isReplicated(stored.record)) await forget(machine, provisioner, task);
    throw error;
  }
}

/** Takes a server that has nothing off its machine. Never rejects. */
async function forget({ stored }: Machine, provisioner: Provisioner | undefined, { report }: Task): Promise<void> {
  const name = stored.record.etcd?.name ?? '';
  try {
    await stored.update(({ etcd: _over, ...old }) => old);
    await provisioner?.endEtcd?.(name, false, { signal: AbortSignal.timeout(UNDO_MS), report });
  } catch (error) {
    report(`its etcd was not removed: ${reasonOf(error)}`);
  }
}

/** Lets a server of the store run on a master, one of those there are. A new one that cannot be started is taken back. */
export async function keepServer(
  machine: Machine,
  provisioner: Provisioner | undefined,
  context: MachineDeps,
  task: Task,
): Promise<void> {
  const { stored } = machine;
  const spec = await specFor(stored, provisioner, false);
  const isSame = stored.record.etcd?.edition === editionOf(spec);
  // One that is down may be what a majority lacks.
  if (stored.record.etcd !== undefined && isSame)
    await startServer(stored, provisioner, false, task).catch((error: unknown) => {
      task.signal.throwIfAborted();
      task.report(reasonOf(error));
    });
  const masters = await mastersOf(stored.record, context);
  const hosts = masters.flatMap((each) => (each.etcd === undefined ? [] : (hostOf(each) ?? [])));
  const servers = await Servers.at(hosts, stored);
  try {
    await follow({ machine, provisioner, servers, masters }, context, task);
    await untilHealthy(stored, context, task);
  } catch (error) {
    if (!isReplicated(stored.record)) await takeBack({ machine, provisioner, servers }, task);
    throw error;
  } finally {
    await servers.close();
  }
}

/** A master's server among the others. */
interface Place {
  readonly machine: Machine;
  readonly provisioner: Provisioner | undefined;
  readonly servers: Servers;
  readonly masters: readonly MachineRecord[];
}

async function follow(
  { machine, provisioner, servers, masters }: Place,
  context: MachineDeps,
  task: Task,
): Promise<void> {
  const { stored } = machine;
  const hands = {
    masters: async (members: readonly Member[]) => wanted(stored.record, masters, members),
    prepare: (members: readonly Member[]) => prepareServer(machine, masters, members),
    start: async (master: Master) => {
      if (master.machine !== stored.record.name) return false;
      await startServer(stored, provisioner, false, task);
      return true;
    },
  };
  await followMasters(servers, hands, context, task);
  if (stored.record.etcd?.edition === editionOf(await specFor(stored, provisioner, false))) return;
  assertSpare(stored.record, await servers.look(task.signal));
  await startServer(stored, provisioner, false, task);
}

/**
 * Takes a new server out of the store again as long as it has no vote: no other one can be added beside one that was never started. Never rejects; what
 * stays is taken out with the machine.
 */
async function takeBack({ machine, provisioner, servers }: Omit<Place, 'masters'>, { report }: Task): Promise<void> {
  const own = toMaster(machine.stored.record);
  if (own === undefined) return;
  const signal = AbortSignal.timeout(UNDO_MS);
  try {
    const member = (await servers.look(signal)).find((each) => isServerOf(own, each));
    if (member?.isLearner === false) return;
    report('taking its server out of the store again');
    if (member) await servers.changes.remove(member.id, signal);
  } catch (error) {
    return report(`its server may be left in the store until the machine is removed or made: ${reasonOf(error)}`);
  }
  await forget(machine, provisioner, { signal, report });
}

/** This machine, and the others that have a server; what another one lacks is for a command about that one. */
function wanted(self: MachineRecord, masters: readonly MachineRecord[], members: readonly Member[]): readonly Master[] {
  const isMember = (master: Master): boolean => members.some((member) => isServerOf(master, member));
  return masters.flatMap((each) => {
    if (each.name !== self.name) return [toMaster(each)].flatMap((other) => (other && isMember(other) ? other : []));
    const own = toMaster(self);
    const fresh = { machine: self.name, server: '', peerUrl: peerUrlOf(hostOf(self) ?? '') };
    return own && isMember(own) ? [own] : [fresh];
  });
}

/** A new name each time: a server that was removed once cannot come back with its data. */
async function prepareServer(
  { stored }: Machine,
  masters: readonly MachineRecord[],
  members: readonly Member[],
): Promise<void> {
  const server = newServerName(stored.record.name);
  const all = [
    ...members.map(({ name, peerUrl }) => `${name}=${peerUrl}`),
    `${server}=${peerUrlOf(hostOf(stored.record) ?? '')}`,
  ];
  const token = masters.find(({ etcd }) => etcd !== undefined)?.etcd?.token ?? '';
  await stored.update((old) => ({ ...old, etcd: { name: server, cluster: all.join(','), token } }));
}

async function startServer(
  stored: Machine['stored'],
  provisioner: Provisioner | undefined,
  isFounder: boolean,
  task: Task,
): Promise<void> {
  const spec = await specFor(stored, provisioner, isFounder);
  await provisioner?.keepEtcd?.(spec, task);
  const edition = editionOf(spec);
  await stored.update((old) => (old.etcd ? { ...old, etcd: { ...old.etcd, edition } } : old));
}

async function specFor(
  stored: Machine['stored'],
  provisioner: Provisioner | undefined,
  isFounder: boolean,
): Promise<EtcdSpec> {
  if (provisioner?.keepEtcd === undefined)
    throw new DriverError(
      `the driver of "${stored.record.name}" cannot run etcd there: give --swarm-discovery a store (etcd://…, zk://…, consul://…) that managers can share`,
      'NO_STORE',
    );
  return await etcdSpecOf(stored, provisioner, isFounder);
}

/** With another one a server that runs is started anew. */
function editionOf({ name, flags, edition }: EtcdSpec): string {
  return createHash('sha256')
    .update(JSON.stringify([name, flags, edition]))
    .digest('hex')
    .slice(0, 16);
}
