/**
 * What the page and the manager say to each other: types alone, without imports, so that browser and manager read one file.
 *
 * All paths are below {@link ApiRoot}. But for `POST login`, every call needs the session's cookie (set by `login`) and the token that
 * `login` answered, as header {@link TokenHeader}; the stream takes it as `?token=` (an `EventSource` has no headers) and the terminal as a
 * WebSocket subprotocol. Keep the token in `localStorage`: that is the origin's own, port included, while cookies are shared by all ports
 * of a host.
 *
 * Answers are JSON. Errors are {@link PageError} with their status: 400 bad input, 401 no session (say: run `enxame page`), 403 not
 * allowed (no right to act, another origin), 404 unknown, 409 state conflict, 429 a bound was reached, 502/503 an engine does not answer.
 * Times are milliseconds since the epoch unless their name says `seconds`; sizes are bytes.
 *
 * | call                                            | body              | answer                                                    |
 * | ----------------------------------------------- | ----------------- | --------------------------------------------------------- |
 * | `POST login`                                    | {@link LoginBody} | {@link LoginAnswer}, sets the cookie; 401 for a bad link   |
 * | `POST logout`                                   |                   | 204                                                       |
 * | `GET session`                                   |                   | {@link SessionAnswer}                                     |
 * | `GET stream?token=`                             |                   | server-sent events, see {@link StreamMessages}            |
 * | `GET containers/{id}`                           |                   | {@link ContainerDetail}                                   |
 * | `GET containers/{id}/explain`                   |                   | {@link ContainerExplanation}                              |
 * | `GET containers/{id}/moves`                     |                   | {@link PastMove}[], the latest first                      |
 * | `GET containers/{id}/logs`                      |                   | a stream of bytes, see {@link LogQuery}                   |
 * | `GET containers/{id}/stats?span=hour\|day`       |                   | {@link Series}                                            |
 * | `GET nodes/{id}`                                |                   | {@link NodeDetail}                                        |
 * | `GET nodes/{id}/explain`                        |                   | {@link NodeExplanation}                                   |
 * | `GET nodes/{id}/stats?span=hour\|day`            |                   | {@link Series}                                            |
 * | `GET usage?sort=&limit=&search=`                |                   | {@link UsageAnswer}                                       |
 * | `GET images`                                    |                   | {@link ImageRow}[]                                        |
 * | `GET networks`                                  |                   | {@link NetworkRow}[]                                      |
 * | `GET networks/{id}`                             |                   | {@link NetworkDetail}                                     |
 * | `GET volumes?size=1`                            |                   | {@link VolumeRow}[]; sizes ask engines, and take a while  |
 * | `GET events?before=SEQ&limit=`                  |                   | {@link EventRow}[], the latest first                      |
 * | `GET plans`                                     |                   | {@link PlanKind}[]                                        |
 * | `GET plans/{kind}?node=ID&…`                    |                   | {@link PlanView}                                          |
 * | `POST plans/{kind}/apply`                       | {@link ApplyBody} | 202; 409 when the plan is another one by now              |
 * | `GET bill`                                      |                   | {@link Bill}                                              |
 * | `POST containers/{id}/start\|stop\|restart\|kill\|pause\|unpause` | | 204; 304 when it is so already                            |
 * | `DELETE containers/{id}?force=1&volumes=1`      |                   | 204                                                       |
 * | `POST nodes/{id}/availability`                  | {@link AvailabilityBody} | 204                                                |
 * | WebSocket `containers/{id}/exec`                |                   | see {@link ExecOpen}                                      |
 *
 * Everything that changes something needs `enxame manage --page-actions` (else 403), and an `Origin` of this page.
 * `{id}` of containers is the full ID of a row, `{id}` of nodes the node's ID, percent-encoded.
 */
export type PageProtocolVersion = 1;

/** Paths of all calls begin with it. */
export type ApiRoot = '/api/v1/';

/** The header that carries the token. */
export type TokenHeader = 'X-Enxame-Token';

// ---------------------------------------------------------------------------------------------------------------- session

export interface LoginBody {
  /** What stood behind `#` in the link of `enxame page`: it is good for one login, for two minutes. */
  readonly link: string;
}

export interface LoginAnswer {
  /** To be sent with every call; 43 characters. */
  readonly token: string;
}

export interface SessionAnswer {
  /** Of the manager's protocol: where it is not the page's own, the page tells its reader to reload. */
  readonly protocol: number;
  /** Of the manager. */
  readonly version: string;
  readonly cluster: ClusterName;
  /** Whether this session may change anything. */
  readonly actions: boolean;
  /** When the session ends at the latest. */
  readonly endsAt: number;
  /** What this manager has: a page shows no empty views. */
  readonly has: { readonly stats: boolean; readonly bill: boolean; readonly exec: boolean };
}

export interface ClusterName {
  /** Undefined without a state folder. */
  readonly id?: string;
  readonly name?: string;
}

/** Body of every answer of 400 and above. */
export interface PageError {
  /** One line for people. */
  readonly message: string;
  /** For programs, where there is one: `NO_SESSION`, `BAD_LINK`, `READ_ONLY`, `FOREIGN_PAGE`, `TOO_MANY`, … */
  readonly code?: string;
}

// ----------------------------------------------------------------------------------------------------------------- stream

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

// -------------------------------------------------------------------------------------------------------------- containers

/** A variable of a container's environment. */
export interface EnvVariable {
  readonly name: string;
  /** Null where it is masked: its name or its value looks like a secret. It does not leave the manager. */
  readonly value: string | null;
}

export interface ContainerDetail {
  readonly id: string;
  /** On its engine: another one after a move. */
  readonly engineId: string;
  readonly name: string;
  readonly node: NodeName;
  readonly image: string;
  readonly imageId: string;
  readonly state: ContainerState;
  /** In Docker's words: `Up 5 minutes (healthy)`. */
  readonly status: string;
  readonly created: number | null;
  readonly started: number | null;
  readonly finished: number | null;
  readonly exitCode: number;
  /** Killed for want of memory. */
  readonly oomKilled: boolean;
  readonly error: string;
  readonly restarts: number;
  readonly restartPolicy: string;
  readonly pid: number;
  readonly tty: boolean;
  readonly command: readonly string[];
  readonly workingDir: string;
  readonly user: string;
  readonly env: readonly EnvVariable[];
  readonly labels: Readonly<Record<string, string>>;
  /** Limits; 0 for none. */
  readonly cpus: number;
  readonly memory: number;
  readonly mounts: readonly {
    readonly kind: string;
    /** Name of the volume, or path on the host. */
    readonly source: string;
    readonly target: string;
    readonly readOnly: boolean;
  }[];
  readonly networks: readonly {
    readonly name: string;
    readonly address: string;
    readonly aliases: readonly string[];
  }[];
  readonly ports: readonly string[];
  /** Latest first, five at most; absent without a health check. */
  readonly health?: readonly { readonly at: number | null; readonly exitCode: number; readonly output: string }[];
  /** False while its node does not answer: then there is only what the manager knows, and most members are empty. */
  readonly isReached: boolean;
}

export interface NodeName {
  readonly id: string;
  readonly name: string;
}

/** A move that is complete. */
export interface PastMove {
  readonly from: string;
  readonly to: string;
  readonly why: string;
  readonly at: number;
}

/** Why a container is where it is, and what would become of it: `enxame explain`. */
export interface ContainerExplanation {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly node: ExplainedNode;
  /** Null for a container that was not created through the cluster. */
  readonly record: {
    readonly wanted: 'created' | 'running' | 'paused' | 'stopped';
    /** How often it was moved. */
    readonly generation: number;
    /** What decides whether and how it moves. */
    readonly terms: Readonly<Record<string, unknown>>;
    readonly arrived: { readonly from: NodeName; readonly why: string; readonly at: string } | null;
  } | null;
  /** What the scheduler says of each node for it; empty without a record. */
  readonly nodes: readonly (NodeName & {
    readonly isOwn: boolean;
    /** Null when it could go there now. */
    readonly refusal: string | null;
    readonly missed: readonly string[];
  })[];
  readonly ifLost:
    | { readonly to: NodeName; readonly loses: readonly string[] }
    | { readonly why: string; readonly waits: boolean };
}

export interface ExplainedNode extends NodeName {
  readonly state: string;
  readonly reason: string;
  readonly availability: Availability;
}

/**
 * Query of `GET containers/{id}/logs`: `tail` (lines, default 500, 10,000 at most, `all` not), `since` and `until` (seconds since the
 * epoch), `follow=1`, `timestamps=1` (each line begins with an RFC 3339 time and a space).
 *
 * The answer is Docker's: with `Content-Type: application/vnd.docker.multiplexed-stream` frames of eight bytes of head (1 stdout or 2
 * stderr, three zeros, the length as a big-endian number) and a text; with `application/vnd.docker.raw-stream` (a container with a terminal)
 * the text itself. It goes on through moves, and ends when the container has ended. 429 when this session follows too many logs.
 */
export interface LogQuery {
  readonly tail?: number;
  readonly since?: number;
  readonly until?: number;
  readonly follow?: 1;
  readonly timestamps?: 1;
}

/**
 * The terminal: `new WebSocket(url, ['enxame.exec.v1', 'token.' + token])`, query `cols`, `rows` (1 to 1000) and `command` (repeated for
 * each word; default: bash where there is one, else sh). Binary messages are what is typed, and what is shown. Text messages to the
 * manager are {@link ExecResize}; the last text message from it is an {@link ExecEnd}. Close codes: 1000 it ended, 1008 not
 * allowed, 1011 it failed; the reason says why.
 */
export interface ExecOpen {
  readonly cols?: number;
  readonly rows?: number;
  readonly command?: readonly string[];
}

export interface ExecResize {
  readonly cols: number;
  readonly rows: number;
}

export interface ExecEnd {
  /** Null when it is not known: the engine was lost. */
  readonly exitCode: number | null;
}

// -------------------------------------------------------------------------------------------------------------------- use

/** What was used over time: each point is a time in seconds since the epoch, then values in the order of the columns. */
export interface Series {
  readonly span: 'hour' | 'day';
  /** `time`, `cpus`, `memory` (bytes), `received`, `sent`, `read`, `written` (bytes a second). */
  readonly columns: readonly string[];
  readonly points: readonly (readonly number[])[];
}

export interface Usage {
  readonly cpus: number;
  readonly memory: number;
  readonly received: number;
  readonly sent: number;
  readonly read: number;
  readonly written: number;
}

export interface UsageAnswer {
  readonly intervalSeconds: number;
  readonly running: number;
  readonly nodes: readonly (Usage & NodeName & { readonly totalCpus: number; readonly totalMemory: number })[];
  readonly containers: readonly (Partial<Usage> &
    NodeName & { readonly node: string; readonly image: string; readonly memoryLimit: number })[];
}

// ----------------------------------------------------------------------------------------------------------- what nodes hold

export interface NodeDetail extends NodeName {
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly kernel: string;
  readonly system: string;
  readonly storageDriver: string;
  readonly version: string;
  readonly platform: string;
  readonly rootDir: string;
  /** The engine's clock minus the manager's. */
  readonly clockOffsetMs: number;
  /** When it was last listed in full; null for never. */
  readonly listedAt: number | null;
  readonly images: number;
  readonly networks: number;
  readonly volumes: number;
  /** Copies of containers that are elsewhere. */
  readonly hidden: number;
}

/** What would become of its containers if it were lost now. */
export interface NodeExplanation extends ExplainedNode {
  readonly plan: PlanView;
}

export interface ImageRow {
  readonly id: string;
  readonly names: readonly string[];
  readonly size: number;
  readonly createdSeconds: number;
  /** Numbers of the nodes that have it. */
  readonly nodes: readonly number[];
  /** Containers that are made of it. */
  readonly containers: number;
}

export interface NetworkRow {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  /** `cluster`: it spans nodes. `local`: one node's. `predefined`: every engine has its own (`bridge`, `host`, `none`). */
  readonly kind: 'cluster' | 'local' | 'predefined';
  readonly subnets: readonly string[];
  readonly internal: boolean;
  readonly nodes: readonly number[];
  readonly project?: string;
}

export interface NetworkDetail extends NetworkRow {
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
  readonly endpoints: readonly {
    /** Container's ID. */
    readonly id: string;
    readonly name: string;
    /** Number of its node; null when that is not known. */
    readonly n: number | null;
    readonly address: string;
  }[];
}

export interface VolumeRow {
  readonly name: string;
  readonly driver: string;
  /** Where it lives; null for one without a node yet, or everywhere (a driver of global scope). */
  readonly home: NodeName | null;
  /** Why it cannot be used now. */
  readonly lost?: string;
  /** Nodes that have one of this name. */
  readonly nodes: readonly number[];
  /** IDs of the containers that mount it. */
  readonly users: readonly string[];
  readonly createdAt?: string;
  /** Bytes; null when it was not asked for or the engine does not tell. */
  readonly size: number | null;
  readonly project?: string;
}

// ------------------------------------------------------------------------------------------------------------------ plans

/** A kind of plan that this manager can make. */
export interface PlanKind {
  /** `drain`, `drill`, `failover`; `rebalance`, `cheapest` and others where the manager has them. */
  readonly kind: string;
  /** What it is asked with: nodes (`?node=ID`, as often as needed), or nothing. */
  readonly takes: 'nodes' | 'nothing';
  /** Whether it can be applied from here; a page that may not act shows it all the same. */
  readonly canApply: boolean;
}

/** What would be done. */
export interface PlanView {
  readonly kind: string;
  /** Of this very plan: `apply` names it, so that what is confirmed is what is done. */
  readonly digest: string;
  /** The nodes it is about. */
  readonly nodes: readonly NodeName[];
  readonly moves: readonly {
    readonly container: NodeName;
    readonly from: NodeName;
    readonly to: NodeName;
    readonly how: 'replace' | 'start-first' | 'stop-first';
    readonly why: string;
    readonly loses: readonly string[];
    /** Volumes whose content is copied along; null bytes where the engine did not tell. */
    readonly copies: readonly { readonly volume: string; readonly bytes: number | null }[];
    /** Estimates; null where nothing is known. */
    readonly durationMs: number | null;
    readonly downtimeMs: number | null;
  }[];
  readonly stays: readonly {
    readonly container: NodeName;
    readonly node: NodeName;
    readonly why: string;
    /** It would not run. */
    readonly waits: boolean;
  }[];
  /** Machines that come or go; empty for plans that leave machines alone. */
  readonly machines: readonly {
    readonly change: 'add' | 'remove' | 'keep';
    readonly name: string;
    readonly type: string;
    readonly domains: readonly string[];
    readonly hourly: Money | null;
  }[];
  /** Null where the plan is not about money. */
  readonly cost: { readonly before: Money; readonly after: Money; readonly unit: 'hour' | 'month' } | null;
  /** Why the failover would move nothing; null when it would not hold, or does not concern this plan. */
  readonly brake: string | null;
  /** What a person should know. */
  readonly notes: readonly string[];
}

export interface Money {
  /** A decimal number as text (`12.3400`): no binary rounding. */
  readonly amount: string;
  /** ISO 4217; empty where a price was given without one. */
  readonly currency: string;
}

export interface ApplyBody {
  /** As in the answer that was confirmed. */
  readonly digest: string;
  readonly nodes?: readonly string[];
}

export interface AvailabilityBody {
  readonly availability: Availability;
}

export interface Bill {
  readonly at: number;
  readonly unit: 'hour' | 'month';
  /** One for each currency. */
  readonly total: readonly Money[];
  /** The part of it that no container reserves. */
  readonly idle: readonly Money[];
  readonly nodes: readonly (NodeName & {
    readonly type: string;
    readonly domains: readonly string[];
    /** The part of it that is reserved, 0 to 1. */
    readonly reserved: number;
    /** Null where the price is not known: then `source` says why. */
    readonly cost: Money | null;
    /** Where the price comes from, and of when. */
    readonly source: string;
  })[];
  /** Shares of projects and services, by what they reserve. */
  readonly shares: readonly { readonly name: string; readonly cost: Money }[];
  readonly notes: readonly string[];
}
