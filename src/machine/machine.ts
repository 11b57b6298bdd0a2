import { randomBytes } from 'node:crypto';
import type { Clock } from '../common/clock.ts';
import { DriverError } from '../common/errors.ts';
import type { Change, Driver, DriverModule, Lookup } from '../drivers/driver.ts';
import { loadDriver } from '../drivers/drivers.ts';
import { openJournal } from '../drivers/journal.ts';
import { resolveOptions } from '../drivers/option-values.ts';
import type { OptionValue } from '../drivers/options.ts';
import type { EngineSpec, Provisioner } from '../provision/provisioner.ts';
import { type Opening, openingsOf, sourcesOf } from './firewall-plan.ts';
import type { Keyring } from './keyring.ts';
import { ETCD_PORTS, hasOwnStore } from './masters/own-store.ts';
import { meshPort, meshPublic } from './mesh-port.ts';
import type { MachineRecord } from './record.ts';
import type { MachineStore, StoredMachine } from './store.ts';

/** What work on machines needs of its surroundings. */
export interface MachineDeps {
  readonly store: MachineStore;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  /** Where credentials can be kept that the person wants kept; absent: only in the store. */
  readonly keyring?: Keyring | undefined;
  /** Whose certificates a machine gets that is made now; absent: our own authority's. */
  readonly authority?: string | undefined;
}

/** A machine of the store with its driver. */
export interface Machine {
  readonly stored: StoredMachine;
  readonly module: DriverModule;
  readonly driver: Driver;
  close(): Promise<void>;
}

/** How a machine is opened. */
export interface OpenOptions {
  readonly report?: (text: string) => void;
  /** Replaces how changes are made, for dry runs. */
  readonly change?: Change;
  /** Replaces how a create reads at the provider, for dry runs. */
  readonly lookup?: Lookup;
  /** Credentials that are not in the store, by flag. */
  readonly secrets?: Readonly<Record<string, OptionValue>>;
}

/** Loads the driver of a stored machine. What the store does not keep (credentials) comes from the environment again. */
export async function openMachine(
  stored: StoredMachine,
  { env, clock, keyring }: MachineDeps,
  options: OpenOptions = {},
): Promise<Machine> {
  const { record } = stored;
  const module = await loadDriver(record.driver);
  const secrets = options.secrets ?? (record.credentials === 'keyring' ? await keyring?.get(record.id) : undefined);
  const report = options.report ?? (() => undefined);
  const openings = openingsFor(record);
  const driver = module.open({
    name: record.name,
    id: record.id,
    options: storedOptions(module, { ...record.options, ...secrets }, env),
    env,
    tags: tagsOf(record),
    ports: portsIn(openings, 'tcp'),
    udpPorts: portsIn(openings, 'udp'),
    // The other machines are let in once it has an address, and they are told of it.
    ...(module.fitsFirewalls && { sources: sourcesOf(openings, []) }),
    directory: stored.driverFolder,
    journal: openJournal(
      {
        load: () => stored.record.resources,
        save: (resources) => stored.update((old) => ({ ...old, resources })),
      },
      () => randomBytes(8).toString('hex'),
    ),
    report,
    change: options.change ?? ((_call, make) => make()),
    lookup: options.lookup ?? ((read) => read()),
    clock,
  });
  return { stored, module, driver, close: () => driver.close() };
}

/** Loads a machine by name and opens it. Throws `NO_SUCH_MACHINE`. */
export async function openByName(name: string, context: MachineDeps, options?: OpenOptions): Promise<Machine> {
  return await openMachine(await context.store.load(name), context, options);
}

/** Who puts the engine on the machine; undefined when it is not ours to touch. */
export async function provisionerOf(machine: Machine): Promise<Provisioner | undefined> {
  const { provisioning } = machine.driver;
  if (provisioning === 'none') return undefined;
  if (provisioning !== 'ssh') return provisioning;
  // SSH is a lot of code for commands that only look.
  const { sshProvisioner } = await import('../provision/ssh-provisioner.ts');
  return sshProvisioner(machine.driver);
}

/** What the engine of a machine is to be like. */
export async function engineSpecOf(machine: Machine, signal: AbortSignal): Promise<EngineSpec> {
  const { record } = machine.stored;
  const { tlsSans: _unused, storageDriver, installUrl, port, ...engine } = record.engine;
  return {
    ...engine,
    ...(record.reach === 'ssh' ? {} : { port }),
    name: record.name,
    driver: record.driver,
    labels: { provider: record.driver, ...(await machine.driver.labels(signal)), ...engine.labels },
    ...(storageDriver === undefined ? {} : { storageDriver }),
    ...(installUrl === undefined ? {} : { installUrl }),
  };
}

/** Where the machine's engine is reached, as its driver says it is now: `ssh://user@host:port` for one that listens at its own socket alone. */
export async function engineUrl({ stored, driver }: Machine, signal: AbortSignal): Promise<string> {
  if (stored.record.reach !== 'ssh') return await driver.url(signal);
  const shell = await driver.shell(signal);
  if (shell?.kind !== 'ssh') throw new DriverError(`"${stored.record.name}" has no address yet`, 'NO_ADDRESS');
  const host = shell.host.includes(':') ? `[${shell.host}]` : shell.host;
  return `ssh://${shell.user}@${host}:${shell.port}`;
}

/** What marks a machine's resources at its provider as its own. */
function tagsOf(record: MachineRecord): Readonly<Record<string, string>> {
  const fleet = record.fleet === undefined ? {} : { 'enxame-fleet': record.fleet };
  return { 'enxame-machine': record.name, 'enxame-id': record.id, ...fleet };
}

const SSH_PORT = 22;
/** What a machine needs open, and for whom: see `firewall-plan.ts`. */
export function openingsFor(
  record: Pick<MachineRecord, 'driver' | 'engine' | 'swarm' | 'computers' | 'reach'>,
): readonly Opening[] {
  const { swarm, engine, computers } = record;
  const role = { sshPort: SSH_PORT, enginePort: record.reach === 'ssh' ? undefined : engine.port };
  if (swarm === undefined) return openingsOf({ kind: 'alone' }, role);
  // Those of the store are let through from the first master on: its provider's firewall is made with it.
  const store = hasOwnStore(swarm) ? {} : { store: ETCD_PORTS };
  const master = swarm.isMaster ? { managerPort: managerPort(swarm.host), ...store } : {};
  const mode = swarm.isMesh
    ? ({ kind: 'mesh', port: meshPort(record), isPublic: meshPublic(record) !== undefined } as const)
    : ({ kind: 'ports' } as const);
  return openingsOf(mode, { ...role, ...master, ...(computers && { computers: Object.values(computers) }) });
}

function portsIn(openings: readonly Opening[], protocol: Opening['protocol']): readonly number[] {
  const ports = openings.flatMap((each) => (each.protocol === protocol ? each.port : []));
  return [...new Set(ports)].sort((a, b) => a - b);
}

/** The port of `--swarm-host`. */
export function managerPort(host: string): number {
  return Number(/:(\d+)\/?$/.exec(host)?.[1] ?? 3376);
}

/** Stored values count; the environment is asked for credentials only, so that it cannot change what a machine is. */
function storedOptions(
  module: DriverModule,
  values: Readonly<Record<string, OptionValue>>,
  env: MachineDeps['env'],
): Readonly<Record<string, OptionValue>> {
  const options = module.options.map((option) => {
    if (option.isSecret) return option;
    const { env: _later, ...rest } = option;
    return rest;
  });
  return resolveOptions(module.name, options, values, env);
}
