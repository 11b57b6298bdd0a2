import type { Node } from '../cluster/node.ts';
import { ConflictError } from '../common/errors.ts';
import type { ContainerRecord, OpenMove } from '../desired/record.ts';
import type { ProvisionalDeps } from './deps.ts';

export interface MoveDeps extends ProvisionalDeps {
  /** How long a successor without a health check must run before the old copy is ended, in milliseconds. */
  readonly settleMs: number;
}

/** A container that is to be on another node. */
export interface MoveOrder {
  /** The ID of the node it goes to. */
  readonly to: string;
  readonly how: OpenMove['how'];
  /** In words, for events and people. */
  readonly why: string;
  /** Of the copy that moves: with another one the container has moved meanwhile. */
  readonly generation: number;
  /** Volumes that live on the container's node go with it; without, the container must do without them. */
  readonly carries?: CarryOptions;
}

/** A record whose container moves, with the generation that this presumes. */
export interface MovingKey {
  readonly key: string;
  readonly generation: number;
}

/** How volumes go with a container. */
export interface CarryOptions {
  /** For how long sources are kept, in milliseconds. */
  readonly keepSourceMs: number;
  /** Told of the bytes of archives as they pass; each volume is read twice. */
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/** The manager stops: what is under way stays as it is, and the next one resolves it from the record. */
export class ManagerStops extends Error {}

export function outdated({ name }: ContainerRecord): ConflictError {
  return new ConflictError(`${name} has changed meanwhile`, 'MOVE_OUTDATED');
}

/** The node that a record's container is to go to. Throws 409 when it cannot go there now. */
export function targetOf(
  { cluster }: MoveDeps,
  { current, name, dataLostMs }: ContainerRecord,
  { to }: Pick<MoveOrder, 'to'>,
): Node {
  const node = cluster.node(to);
  if (node?.id !== to)
    throw new ConflictError(`the node that ${name} was to move to is not in the cluster`, 'MOVE_REFUSED');
  if (!node.isHealthy) throw new ConflictError(`${node.name} is not healthy: ${node.reason}`, 'MOVE_REFUSED');
  if (current.nodeId === to && dataLostMs === undefined)
    throw new ConflictError(`${name} is on ${node.name} already`, 'MOVE_OUTDATED');
  return node;
}
