import { createHash } from 'node:crypto';
import { z } from 'zod';
import { ASKED_MODE_LABEL, ASKED_NETWORK_LABEL, ATTEMPT_LABEL } from '../common/labels.ts';
import type { ContainerSummary, EndpointSummary, NetworkSummary } from '../engine/types.ts';

/** The networks every engine has by itself, with their drivers. */
export const PREDEFINED: ReadonlyMap<string, string> = new Map([
  ['bridge', 'bridge'],
  ['host', 'host'],
  ['none', 'null'],
]);

const PREDEFINED_IDS: ReadonlyMap<string, string> = new Map(
  [...PREDEFINED.keys()].map((name) => [name, createHash('sha256').update(`enxame network ${name}`).digest('hex')]),
);

/**
 * The one ID under which clients see a predefined network, of which every engine has its own; undefined for other names. It is the
 * same whatever nodes there are, now and later.
 */
export function predefinedId(name: string): string | undefined {
  return PREDEFINED_IDS.get(name);
}

/** What a network's client asked for where the engines have something else; all members are as engines list them. */
export type AskedNetwork = Partial<Pick<NetworkSummary, 'Name' | 'Driver' | 'ConfigFrom'>> & {
  readonly Subnets?: readonly AskedSubnet[];
  /** The driver's option, in bytes. */
  readonly Mtu?: string;
  /** The ID that clients know, of a network that had to be made again. */
  readonly Id?: string;
  /** The key of the manager's record of it. */
  readonly Record?: string;
};

/** A subnet as asked: the range that the manager chose and addresses that only it knows are told apart by this. */
export interface AskedSubnet {
  readonly Subnet: string;
  readonly IPRange?: string;
  readonly AuxiliaryAddresses?: Readonly<Record<string, string>>;
}

/** What a listed network says about what was asked; empty for one that is what was asked. */
export function askedOf({ Labels }: Pick<NetworkSummary, 'Labels'>): AskedNetwork {
  const text = Labels?.[ASKED_NETWORK_LABEL];
  if (text === undefined) return {};
  try {
    const read = askedSchema.safeParse(JSON.parse(text));
    return read.success ? (read.data as AskedNetwork) : {};
  } catch {
    return {};
  }
}

/** Written by this program; but anybody who may create networks at an engine could write it, too. */
const askedSchema = z.object({
  Name: z.string().min(1).optional(),
  Driver: z.string().optional(),
  ConfigFrom: z.object({ Network: z.string() }).optional(),
  Subnets: z
    .array(
      z.object({
        Subnet: z.string(),
        IPRange: z.string().optional(),
        AuxiliaryAddresses: z.record(z.string(), z.string()).optional(),
      }),
    )
    .optional(),
  Mtu: z.string().optional(),
  // What swarm mode gives as an ID.
  Id: z
    .string()
    .regex(/^[a-z0-9]{25}$/)
    .optional(),
  Record: z.string().min(1).max(64).optional(),
});

/**
 * The names and IDs of networks that the engines know under others: swarm mode takes fewer names than Docker does, and a network that was
 * made again has another ID. Told of every network that is listed; one owner, the cluster.
 */
export class NetworkNames {
  readonly #shown = new Map<string, string>();
  readonly #shownIds = new Map<string, string>();

  /** Takes in what a network says; true when it has a name or an ID that was not known. */
  learn(network: Pick<NetworkSummary, 'Id' | 'Name' | 'Labels' | 'Scope'>): boolean {
    if (network.Scope !== 'swarm') return false;
    const { Name, Id } = askedOf(network);
    const isNewName = Name !== undefined && this.#shown.get(network.Name) !== Name;
    const isNewId = Id !== undefined && this.#shownIds.get(network.Id) !== Id;
    if (isNewName) this.#shown.set(network.Name, Name);
    if (isNewId) this.#shownIds.set(network.Id, Id);
    return isNewName || isNewId;
  }

  /** The name clients know it by. */
  shown(engineName: string): string {
    return this.#shown.get(engineName) ?? engineName;
  }

  /** The ID clients know a network by; the engines' own for all but predefined ones and those that were made again. */
  shownId(engineId: string): string {
    return this.#shownIds.get(engineId) ?? engineId;
  }

  /** Whether any network has two names. */
  get isEmpty(): boolean {
    return this.#shown.size === 0;
  }
}

/** A container's list entry as clients see it: its networks under the names and IDs they know, the network mode it was asked for. */
export function shownContainer(summary: ContainerSummary, names: NetworkNames): ContainerSummary {
  const { Labels, HostConfig, NetworkSettings } = summary;
  const networks = NetworkSettings?.Networks;
  const shownNetworks = networks ? shownEndpoints(networks, names) : undefined;
  const mode = shownMode(HostConfig?.NetworkMode, Labels?.[ASKED_MODE_LABEL], names);
  return {
    ...summary,
    ...(Labels && hasHidden(Labels) && { Labels: withoutHidden(Labels) }),
    ...(mode !== undefined && { HostConfig: { ...HostConfig, NetworkMode: mode } }),
    ...(shownNetworks && { NetworkSettings: { ...NetworkSettings, Networks: shownNetworks } }),
  };
}

/** The mode to be shown instead; undefined when it is what was asked. */
export function shownMode(
  mode: string | undefined,
  asked: string | undefined,
  names: NetworkNames,
): string | undefined {
  if (asked) return asked;
  const shown = mode === undefined ? undefined : names.shown(mode);
  return shown === mode ? undefined : shown;
}

/** A container's endpoints under the clients' names, predefined networks with the one ID; undefined when they are so already. */
export function shownEndpoints<E extends EndpointSummary>(
  networks: Readonly<Record<string, E>>,
  names: NetworkNames,
): Readonly<Record<string, E>> | undefined {
  let isChanged = false;
  const shown = Object.entries(networks).map(([name, endpoint]) => {
    const shownName = names.shown(name);
    const listed = endpoint?.NetworkID ?? '';
    const id = predefinedId(name) ?? names.shownId(listed);
    const isOther = listed !== '' && listed !== id;
    if (shownName === name && !isOther) return [name, endpoint] as const;
    isChanged = true;
    return [shownName, isOther ? { ...endpoint, NetworkID: id } : endpoint] as const;
  });
  return isChanged ? Object.fromEntries(shown) : undefined;
}

type Labels = Readonly<Record<string, string>>;

/** Whether there are labels of the manager's own among those of a container. */
export function hasHidden(labels: Labels): boolean {
  return ATTEMPT_LABEL in labels || ASKED_MODE_LABEL in labels;
}

/** A container's labels as clients know them. */
export function withoutHidden(labels: Labels): Labels {
  const { [ATTEMPT_LABEL]: _attempt, [ASKED_MODE_LABEL]: _mode, ...rest } = labels;
  return rest;
}
