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
 * @param which `own` is for its own firewall alone: its place at those of others is the same
 */
export async function fitFirewalls(
  about: Pick<MachineRecord, 'name' | 'swarm'>,
  context: MachineDeps,
  task: Task,
  own?: Machine,
  which: 'all' | 'own' = 'all',
): Promise<void> {
  if (about.swarm === undefined) return;
  const lock = await context.store.lockFirewalls(about.name, task.signal);
  try {
    const { machines, unread } = await clusterOf(about, context);
    for (const each of unread)
      task.report(
        `${each}. Its machine may be of this cluster: until that is mended, nobody who was let in is taken out of a firewall`,
      );
    const members = machines.map(({ record }) => memberOf(record));
    if (own !== undefined && which === 'all')
      for (const note of notesOf(machines.map(({ record }) => record))) task.report(note);
    const meant = machines.filter(({ record }) => which === 'all' || record.name === about.name);
    for (const stored of meant)
      await fitOne(stored, members, { about, context, task, own, isPartial: unread.length > 0 });
  } finally {
    await lock.close();
  }
}

interface Fitting {
  readonly about: Pick<MachineRecord, 'name'>;
  readonly context: MachineDeps;
  readonly task: Task;
  readonly own: Machine | undefined;
  /** There are records that cannot be read, of machines that may be members. */
  readonly isPartial: boolean;
}

async function fitOne(
  stored: StoredMachine,
  members: readonly FirewallMember[],
  { about, context, task, own, isPartial }: Fitting,
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
    await machine.driver.fitFirewall?.(sourcesOf(openingsFor(record), others, memberOf(record)), signal, { isPartial });
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
  about: Pick<MachineRecord, 'name' | 'driver' | 'swarm' | 'engine' | 'reach'>,
  context: Pick<MachineDeps, 'store'>,
): Promise<readonly string[]> {
  if (about.swarm === undefined) return [];
  const known = await clusterOf(about, context);
  const machines = known.machines.filter(({ record }) => record.isLeaving !== true);
  const openings = openingsFor(about);
  const ports = openings.flatMap(({ port, protocol, to }) =>
    to === 'everywhere' || to === 'managers' ? [] : `${port}/${protocol} ${to === 'masters' ? '(masters)' : ''}`.trim(),
  );
  const names = machines.map(({ record }) => record.name).join(', ');
  const { fitsFirewalls = false } = await loadDriver(about.driver);
  const managers = managersOf(about, machines);
  const notes = notesOf([about, ...machines.map(({ record }) => record)]);
  const audience = fitsFirewalls
    ? `let in at its firewall from the machines of its cluster alone (${names || 'none yet'})`
    : `open to everywhere, as driver ${about.driver} has no firewall that is changed later`;
  const everywhere = openings.flatMap(({ port, protocol, to }) =>
    to === 'everywhere' && protocol === 'udp' ? port : [],
  );
  return [
    ...(ports.length === 0 ? [] : [`${audience}: ${ports.join(', ')}`]),
    ...(everywhere.length === 0 ? [] : [`open to everywhere, for tunnels of the mesh: ${everywhere.join(', ')}/udp`]),
    ...(fitsFirewalls && managers.length > 0 && openings.some(({ port }) => port === about.engine.port)
      ? [`open its engine (${about.engine.port}/tcp) to ${managers.join(', ')} and this computer alone`]
      : []),
    ...(machines.length === 0 ? [] : [`let it in at the firewalls of ${names}`]),
    ...notes,
    ...known.unread,
  ];
}

/** What the machines of a cluster should be told of how they reach each other, the new one first or among them. */
function notesOf(machines: readonly Pick<MachineRecord, 'driver' | 'swarm'>[]): readonly string[] {
  const outside = machines.filter(({ swarm }) => !swarm?.isMesh);
  const note = unencryptedNote(outside.map(({ driver }) => driver));
  const isMixed = outside.length > 0 && outside.length < machines.length;
  return [
    ...(note === undefined ? [] : [note]),
    ...(isMixed
      ? [
          `${outside.length} of the ${machines.length} machines of this cluster are not in the mesh: containers on cluster networks do not reach from one kind to the other. Make all of them with --mesh, or none`,
        ]
      : []),
  ];
}

function managersOf({ swarm }: Pick<MachineRecord, 'swarm'>, machines: readonly StoredMachine[]): readonly string[] {
  const masters = machines.filter(({ record }) => record.swarm?.isMaster).map(({ record }) => record.name);
  return [...masters, ...(swarm?.isMaster ? ['itself'] : [])];
}

interface KnownCluster {
  readonly machines: readonly StoredMachine[];
  /** Why records could not be read, of which nobody knows whether they are of this cluster. */
  readonly unread: readonly string[];
}

/** The machines of one cluster in the store. */
async function clusterOf(
  { swarm }: Pick<MachineRecord, 'swarm'>,
  { store }: Pick<MachineDeps, 'store'>,
): Promise<KnownCluster> {
  const unread: string[] = [];
  const all = await Promise.all(
    (await store.names()).map((name) =>
      store.load(name).catch((error: unknown) => {
        // One that was removed in this moment is none.
        if (!(error instanceof ClusterError && error.code === 'NO_SUCH_MACHINE')) unread.push(reasonOf(error));
        return undefined;
      }),
    ),
  );
  const machines = all.filter((each) => each !== undefined);
  return { machines: machines.filter(({ record }) => record.swarm?.discovery === swarm?.discovery), unread };
}

function memberOf({ name, swarm, address, isLeaving }: MachineRecord): FirewallMember {
  const advertised = swarm?.addr && withoutPort(swarm.addr).replace(/^\[(.*)\]$/, '$1');
  const addresses = isLeaving ? [] : [address?.ip, advertised].flatMap((each) => each ?? []);
  return { name, isMaster: swarm?.isMaster === true, addresses };
}
