import type { Availability, ContainerState } from './stream.ts';

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
