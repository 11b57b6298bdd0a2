import { randomUUID } from 'node:crypto';
import { ConflictError } from '../common/errors.ts';
import { type Reservation, reservationFor } from '../scheduler/reservation.ts';
import type { PlacementRequest } from '../scheduler/types.ts';
import type { Container } from './container.ts';
import type { Containers, PendingContainer } from './containers.ts';
import type { Node } from './node.ts';

/**
 * A container that was given a node and perhaps a name, and is being created there. From the moment it is made it
 * counts in every later placement, once; it ends with `release`.
 */
export interface PendingPlacement {
  readonly node: Node;
  /** The engine made it: its reservation goes over to the engine's container ID. It counts as pending until it is listed. */
  settle(engineId: string): void;
  /** The engine refused, or the container is listed: nothing is held any more but what was settled. Idempotent. */
  release(): void;
}

/** Records a placement before anything is awaited. */
export function beginPlacement(
  containers: Containers,
  node: Node,
  request: PlacementRequest,
  labels: Readonly<Record<string, string>>,
): PendingPlacement {
  const id = `pending-${randomUUID()}`;
  const pending: PendingContainer = {
    id,
    engineId: id,
    name: request.name ?? id,
    nodeId: node.id,
    labels,
    isPending: true,
  };
  const reservation: Reservation = reservationFor(request, node);
  node.ledger.put(id, reservation);
  containers.addPending(pending);
  return {
    node,
    release: () => {
      node.ledger.remove(id);
      containers.removePending(pending);
    },
    settle: (engineId) => {
      node.ledger.remove(id);
      node.ledger.put(engineId, reservation);
      containers.settlePending(pending, node, engineId);
    },
  };
}

/** Makes a synchronous decision as if these containers held nothing on their nodes. */
export function withoutReservationsOf<T>(containers: Iterable<Container>, decide: () => T): T {
  const restore: (() => void)[] = [];
  for (const { node, engineId } of containers) {
    const reservation = node.ledger.take(engineId);
    if (reservation) restore.push(() => node.ledger.put(engineId, reservation));
  }
  try {
    return decide();
  } finally {
    for (const each of restore) each();
  }
}

/**
 * Names being created or renamed to, so that of any number of simultaneous requests for one name exactly one goes on.
 * Taken names are those of the index; this holds the ones in between.
 */
export class NameReservations {
  readonly #containers: Containers;
  readonly #reserved = new Set<string>();
  #heldBy: (name: string) => string | undefined = () => undefined;

  constructor(containers: Containers) {
    this.#containers = containers;
  }

  /** Sets by what else names are held: tells the holder's ID, empty while it has none; undefined when the name is free. */
  set heldBy(holderOf: (name: string) => string | undefined) {
    this.#heldBy = holderOf;
  }

  /** Whether no container has the name or is about to get it. */
  isFree(name: string): boolean {
    if (this.#containers.index.byName(name).length > 0 || this.#reserved.has(name)) return false;
    return this.#heldBy(name) === undefined;
  }

  /** Takes a name, or throws Docker's 409. Call the returned function when the container has it, or will not get it. */
  reserve(name: string): () => void {
    const [holder] = this.#containers.index.byName(name);
    const holderId = holder?.id ?? this.#heldBy(name);
    if (holderId !== undefined || this.#reserved.has(name)) throw nameConflict(name, holderId);
    this.#reserved.add(name);
    let isHeld = true;
    return () => {
      // A second call must not free the name for the one who reserved it since.
      if (isHeld) this.#reserved.delete(name);
      isHeld = false;
    };
  }
}

/** The engine's own words, which clients search for "already in use". */
function nameConflict(name: string, holder: string | undefined): ConflictError {
  const by = !holder || holder.startsWith('pending-') ? 'a container that is being created' : `container "${holder}"`;
  return new ConflictError(
    `Conflict. The container name "/${name}" is already in use by ${by}. You have to remove (or rename) that container to be able to reuse that name.`,
    'NAME_IN_USE',
  );
}
