import { randomBytes } from 'node:crypto';
import type { Clock } from '../common/clock.ts';
import type { Change, Driver, DriverModule, Lookup } from '../drivers/driver.ts';
import { loadDriver } from '../drivers/drivers.ts';
import { openJournal } from '../drivers/journal.ts';
import { resolveOptions } from '../drivers/option-values.ts';
import type { OptionValue } from '../drivers/options.ts';
import type { EngineSpec, Provisioner } from '../provision/provisioner.ts';
import type { Keyring } from './keyring.ts';
import { ETCD_PORTS, hasOwnStore } from './masters/own-store.ts';
import type { MachineRecord, SwarmSettings } from './record.ts';
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
  const driver = module.open({
    name: record.name,
    id: record.id,
    options: storedOptions(module, { ...record.options, ...secrets }, env),
    env,
    tags: tagsOf(record),
    ports: portsOf(record),
    udpPorts: record.swarm ? NETWORK_UDP_PORTS : [],
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
  const { tlsSans: _unused, storageDriver, installUrl, ...engine } = record.engine;
  return {
    ...engine,
    name: record.name,
    driver: record.driver,
    labels: { provider: record.driver, ...(await machine.driver.labels(signal)), ...engine.labels },
    ...(storageDriver === undefined ? {} : { storageDriver }),
    ...(installUrl === undefined ? {} : { installUrl }),
  };
}

/** What marks a machine's resources at its provider as its own. */
function tagsOf(record: MachineRecord): Readonly<Record<string, string>> {
  const fleet = record.fleet === undefined ? {} : { 'enxame-fleet': record.fleet };
  return { 'enxame-machine': record.name, 'enxame-id': record.id, ...fleet };
}

const SSH_PORT = 22;
/** Cluster networks stand on Docker's swarm mode: 2377/tcp management, 7946/tcp+udp gossip, 4789/udp VXLAN data. */
const NETWORK_TCP_PORTS = [2377, 7946];
const NETWORK_UDP_PORTS = [4789, 7946];

/** Where agents that end strict containers ask each other whether a manager is heard. */
export const PEER_PORT = 2378;

/** The TCP ports others must reach on a machine, ascending. */
export function portsOf(record: Pick<MachineRecord, 'engine' | 'swarm'>): readonly number[] {
  // Those of the store are let through from the first master on: its provider's firewall is made with it.
  const manager = record.swarm?.isMaster ? [managerPort(record.swarm.host), ...storePorts(record.swarm)] : [];
  const networks = record.swarm ? [...NETWORK_TCP_PORTS, PEER_PORT] : [];
  return [...new Set([SSH_PORT, record.engine.port, ...manager, ...networks])].sort((a, b) => a - b);
}

/** Where the servers of the managers' store are reached; none where discovery brings a store. */
function storePorts(swarm: SwarmSettings): readonly number[] {
  return hasOwnStore(swarm) ? [] : Object.values(ETCD_PORTS);
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
