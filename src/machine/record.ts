import { z } from 'zod';
import type { Resource } from '../drivers/journal.ts';
import type { OptionValue } from '../drivers/options.ts';
import { StoreError } from './errors.ts';

/** A machine as the store keeps it. */
export interface MachineRecord {
  readonly version: 1;
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  /** ISO 8601, UTC. */
  readonly createdAt: string;
  /** The driver's options by flag; credentials only where the person asked for it. */
  readonly options: Readonly<Record<string, OptionValue>>;
  /** Where the driver's credentials are, if the person asked to keep them: among `options`, or in the system's keyring. */
  readonly credentials?: 'options' | 'keyring' | undefined;
  readonly engine: EngineSettings;
  /** How its engine is reached: `ssh`, through SSH at its own socket, as it listens nowhere else; absent: as its driver says, with TLS at a port. */
  readonly reach?: 'ssh' | undefined;
  readonly swarm?: SwarmSettings | undefined;
  /** Whose certificates it uses: an authority of this store; absent: what lies in its `tls` folder is all we have. */
  readonly authority?: string | undefined;
  /** Steps of `create` that are done; complete when `ready` is among them. */
  readonly steps: readonly string[];
  /** Why the last attempt ended before that. */
  readonly failure?: { readonly step: string; readonly reason: string } | undefined;
  readonly resources: readonly Resource[];
  /** Its removal has begun: it has left its cluster, or is about to. */
  readonly isLeaving?: boolean | undefined;
  /** Where it was seen last. */
  readonly address?: { readonly ip?: string | undefined; readonly url: string } | undefined;
  /**
   * Computers whose `enxame machine` set it up, by host name, with the addresses it sees them at. Its engine is open to them and to the masters alone;
   * absent: to everywhere.
   */
  readonly computers?: Readonly<Record<string, string>> | undefined;
  /** Name of the fleet it was made for. */
  readonly fleet?: string | undefined;
  /** Managers (`host:port`) that the agent beside its engine renews with, which ends strict containers; absent: none runs. */
  readonly fence?: readonly string[] | undefined;
  /** Managers (`host:port`) that its agent in the mesh dials; absent: it has none. */
  readonly mesh?: readonly string[] | undefined;
  /** Whether its manager is one of several, which share their records; false: it has them alone. Absent until it was started. */
  readonly replicated?: boolean | undefined;
  /** The server of the managers' store that it runs; absent: none, or the store is that of discovery. */
  readonly etcd?: EtcdSettings | undefined;
  /** Name of its server that left the store, while its machine is being removed. */
  readonly leftStore?: string | undefined;
}

/** A server of etcd, as it was begun. */
export interface EtcdSettings {
  readonly name: string;
  /** The servers there were, as `--initial-cluster` has them. */
  readonly cluster: string;
  /** Tells the servers of one cluster from those of others. */
  readonly token: string;
  /** How it was started last: with something else it has to be started anew. */
  readonly edition?: string | undefined;
}

/** What the person wants of the machine's engine. */
export interface EngineSettings {
  readonly port: number;
  readonly labels: Readonly<Record<string, string>>;
  /** Flags of dockerd without dashes: `log-driver=local`. */
  readonly options: readonly string[];
  readonly env: readonly string[];
  readonly insecureRegistries: readonly string[];
  readonly registryMirrors: readonly string[];
  readonly storageDriver?: string | undefined;
  readonly installUrl?: string | undefined;
  /** More names and addresses for the server certificate. */
  readonly tlsSans: readonly string[];
}

/** The machine's part in a cluster. */
export interface SwarmSettings {
  /** Runs the manager. */
  readonly isMaster: boolean;
  /** Runs the agent that registers its engine. */
  readonly isMember: boolean;
  readonly discovery: string;
  /** `key=value` for the discovery backend of manager and agent. */
  readonly discoveryOptions: readonly string[];
  readonly strategy: string;
  /** Where the manager listens: `tcp://0.0.0.0:3376`. */
  readonly host: string;
  /** What the agent registers and the manager tells others, `host[:port]`; absent: the machine's address. */
  readonly addr?: string | undefined;
  readonly image: string;
  /** Flags of `manage` and `join` without dashes. */
  readonly options: readonly string[];
  readonly joinOptions: readonly string[];
  /** Its agent dials the managers and takes it into the encrypted network of the cluster. */
  readonly isMesh?: boolean | undefined;
  /** Where all others reach its UDP port there: `IP:port`, or a port at the address that managers see it at; absent: as its driver knows. */
  readonly meshPublic?: string | undefined;
}

const optionValue = z.union([z.string(), z.number(), z.boolean(), z.array(z.string()).readonly()]);

const resource: z.ZodType<Resource> = z.object({
  kind: z.string(),
  token: z.string(),
  id: z.string().optional(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()])).optional(),
});

const engineSettings: z.ZodType<EngineSettings> = z.object({
  port: z.number().int().min(1).max(65_535).default(2376),
  labels: z.record(z.string(), z.string()).default({}),
  options: z.array(z.string()).default([]),
  env: z.array(z.string()).default([]),
  insecureRegistries: z.array(z.string()).default([]),
  registryMirrors: z.array(z.string()).default([]),
  storageDriver: z.string().optional(),
  installUrl: z.string().optional(),
  tlsSans: z.array(z.string()).default([]),
});

const swarmSettings: z.ZodType<SwarmSettings> = z.object({
  isMaster: z.boolean(),
  isMember: z.boolean(),
  discovery: z.string(),
  discoveryOptions: z.array(z.string()),
  strategy: z.string(),
  /** Where the manager listens: `tcp://0.0.0.0:3376`. */
  host: z.string(),
  addr: z.string().optional(),
  image: z.string(),
  options: z.array(z.string()),
  joinOptions: z.array(z.string()),
  isMesh: z.boolean().optional(),
  meshPublic: z.string().optional(),
});

const machineRecord: z.ZodType<MachineRecord> = z.object({
  version: z.literal(1),
  id: z.string().min(1),
  name: z.string(),
  driver: z.string(),
  createdAt: z.iso.datetime(),
  options: z.record(z.string(), optionValue),
  credentials: z.enum(['options', 'keyring']).optional(),
  engine: engineSettings,
  reach: z.literal('ssh').optional(),
  swarm: swarmSettings.optional(),
  authority: z.string().optional(),
  steps: z.array(z.string()),
  failure: z.object({ step: z.string(), reason: z.string() }).optional(),
  isLeaving: z.boolean().optional(),
  resources: z.array(resource),
  address: z.object({ ip: z.string().optional(), url: z.string() }).optional(),
  computers: z.record(z.string(), z.string()).optional(),
  fleet: z.string().optional(),
  fence: z.array(z.string()).optional(),
  mesh: z.array(z.string()).optional(),
  replicated: z.boolean().optional(),
  leftStore: z.string().optional(),
  etcd: z
    .object({ name: z.string(), cluster: z.string(), token: z.string(), edition: z.string().optional() })
    .optional(),
});

/** The step whose presence means that a machine is complete. */
export const READY = 'ready';

/** Whether `create` came to its end. */
export function isReady(record: MachineRecord): boolean {
  return record.steps.includes(READY);
}

const ALLOWED = /^[a-zA-Z0-9][a-zA-Z0-9.-]*$/;

/** Whether a machine may have that name: a host name's characters, no slash among them. */
export function isMachineName(name: string): boolean {
  return ALLOWED.test(name) && name.length <= 63 && !name.endsWith('.');
}

/** Reads a stored machine. Throws a {@link StoreError} that names the file, what is wrong in it and what to do. */
export function parseRecord(text: string, file: string): MachineRecord {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw corrupt(file, text.trim() === '' ? 'it is empty' : 'it is not JSON', error);
  }
  const version = (value as { readonly version?: unknown } | null)?.version;
  if (typeof version === 'number' && version > 1)
    throw new StoreError(`${file} was written by a newer enxame. Use that one`, 'NEWER_STORE');
  const result = machineRecord.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  throw corrupt(file, `${issue?.path.join('.') || 'its content'}: ${issue?.message}`, result.error);
}

/** A settings object for an engine with nothing special. */
export function plainEngine(): EngineSettings {
  return engineSettings.parse({});
}

function corrupt(file: string, why: string, cause: unknown): StoreError {
  return new StoreError(
    `${file} cannot be used: ${why}. Repair it or bring it back from a copy; "enxame machine rm -f" forgets the machine`,
    'CORRUPT_STORE',
    cause,
  );
}
