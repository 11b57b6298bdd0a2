import { ClusterError, reasonOf } from '../common/errors.ts';
import { loadDriver } from '../drivers/drivers.ts';
import type { Task } from '../provision/provisioner.ts';
import { type FirewallMember, sourcesOf, unencryptedNote } from './firewall-plan.ts';
import { type Machine, type MachineDeps, openingsFor, openMachine } from './machine.ts';
import type { MachineRecord } from './record.ts';
import type { StoredMachine } from './store.ts';
import { withoutPort } from './swarm/managers.ts';

/** For one firewall: a provider that does not answer keeps the others waiting. */
const WITHIN_MS = 120_000;

/**
 * Lets the machines of a cluster in at each other's firewalls at their providers, and nobody else, after one came, went or has another
 * address. A firewall that cannot be changed now is told with what helps: the others are changed all the same.
 *
 * @param about the machine that came or went
 * @param own its driver, which may have credentials that the store has not
 */
export async function fitFirewalls(
  about: Pick<MachineRecord, 'name' | 'swarm'>,
  context: MachineDeps,
  task: Task,
  own?: Machine,
): Promise<void> {
  if (about.swarm === undefined) return;
  const lock = await context.store.lockFirewalls(about.name, task.signal);
  try {
    const machines = await clusterOf(about, context);
    const members = machines.map(({ record }) => memberOf(record));
    const note = own && unencryptedNote(machines.map(({ record }) => record.driver));
    if (note !== undefined) task.report(note);
    for (const stored of machines) await fitOne(stored, members, { about, context, task, own });
  } finally {
    await lock.close();
  }
}

interface Fitting {
  readonly about: Pick<MachineRecord, 'name'>;
  readonly context: MachineDeps;
  readonly task: Task;
  readonly own: Machine | undefined;
}

async function fitOne(
  stored: StoredMachine,
  members: readonly FirewallMember[],
  { about, context, task, own }: Fitting,
): Promise<void> {
  const { record } = stored;
  if (record.isLeaving) return;
  const signal = AbortSignal.any([task.signal, AbortSignal.timeout(WITHIN_MS)]);
  const isOwn = own !== undefined && record.name === about.name;
  let machine: Machine | undefined;
  try {
    if (!(await loadDriver(record.driver)).fitsFirewalls) return;
    machine = isOwn ? own : await openMachine(stored, context, task);
    const others = members.filter(({ name }) => name !== record.name);
    await machine.driver.fitFirewall?.(sourcesOf(openingsFor(record), others), signal);
  } catch (error) {
    task.signal.throwIfAborted();
    // Without it nobody would reach this machine's part of the cluster's networks.
    if (isOwn) throw error;
    const isGone = error instanceof ClusterError && error.code === 'MACHINE_GONE';
    if (!isGone)
      task.report(
        `the firewall of "${record.name}" is not fitted: ${reasonOf(error)}. Repeat it with "enxame machine provision ${record.name}"`,
      );
  } finally {
    if (!isOwn) await machine?.close();
  }
}

/** What a create would change at the firewalls of the machines that are there, line by line; nothing is asked or changed. */
export async function dryFirewalls(
  about: Pick<MachineRecord, 'name' | 'driver' | 'swarm' | 'engine'>,
  context: Pick<MachineDeps, 'store'>,
): Promise<readonly string[]> {
  if (about.swarm === undefined) return [];
  const machines = (await clusterOf(about, context)).filter(({ record }) => record.isLeaving !== true);
  const ports = openingsFor(about).flatMap(({ port, protocol, to }) =>
    to === 'everywhere' ? [] : `${port}/${protocol} ${to === 'masters' ? '(masters)' : ''}`.trim(),
  );
  const names = machines.map(({ record }) => record.name).join(', ');
  const { fitsFirewalls = false } = await loadDriver(about.driver);
  const note = unencryptedNote([about.driver, ...machines.map(({ record }) => record.driver)]);
  return [
    fitsFirewalls
      ? `let in at its firewall from the machines of its cluster alone (${names || 'none yet'}): ${ports.join(', ')}`
      : `open to everywhere, as driver ${about.driver} has no firewall that is changed later: ${ports.join(', ')}`,
    ...(machines.length === 0 ? [] : [`let it in at the firewalls of ${names}`]),
    ...(note === undefined ? [] : [note]),
  ];
}

/** The machines of one cluster in the store; files that cannot be read are left out. */
async function clusterOf(
  { swarm }: Pick<MachineRecord, 'swarm'>,
  { store }: Pick<MachineDeps, 'store'>,
): Promise<StoredMachine[]> {
  const all = await Promise.all(
    (await store.names()).map(async (name) => await store.load(name).catch(() => undefined)),
  );
  return all.filter(
    (each) => each !== undefined && each.record.swarm?.discovery === swarm?.discovery,
  ) as StoredMachine[];
}

function memberOf({ name, swarm, address, isLeaving }: MachineRecord): FirewallMember {
  const advertised = swarm?.addr && withoutPort(swarm.addr).replace(/^\[(.*)\]$/, '$1');
  const addresses = isLeaving ? [] : [address?.ip, advertised].flatMap((each) => each ?? []);
  return { name, isMaster: swarm?.isMaster === true, addresses };
}
