import { type KnownNode, versionOf } from '../../cluster/node-directory.ts';
import { engineLabels } from '../../cluster/node-identity.ts';
import type { EngineInfo } from '../../engine/types.ts';
import type { Availability } from '../../scheduler/types.ts';

/** The word for a time that is not known (Go's zero time). */
const NEVER = '0001-01-01T00:00:00Z';

/** A node as `docker node ls` and `docker node inspect` read it: `swarm.Node` of the Engine API. */
export interface DockerNode {
  readonly ID: string;
  readonly Version: { readonly Index: number };
  readonly CreatedAt: string;
  readonly UpdatedAt: string;
  readonly Spec: {
    readonly Labels: Readonly<Record<string, string>>;
    readonly Role: 'worker';
    readonly Availability: Availability;
  };
  readonly Description: {
    readonly Hostname: string;
    readonly Platform: { readonly Architecture: string; readonly OS: string };
    readonly Resources: { readonly NanoCPUs: number; readonly MemoryBytes: number };
    readonly Engine: {
      readonly EngineVersion: string;
      readonly Labels: Readonly<Record<string, string>>;
      readonly Plugins: readonly { readonly Type: string; readonly Name: string }[];
    };
    readonly TLSInfo: object;
  };
  readonly Status: { readonly State: string; readonly Message?: string; readonly Addr: string };
}

/** Every node is a worker in the words of swarm mode: what manages the cluster is the manager, which is no node. */
export function dockerNode(known: KnownNode): DockerNode {
  const { id, name, info, node, setting, seenAt } = known;
  return {
    ID: id,
    Version: { Index: versionOf(known) },
    CreatedAt: seenAt ?? NEVER,
    UpdatedAt: setting?.updatedAt || seenAt || NEVER,
    Spec: { Labels: setting?.labels ?? {}, Role: 'worker', Availability: setting?.availability ?? 'active' },
    Description: {
      Hostname: name,
      Platform: { Architecture: info?.Architecture ?? '', OS: info?.OSType ?? '' },
      Resources: { NanoCPUs: (info?.NCPU ?? 0) * 1e9, MemoryBytes: info?.MemTotal ?? 0 },
      Engine: {
        EngineVersion: info?.ServerVersion ?? '',
        Labels: info ? Object.fromEntries(engineLabels(info)) : {},
        Plugins: pluginsOf(info),
      },
      TLSInfo: {},
    },
    Status: statusOf(known, node?.address ?? ''),
  };
}

/** In the words of swarm mode: `ready`, `down`, `unknown` for a node not reached yet, `disconnected` for one that left. */
function statusOf({ node, reason }: KnownNode, address: string): DockerNode['Status'] {
  const state = node ? STATES[node.state] : 'disconnected';
  return { State: state, ...(reason !== '' && { Message: reason }), Addr: address };
}

const STATES = { Healthy: 'ready', Unhealthy: 'down', Pending: 'unknown', Disconnected: 'disconnected' } as const;

function pluginsOf(info: EngineInfo | undefined): readonly { readonly Type: string; readonly Name: string }[] {
  return Object.entries(info?.Plugins ?? {}).flatMap(([Type, names]) => (names ?? []).map((Name) => ({ Type, Name })));
}
