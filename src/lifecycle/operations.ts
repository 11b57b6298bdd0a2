import type { Wanted } from '../desired/record.ts';
import type { ApiVersion } from '../engine/api-version.ts';

/** What an engine reads of an operation beside the container: passed on as it came, members that are unknown here included. */
interface EngineInput {
  /** The query with its `?`, or empty. */
  readonly search: string;
  /** Of an update: JSON, each member once and under its own name. */
  readonly body?: Buffer | undefined;
}

/** Changes of an existing container that engines answer with a status and at most a few bytes. */
export type ContainerOperation = EngineInput &
  (
    | { readonly kind: 'start' | 'stop' | 'restart' | 'pause' | 'unpause' | 'update' }
    /** `signal` is a name without `SIG`, or a number other than KILL's. */
    | { readonly kind: 'kill'; readonly signal: string }
  );

export interface Renaming extends EngineInput {
  /** Without slash. */
  readonly name: string;
}

export interface Removal extends EngineInput {
  /** Also of a container that runs, or whose node is down. Links know no force. */
  readonly isForced: boolean;
  /** The link to remove instead of a container, as the client named it (`web/db`). */
  readonly link?: string | undefined;
}

/** A container's connection to a network. */
export interface Connection {
  /** The network's name. */
  readonly network: string;
  /** Whether the network is one node's. */
  readonly isLocal: boolean;
}

/** How a client asked for an operation: what ends with its call. */
export interface OperationCall {
  /** The version in which the engine is asked. */
  readonly api: ApiVersion;
  readonly signal: AbortSignal;
}

/** Whether an engine that did this says that the container has stopped: it does not wait for the effect of other signals. */
export function isStop(operation: ContainerOperation): boolean {
  return operation.kind === 'stop' || (operation.kind === 'kill' && operation.signal === 'KILL');
}

/** Whether the container runs after it. */
export function isStart({ kind }: ContainerOperation): boolean {
  return kind === 'start' || kind === 'restart';
}

/** Whether it takes no connections after it, at least for a moment. */
export function endsTraffic(operation: ContainerOperation): boolean {
  return operation.kind === 'restart' || wantedBy(operation) === 'stopped' || wantedBy(operation) === 'paused';
}

/** Signals that ask a process to end, by name and number. */
const ENDING: ReadonlySet<string> = new Set(['KILL', '9', 'TERM', '15', 'INT', '2', 'QUIT', '3']);

/** What a client wants of the container from then on; undefined when it says nothing of that. */
export function wantedBy(operation: ContainerOperation): Wanted | undefined {
  switch (operation.kind) {
    case 'start':
    case 'restart':
    case 'unpause':
      return 'running';
    case 'pause':
      return 'paused';
    case 'stop':
      return 'stopped';
    case 'kill':
      return ENDING.has(operation.signal) ? 'stopped' : undefined;
    case 'update':
      return undefined;
  }
}
