import { ClusterError } from '../common/errors.ts';

/** The fields of the manager's `GET /info` that are shown. */
export interface ManagerInfo {
  readonly ServerVersion?: string;
  readonly Containers?: number;
  readonly ContainersRunning?: number;
  readonly ContainersPaused?: number;
  readonly ContainersStopped?: number;
  readonly Images?: number;
  readonly NCPU?: number;
  readonly MemTotal?: number;
  readonly Warnings?: readonly string[] | null;
  /** `[name, value]` rows, as classic swarm wrote them: the manager's own, then each node with indented rows of its own. */
  readonly SystemStatus?: readonly (readonly [string, string])[] | null;
}

/** One node as the manager tells it, in words. */
export interface NodeRow {
  readonly Name: string;
  readonly Address: string;
  readonly ID: string;
  readonly Status: string;
  /** `Active`, or `Pause` or `Drain` for a node that takes no new containers. */
  readonly Availability: string;
  /** `3 (2 Running, 0 Paused, 1 Stopped)`. */
  readonly Containers: string;
  /** `0.5 / 2`. */
  readonly ReservedCPUs: string;
  /** `64 MiB / 1.9 GiB`. */
  readonly ReservedMemory: string;
  /** `key=value, key=value`. */
  readonly Labels: string;
  readonly UpdatedAt: string;
  readonly ServerVersion: string;
  /** Why it is not healthy; empty when it is. */
  readonly Error: string;
}

/** What the rows of `SystemStatus` say. */
export interface ManagerStatus {
  /** `Role`, `Strategy`, `Filters` and the like. */
  readonly facts: ReadonlyMap<string, string>;
  readonly nodes: readonly NodeRow[];
}

const DETAIL = /^\s*└\s*/;

/** Reads `SystemStatus`. Throws a {@link ClusterError} when there is none: a plain engine, no manager. */
export function readStatus(info: ManagerInfo, address: string): ManagerStatus {
  if (!info.SystemStatus) {
    throw new ClusterError(
      `${address} is a Docker engine, not a manager (it has no nodes). Give the address of 'enxame manage' with -H`,
      { code: 'NOT_A_MANAGER', status: 502 },
    );
  }
  const facts = new Map<string, string>();
  const nodes: { name: string; address: string; details: Map<string, string> }[] = [];
  for (const [name, value] of info.SystemStatus) {
    if (DETAIL.test(name)) nodes.at(-1)?.details.set(name.replace(DETAIL, ''), value);
    else if (name.startsWith(' ')) nodes.push({ name: name.slice(1), address: value, details: new Map() });
    else facts.set(name, value);
  }
  return { facts, nodes: nodes.map((node) => nodeRow(node.name, node.address, node.details)) };
}

function nodeRow(name: string, address: string, details: ReadonlyMap<string, string>): NodeRow {
  const detail = (key: string): string => details.get(key) ?? '';
  return {
    Name: name,
    Address: address,
    ID: detail('ID'),
    Status: detail('Status'),
    Availability: detail('Availability') || 'Active',
    Containers: detail('Containers'),
    ReservedCPUs: detail('Reserved CPUs'),
    ReservedMemory: detail('Reserved Memory'),
    Labels: detail('Labels'),
    UpdatedAt: detail('UpdatedAt'),
    ServerVersion: detail('ServerVersion'),
    Error: detail('Error').replace('(none)', ''),
  };
}
