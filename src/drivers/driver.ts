import type { Clock } from '../common/clock.ts';
import type { Provisioner } from '../provision/provisioner.ts';
import type { Shell } from '../provision/shell.ts';
import type { ResourceJournal } from './journal.ts';
import type { Env, Need } from './needs.ts';
import type { DriverOption, OptionValues, ValuesOf } from './options.ts';
import type { MachineState } from './state.ts';

/** Version of this interface; a driver package that was written for another one is refused with a clear line. */
export const DRIVER_API = 1;

/**
 * A driver: how machines are made at one provider. `drivers/NAME.ts` and npm packages `enxame-driver-NAME` export one as
 * `driver`. Loading it does nothing and touches nothing.
 */
export interface DriverModule {
  readonly api: typeof DRIVER_API;
  /** As in `--driver NAME`. */
  readonly name: string;
  /** One line for lists of drivers. */
  readonly summary: string;
  readonly options: readonly DriverOption[];
  /**
   * The address at which its machines reach this computer; makes the network they share when that is not there yet. Absent where
   * there is none that is known beforehand (clouds).
   */
  hostAddress?(options: OptionValues, signal: AbortSignal): Promise<string>;
  /**
   * What making a machine needs on this computer: its library or program, and credentials where they are looked for without a flag.
   * Reads the environment and files, asks nobody, and takes milliseconds.
   */
  needs?(env: Env): Promise<readonly Need[]>;
  /** Whether its machines have firewalls that can be changed later, see {@link Driver.fitFirewall}. */
  readonly fitsFirewalls?: boolean;
  /** The driver of one machine. Makes and asks nothing yet; throws a UsageError for options that contradict each other. */
  open(context: DriverContext): Driver;
}

/** Networks (CIDR) that may reach a port, by `7946/udp`; a port that is not named is for everywhere, one with none for nobody yet. */
export type PortSources = ReadonlyMap<string, readonly string[]>;

/** How a firewall is fitted. */
export interface FitOptions {
  /** Not all machines of the cluster are known: who was let in stays. */
  readonly isPartial?: boolean;
}

/** What a driver is given for one machine. */
export interface DriverContext<Values = OptionValues> {
  /** The machine's name: letters, digits, dots and dashes. */
  readonly name: string;
  /** Never changes and never comes twice, also across stores: tells two people's machines of one name apart. */
  readonly id: string;
  /** Checked values: flag, else environment, else the default. */
  readonly options: Values;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Every resource that can carry tags or labels is made with these; what carries them is this machine's alone. */
  readonly tags: Readonly<Record<string, string>>;
  /**
   * TCP ports that others must reach, ascending: SSH, the engine, a swarm master's port, those of cluster networks. Open
   * these and no others.
   */
  readonly ports: readonly number[];
  /** The same for UDP: cluster networks' gossip and data. */
  readonly udpPorts: readonly number[];
  /** Who may reach which of these, for drivers that {@link DriverModule.fitsFirewalls}; absent: everywhere. */
  readonly sources?: PortSources | undefined;
  /** A folder of this machine's own for keys, disks and the like; there, for its owner only. Store names relative to it. */
  readonly directory: string;
  /** What exists at the provider for this machine. */
  readonly journal: ResourceJournal;
  /** Says what is going on, in a few words without a full stop: `waiting for an address`. */
  readonly report: (text: string) => void;
  /** Through which every change at the provider goes. */
  readonly change: Change;
  /** Through which `create` reads what it has to know of the provider. */
  readonly lookup: Lookup;
  readonly clock: Clock;
}

/**
 * Makes one change at the provider: runs `make`. With `--dry-run` it prints `call` instead and answers `planned`, a stand-in such as
 * `{ id: '<server>' }`.
 */
export type Change = <T>(call: ProviderCall, make: () => Promise<T>, planned: T) => Promise<T>;

/**
 * Reads something at the provider that a create needs: the ID behind a name. With `--dry-run` the provider is not asked, and the
 * answer is `planned`, a stand-in such as `<network hive>`.
 */
export type Lookup = <T>(read: () => Promise<T>, planned: T) => Promise<T>;

/** A call at a provider as `--dry-run` shows it. No secrets. */
export interface ProviderCall {
  /** `POST /v1/servers`, `RunInstances`, `VBoxManage createvm`. */
  readonly action: string;
  readonly parameters?: Readonly<Record<string, unknown>>;
}

/**
 * One machine at a provider. Every method may be called in any state and again after a failure or a lost process, and ends soon
 * after `signal` is aborted. Failures are {@link DriverError}s of one line: what, why, what next.
 */
export interface Driver {
  /** Finds out whether `create` can work: credentials, names, sizes, images, tools, limits. Makes nothing. */
  check(signal: AbortSignal): Promise<void>;
  /**
   * Makes what is missing and resolves when the machine has been asked to run. Everything made is in the journal before the
   * next thing is made, so that a create that was cut off can go on or be removed.
   */
  create(signal: AbortSignal): Promise<void>;
  /** Rejects with code `MACHINE_GONE` when the provider has no such machine (any more). */
  state(signal: AbortSignal): Promise<MachineState>;
  /** Resolves when the machine has been asked to run; a running one is left alone. */
  start(signal: AbortSignal): Promise<void>;
  /** Shuts down gracefully; resolves when it has stopped. A stopped one is left alone. */
  stop(signal: AbortSignal): Promise<void>;
  restart(signal: AbortSignal): Promise<void>;
  /** Stops at once, as by pulling the plug. */
  kill(signal: AbortSignal): Promise<void>;
  /** Removes all that the journal names or that carries the machine's tags. What is gone already is no error. */
  remove(signal: AbortSignal): Promise<void>;
  /**
   * Makes the machine's own firewall let in what its ports need and nobody else, now that other machines came or went. Rules that it did
   * not make stay, and so do firewalls that the person named. Nothing happens to a machine that is not made yet.
   */
  fitFirewall?(sources: PortSources, signal: AbortSignal, options?: FitOptions): Promise<void>;
  /** The address others reach it at; rejects with code `NO_ADDRESS` while it has none. */
  ip(signal: AbortSignal): Promise<string>;
  /** The engine's address: `tcp://IP:2376` (mutual TLS), `ssh://…` or what the person gave. */
  url(signal: AbortSignal): Promise<string>;
  /** How to run commands on it; undefined when there is no way. */
  shell(signal: AbortSignal): Promise<Shell | undefined>;
  /**
   * Labels of its engine that tell where it is and what it costs: `provider` (where the driver's name does not tell it), `region`, `zone`,
   * `instance-type`, and `spot=true` for one that its provider may take back; as far as they apply.
   */
  labels(signal: AbortSignal): Promise<Readonly<Record<string, string>>>;
  /**
   * How the engine gets onto the machine: `ssh` over {@link Driver.shell}, `none` when there is one that is not ours to touch, or the
   * driver's own way.
   */
  readonly provisioning: 'ssh' | 'none' | Provisioner;
  /** Whether {@link Driver.check} asks a provider: a dry run then leaves it out, so that it needs no connection. */
  readonly isRemote?: boolean;
  /** For `provisioning: 'none'`: PEM texts `docker` must show to the engine; absent or undefined: it is reached without TLS. */
  clientCertificates?(signal: AbortSignal): Promise<ClientCertificates | undefined>;
  /** Frees connections. May be called again. */
  close(): Promise<void>;
}

/** PEM texts for a client of an engine. */
export interface ClientCertificates {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** A driver whose options have their types in `open`. */
export interface DriverDefinition<Options extends readonly DriverOption[]> {
  readonly name: string;
  readonly summary: string;
  readonly options: Options;
  hostAddress?(options: ValuesOf<Options>, signal: AbortSignal): Promise<string>;
  needs?(env: Env): Promise<readonly Need[]>;
  readonly fitsFirewalls?: boolean;
  open(context: DriverContext<ValuesOf<Options>>): Driver;
}

/** A driver whose `open` sees its options' values with their types. */
export function defineDriver<const Options extends readonly DriverOption[]>(
  definition: DriverDefinition<Options>,
): DriverModule {
  const { name, summary, options, hostAddress, needs, fitsFirewalls = false } = definition;
  return {
    api: DRIVER_API,
    name,
    summary,
    options,
    fitsFirewalls,
    ...(hostAddress === undefined
      ? {}
      : { hostAddress: (values, signal) => hostAddress(values as unknown as ValuesOf<Options>, signal) }),
    ...(needs === undefined ? {} : { needs }),
    // The values were checked against these very options.
    open: (context) => definition.open(context as unknown as DriverContext<ValuesOf<Options>>),
  };
}
