import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConflictError, DriverError, reasonOf } from '../common/errors.ts';
import { loadDriver } from '../drivers/drivers.ts';
import { readdressed } from '../drivers/option-values.ts';
import { coversHost } from '../pki/certificate.ts';
import type { Task } from '../provision/provisioner.ts';
import { serverHosts } from './create.ts';
import { fitFirewalls } from './firewalls.ts';
import { engineSpecOf, type Machine, type MachineDeps, provisionerOf } from './machine.ts';
import { waitForAddress, waitForEngine } from './readiness.ts';
import type { StoredMachine } from './store.ts';
import { MANAGER_NAME } from './swarm/containers.ts';
import { restartContainer } from './swarm/swarm.ts';
import { letThisComputerIn } from './this-computer.ts';
import { issueServer, renewClient, writeClient } from './trust.ts';

/** What can be done to a machine as a whole. */
export type PowerAction = 'start' | 'stop' | 'restart' | 'kill';

const ANSWER_WITHIN_MS = 120_000;

/**
 * Starts, stops, restarts or kills the machine. After a start its address is looked up again, and if that changed it gets a
 * certificate for the new one. Throws a ConflictError when it is in that state already.
 */
export async function changePower(
  machine: Machine,
  action: PowerAction,
  context: MachineDeps,
  task: Task,
): Promise<void> {
  const { driver, stored } = machine;
  const { name } = stored.record;
  const state = await driver.state(task.signal);
  if (action === 'start' && state === 'Running')
    throw new ConflictError(`Machine "${name}" is already running.`, 'RUNNING');
  if ((action === 'stop' || action === 'kill') && state === 'Stopped')
    throw new ConflictError(`Machine "${name}" is already stopped.`, 'STOPPED');
  task.report(`${PROGRESS[action]} "${name}"`);
  await driver[action](task.signal);
  if (action === 'start' || action === 'restart') await afterStart(machine, context, task);
}

const PROGRESS: Readonly<Record<PowerAction, string>> = {
  start: 'starting',
  stop: 'stopping',
  restart: 'restarting',
  kill: 'killing',
};

async function afterStart(machine: Machine, context: MachineDeps, task: Task): Promise<void> {
  const { stored } = machine;
  const before = stored.record.address?.ip;
  await waitForAddress(machine, context, task);
  if (stored.record.address?.ip !== before) await fitFirewalls(stored.record, context, task, machine);
  await letThisComputerIn(machine, await provisionerOf(machine), { context, task, isSetUp: false });
  const { ip } = stored.record.address ?? {};
  const pem = await readFile(join(stored.tlsFolder, 'server.pem'), 'utf8').catch(() => undefined);
  if (pem !== undefined && ip !== undefined && !coversHost(pem, ip)) {
    task.report(`its address is ${ip} now: making a certificate for it`);
    await regenerateServer(machine, context, task, true);
  }
  if (pem === undefined) return;
  task.report('waiting for its engine');
  await waitForEngine(machine, context, task, ANSWER_WITHIN_MS);
}

/**
 * A new certificate for the machine's present address, put into use without restarting containers. Where the engine cannot do that
 * it throws a ConflictError, unless `mayRestart`.
 */
export async function regenerateServer(
  machine: Machine,
  context: MachineDeps,
  task: Task,
  mayRestart: boolean,
): Promise<void> {
  const { stored } = machine;
  const provisioner = await provisionerOf(machine);
  if (provisioner === undefined)
    throw new DriverError(
      `the certificates of "${stored.record.name}" are not ours to make: its engine was there before`,
      'NOT_OURS',
    );
  const isServed = stored.record.reach !== 'ssh';
  if (isServed && !mayRestart && (await provisioner.restartsContainers?.(task)))
    throw new ConflictError(
      `the engine of "${stored.record.name}" carries cluster networks: it takes new certificates only by restarting its containers. Say --force to do it now`,
      'RESTARTS_CONTAINERS',
    );
  await waitForAddress(machine, context, task);
  const trust = { ...context, signal: task.signal };
  task.report('making certificates');
  const certificates = await issueServer(stored, serverHosts(stored.record), trust);
  await letThisComputerIn(machine, provisioner, { context, task, isSetUp: false });
  task.report('handing them to the engine');
  await provisioner.replaceCertificates(await engineSpecOf(machine, task.signal), certificates, task);
  await waitForEngine(machine, context, task, ANSWER_WITHIN_MS);
  if (stored.record.swarm?.isMaster) await restartContainer(machine, MANAGER_NAME, task.signal);
}

/** Notes down where a machine is now, for a driver that has no provider to ask. Its certificate comes next. */
export async function moveMachine(
  name: string,
  address: string,
  { store }: MachineDeps,
  signal: AbortSignal,
): Promise<void> {
  const lock = await store.lock(name, 'regenerate-certs', signal);
  try {
    const stored = await store.load(name);
    const { driver } = stored.record;
    const given = readdressed(driver, (await loadDriver(driver)).options, address);
    await stored.update((old) => ({ ...old, options: { ...old.options, ...given } }));
  } finally {
    await lock.close();
  }
}

/** A new client certificate for every machine of an authority; engines take it without being told. Returns their names. */
export async function regenerateClient(
  authority: string,
  context: MachineDeps,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const files = await renewClient(authority, { ...context, signal });
  const changed: string[] = [];
  for (const name of await context.store.names()) {
    const stored = await context.store.load(name).catch(() => undefined);
    if (stored?.record.authority !== authority) continue;
    await writeClient(stored, files);
    changed.push(name);
  }
  return changed;
}

/** Brings the engine to what the store says and the newest certificates; safe at any time. */
export async function provisionAgain(machine: Machine, context: MachineDeps, task: Task): Promise<void> {
  const provisioner = await provisionerOf(machine);
  if (provisioner === undefined) throw new DriverError('its engine is not ours to set up', 'NOT_OURS');
  await waitForAddress(machine, context, task);
  const { stored } = machine;
  await letThisComputerIn(machine, provisioner, { context, task, isSetUp: true });
  await fitFirewalls(stored.record, context, task, machine);
  const certificates = await issueServer(stored, serverHosts(stored.record), { ...context, signal: task.signal });
  await provisioner.provision(await engineSpecOf(machine, task.signal), certificates, task);
  await waitForEngine(machine, context, task, ANSWER_WITHIN_MS);
}

/** Installs the newest engine, and on a master the newest etcd. */
export async function upgradeEngine(machine: Machine, context: MachineDeps, task: Task): Promise<void> {
  const provisioner = await provisionerOf(machine);
  if (provisioner === undefined) throw new DriverError('its engine is not ours to upgrade', 'NOT_OURS');
  await letThisComputerIn(machine, provisioner, { context, task, isSetUp: false });
  await provisioner.upgrade(await engineSpecOf(machine, task.signal), task);
  await waitForEngine(machine, context, task, ANSWER_WITHIN_MS);
  if (machine.stored.record.etcd === undefined) return;
  task.report('upgrading the server of the store that managers share');
  await provisioner.upgradeEtcd?.(task);
}

/**
 * Removes the machine at its provider and then from the store. With `isForced` it is forgotten here even if the provider does
 * not let go of it, or its file cannot be read; the error is then reported instead of thrown.
 */
export async function removeMachine(
  name: string,
  context: MachineDeps,
  open: () => Promise<Machine>,
  isForced: boolean,
  task: Task,
): Promise<void> {
  const lock = await context.store.lock(name, 'rm', task.signal);
  try {
    await leaveOthers(name, context, open, isForced, task);
    const known = await context.store.load(name).catch(() => undefined);
    if (known !== undefined) {
      // Once it is out of its cluster, nothing but this tells that it is to go.
      await known.update((old) => ({ ...old, isLeaving: true }));
      await leaveSwarm(known, context, task);
    }
    await removeAtProvider(open, task).catch((error: unknown) => {
      if (!isForced || task.signal.aborted) throw error;
      task.report(
        `forgotten here; at its provider something may be left: ${error instanceof Error ? error.message : error}`,
      );
    });
    const record = known?.record;
    if (record?.credentials === 'keyring') await context.keyring?.remove(record.id);
    await context.store.remove(name);
    if (record?.mesh !== undefined) {
      const { leaveMesh } = await import('./swarm/leave.ts');
      await leaveMesh(record, context, task);
    }
    // It has no place at the others' firewalls any more; what fails there is told.
    if (known) await fitFirewalls(known.record, context, task);
    if (known?.record.replicated) {
      const { tellOthers } = await import('./swarm/fence.ts');
      await tellOthers(known, context, task);
    }
  } finally {
    await lock.close();
  }
}

/** One of several managers hands over what it has before anything of it goes. */
async function leaveOthers(
  name: string,
  context: MachineDeps,
  open: () => Promise<Machine>,
  isForced: boolean,
  task: Task,
): Promise<void> {
  const known = await context.store.load(name).catch(() => undefined);
  if (!known?.record.replicated && known?.record.etcd === undefined) return;
  const { leaveMasters } = await import('./masters/leave.ts');
  const machine = await open().catch((error: unknown) => {
    if (!isForced) throw error;
    task.report(`it is not taken out of the store that the managers share: ${reasonOf(error)}`);
  });
  if (!machine) return;
  try {
    await leaveMasters(machine, context, isForced, task);
  } finally {
    await machine.close();
  }
}

/** Its engine leaves the swarm before it goes: a new machine at its address must not be taken for it. */
async function leaveSwarm(stored: StoredMachine, context: MachineDeps, task: Task): Promise<void> {
  if (stored.record.swarm === undefined) return;
  const { endAgent, leaveDiscovery } = await import('./swarm/leave.ts');
  task.report('leaving the swarm');
  await endAgent(stored, task.signal).catch(() => task.signal.throwIfAborted());
  await leaveDiscovery(stored.record, context, task);
}

async function removeAtProvider(open: () => Promise<Machine>, task: Task): Promise<void> {
  const machine = await open();
  try {
    if (machine.stored.record.fence !== undefined) {
      const { endFence } = await import('./swarm/fence.ts');
      await endFence(machine, task);
    }
    if (machine.stored.record.mesh !== undefined) {
      const { endMesh } = await import('./swarm/mesh.ts');
      await endMesh(machine, task);
    }
    await machine.driver.remove(task.signal);
  } finally {
    await machine.close();
  }
}
