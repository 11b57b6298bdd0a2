import { createHash, randomBytes } from 'node:crypto';
import { ConflictError, DriverError, reasonOf } from '../../common/errors.ts';
import { retry } from '../../common/retry.ts';
import type { EtcdSpec, Provisioner, Task } from '../../provision/provisioner.ts';
import { type Machine, type MachineDeps, openMachine, provisionerOf } from '../machine.ts';
import type { MachineRecord } from '../record.ts';
import { runSwarm } from '../swarm/swarm.ts';
import { followMasters } from './follow.ts';
import { roleOf, untilPrimary } from './manager-role.ts';
import { hasOwnStore } from './own-store.ts';
import { type Master, type Member, majorityOf } from './plan.ts';
import { hostOf, isReplicated, isSettled, mastersOf } from './role.ts';
import { newServerName, peerUrlOf, Servers, toMaster } from './servers.ts';
import { etcdSpecOf } from './spec.ts';

/** A create at work on a machine gives it free when its manager sees it. */
const LOCK_MS = 120_000;
const LOCK_PAUSE_MS = 500;
const HEALTHY_MS = 120_000;
const PAUSE_MS = 250;

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
  const own = prefixed(name, task);
  const lock = await retry(context.clock, () => context.store.lock(name, 'create', task.signal), {
    backoff: LOCK_PAUSE_MS,
    deadline: context.clock.now() + LOCK_MS,
    passes: (error) => (error as { readonly code?: unknown }).code === 'MACHINE_BUSY',
    signal: task.signal,
  });
  try {
    const machine = await openMachine(await context.store.load(name), context);
    try {
      const provisioner = await provisionerOf(machine);
      const { stored } = machine;
      if (stored.record.swarm && !hasOwnStore(stored.record.swarm)) await found(machine, provisioner, context, own);
      await stored.update((old) => ({ ...old, replicated: true }));
      own.report('handing the records of the cluster over to the store that managers share');
      await runSwarm(machine, provisioner, context.store, own);
      await untilPrimary(stored, context, own.signal);
    } finally {
      await machine.close();
    }
  } finally {
    await lock.close();
  }
}

/** Begins the store with one server. */
async function found(
  { stored }: Machine,
  provisioner: Provisioner | undefined,
  context: MachineDeps,
  task: Task,
): Promise<void> {
  const { name } = stored.record;
  const host = hostOf(stored.record) ?? '';
  if (stored.record.etcd === undefined) {
    const server = newServerName(name);
    const etcd = { name: server, cluster: `${server}=${peerUrlOf(host)}`, token: randomBytes(8).toString('hex') };
    await stored.update((old) => ({ ...old, etcd }));
  }
  await startServer(stored, provisioner, true, task);
  await untilHealthy(stored, context, task);
}

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
  const own = prefixed(name, task);
  try {
    const machine = await openMachine(await context.store.load(name), context);
    try {
      await runSwarm(machine, await provisionerOf(machine), context.store, own);
      await untilPrimary(machine.stored, context, own.signal);
    } finally {
      await machine.close();
    }
    return true;
  } catch (error) {
    task.signal.throwIfAborted();
    const next = `run "enxame machine provision ${name}" later`;
    task.report(`${name} was not told of the other managers (${reasonOf(error)}): ${next}`);
    return false;
  }
}

/** Lets a server of the store run on a master, one of those there are. */
async function keepServer(
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
    if (stored.record.etcd?.edition !== editionOf(await specFor(stored, provisioner, false))) {
      assertSpare(stored.record, await servers.look(task.signal));
      await startServer(stored, provisioner, false, task);
    }
  } finally {
    await servers.close();
  }
  await untilHealthy(stored, context, task);
}

/** This machine, and the others that have a server; what another one lacks is for a command about that one. */
function wanted(self: MachineRecord, masters: readonly MachineRecord[], members: readonly Member[]): readonly Master[] {
  const isMember = (master: Master): boolean =>
    members.some(({ name, peerUrl }) => (name === '' ? peerUrl === master.peerUrl : name === master.server));
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

/** A server is restarted only where those that are left decide without it, or where it is alone anyway. */
function assertSpare({ name, etcd }: MachineRecord, members: readonly Member[]): void {
  const voters = members.filter(({ isLearner }) => !isLearner);
  const others = voters.filter((each) => each.isHealthy && each.name !== etcd?.name);
  const isAlone = voters.length <= 2;
  if (isAlone || others.length >= majorityOf(voters.length)) return;
  throw new ConflictError(
    `the store's server of "${name}" is needed now: ${others.length} others of ${voters.length} answer. Start the machines that are away first`,
    'STORE_MAJORITY',
  );
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

/** Throws a ConflictError (`STORE_MAJORITY`) when the store needs the server of a master now, so that it is not to be restarted. */
export async function assertOthersDecide(
  stored: Machine['stored'],
  context: Pick<MachineDeps, 'store'>,
  task: Task,
): Promise<void> {
  if (stored.record.etcd === undefined) return;
  const masters = await mastersOf(stored.record, context);
  const hosts = masters.flatMap((each) => (each.etcd === undefined ? [] : (hostOf(each) ?? [])));
  const servers = await Servers.at(hosts, stored);
  try {
    assertSpare(stored.record, await servers.look(task.signal));
  } finally {
    await servers.close();
  }
}

/** Resolves when the server of a master answers and has a leader. */
export async function untilHealthy(stored: Machine['stored'], { clock }: MachineDeps, task: Task): Promise<void> {
  const host = hostOf(stored.record) ?? '';
  const servers = await Servers.at([host], stored);
  try {
    const isHealthy = await retry(clock, () => servers.isHealthy(host, task.signal), {
      until: (is) => is,
      backoff: PAUSE_MS,
      deadline: clock.now() + HEALTHY_MS,
      signal: task.signal,
    });
    if (!isHealthy)
      throw new DriverError(
        `etcd on "${stored.record.name}" does not answer at ${host}:2379 after ${HEALTHY_MS / 1000} s: is the port let through, and what does it say (journalctl -u enxame-etcd)?`,
        'NO_STORE',
      );
  } finally {
    await servers.close();
  }
}

function prefixed(name: string, task: Task): Task {
  return { signal: task.signal, report: (text) => task.report(`${name}: ${text}`) };
}
