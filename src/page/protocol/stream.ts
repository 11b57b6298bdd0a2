import type { ClusterName } from './session.ts';

/**
 * Events of the stream, each with one JSON value as data. The order:
 *
 * 1. `hello`. With `resumed: true` go on with what you have; else forget everything, what follows is the whole state.
 * 2. `nodes`, `containers` (several of each; nodes first), then `ready`. Not when resumed.
 * 3. `delta`, one for all changes since the last, some ten times a second at most.
 *
 * `ready` and `delta` have an ID (`EPOCH-REVISION`). A browser that reconnects sends it (`Last-Event-ID`), and goes on where it was
 * when the manager still has what came since. A viewer that cannot keep up gets a new `hello` and the whole state on the same connection.
 * `bye` is the last event: do not reconnect before `retryMs`, and never when that is null. A comment comes every 15 s.
 */
export interface StreamMessages {
  readonly hello: Hello;
  readonly nodes: readonly NodeRow[];
  readonly containers: readonly ContainerRow[];
  readonly ready: Ready;
  readonly delta: Delta;
  readonly bye: Bye;
}

export interface Hello {
  readonly protocol: number;
  readonly version: string;
  /** Another one means another manager, or the same one started anew: node numbers mean something else. */
  readonly epoch: string;
  readonly resumed: boolean;
  /** Why the whole state comes: `first` connection, `lost` (the place to resume at is gone), `slow` (this viewer fell behind). */
  readonly why?: 'first' | 'lost' | 'slow';
  readonly cluster: ClusterName;
  readonly actions: boolean;
  /** Labels that name failure domains, the widest first: the names of the columns of {@link NodeRow.domains}. */
  readonly domains: readonly string[];
  /** How many nodes and containers follow, for a progress bar. */
  readonly nodes: number;
  readonly containers: number;
  /** The manager's clock, to show ages by. */
  readonly now: number;
}

/** The rest of the state, after its nodes and containers. */
export interface Ready {
  readonly moves: readonly MoveRow[];
  readonly failover: FailoverRow;
  /** What `docker info` warns of. */
  readonly problems: readonly string[];
  /** The latest, oldest first; 200 at most. */
  readonly events: readonly EventRow[];
  readonly use: readonly UseRow[];
}

/** What changed; absent members did not. Rows replace those of the same key. Apply `gone…` first. */
export interface Delta {
  readonly now: number;
  /** Node numbers. */
  readonly goneNodes?: readonly number[];
  /** Container IDs. */
  readonly gone?: readonly string[];
  readonly nodes?: readonly NodeRow[];
  readonly containers?: readonly ContainerRow[];
  /** All moves under way, when one began, went on or ended. */
  readonly moves?: readonly MoveRow[];
  readonly failover?: FailoverRow;
  readonly problems?: readonly string[];
  /** New ones, oldest first. */
  readonly events?: readonly EventRow[];
  /** Use of nodes that was measured anew, every few seconds. */
  readonly use?: readonly UseRow[];
}

export interface Bye {
  /** `session`: it ended, log in again. `stopping`: the manager stops. `full`: too many viewers. */
  readonly why: 'session' | 'stopping' | 'full';
  /** For people. */
  readonly message: string;
  readonly retryMs: number | null;
}

export type NodeState = 'Pending' | 'Healthy' | 'Unhealthy' | 'Disconnected';
export type Availability = 'active' | 'pause' | 'drain';

export interface NodeRow {
  /** Its number in this epoch, by which containers name it. */
  readonly n: number;
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly state: NodeState;
  /** Why it is not healthy. */
  readonly reason?: string;
  readonly availability: Availability;
  /** Values of the domain labels ({@link Hello.domains}); null where the node has none. */
  readonly domains: readonly (string | null)[];
  /** It counts as lost: what may move is brought back elsewhere. */
  readonly lost?: true;
  /** It is in a drill: treated as lost. */
  readonly drill?: true;
  /** What it has: CPUs, and bytes of memory. 0 while unknown. */
  readonly cpus: number;
  readonly memory: number;
  /** What containers reserve, pending ones included. */
  readonly reservedCpus: number;
  readonly reservedMemory: number;
  readonly running: number;
  readonly paused: number;
  readonly stopped: number;
  /** Of the engine. */
  readonly version: string;
  /** `linux/amd64`. */
  readonly platform: string;
  /** What an operator should know though it is usable. */
  readonly warnings?: readonly string[];
}

/** Docker's states. On a node that is not healthy it is what was last seen. */
export type ContainerState = 'created' | 'running' | 'paused' | 'restarting' | 'removing' | 'exited' | 'dead';

export interface ContainerRow {
  /** As clients see it, 64 hexadecimal digits; it stays when the container moves. */
  readonly id: string;
  readonly name: string;
  readonly image: string;
  readonly state: ContainerState;
  /** Number of its node. */
  readonly n: number;
  /** Of its health check; absent without one. */
  readonly health?: 'healthy' | 'unhealthy' | 'starting';
  /** When the state began, as exactly as the engine tells it; absent when it does not. */
  readonly since?: number;
  readonly createdSeconds: number;
  /** Of an exited one. */
  readonly exitCode?: number;
  /** Compose's. */
  readonly project?: string;
  readonly service?: string;
  /** `io.enxame.group`. */
  readonly group?: string;
  /** What it reserves; absent for nothing. CPUs may be fractions. */
  readonly cpus?: number;
  readonly memory?: number;
  /** Published ports in short: `10.0.0.1:8080->80/tcp`. */
  readonly ports?: readonly string[];
  /** Why it should run and does not: its node is down, and it waits for it or for a place. */
  readonly wait?: string;
  /** Its last move, where there was one. */
  readonly from?: { readonly node: string; readonly why: string; readonly at: number };
  /** It belongs to the swarm itself (an agent), not to its users. */
  readonly own?: true;
}

/** A move under way. */
export interface MoveRow {
  /** Of the container. */
  readonly id: string;
  readonly name: string;
  /** Numbers of nodes; null for a node that is not in the cluster, or not chosen yet. */
  readonly from: number | null;
  readonly to: number | null;
  /** `replace`: its node is lost. `start-first`: the successor runs before the old copy is stopped. `stop-first`: the other way round. */
  readonly how: 'replace' | 'start-first' | 'stop-first';
  readonly why: string;
  readonly since: number;
}

export interface FailoverRow {
  /** Why nothing is moved; null while the brake is off. */
  readonly brake: string | null;
  /** Numbers of nodes. */
  readonly lost: readonly number[];
  /** Containers that should run and do not. */
  readonly waiting: number;
  readonly drill: readonly { readonly n: number; readonly until: number | null }[];
}

export interface EventRow {
  /** Grows by one; what is kept begins somewhere. */
  readonly seq: number;
  readonly at: number;
  /** Docker's types (`container`, `image`, `network`, `volume`, `daemon`), and `node`. */
  readonly type: string;
  /** Docker's (`start`, `die`, `health_status: healthy`), and our own: `engine_connect`, `engine_lost`, `reschedule_wait`, … */
  readonly action: string;
  readonly id: string;
  readonly name: string;
  /** Name of the node; empty for the manager. */
  readonly node: string;
  /** Why, exit code, image, source and target of a move: what there is, for people. */
  readonly text?: string;
}

/** Use of one node: its number, CPUs, bytes of memory, then bytes a second received, sent, read, written. */
export type UseRow = readonly [
  n: number,
  cpus: number,
  memory: number,
  received: number,
  sent: number,
  read: number,
  written: number,
];
