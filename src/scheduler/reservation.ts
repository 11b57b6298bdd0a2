import { assignPorts } from './port-assignment.ts';
import { PortTable } from './port-table.ts';
import type { NodeView, PlacementRequest, PortClaim, Protocol } from './types.ts';

/** What one container (or pending placement) holds on its node: integers, so sums stay exact. */
export interface Reservation {
  readonly memoryBytes: number;
  readonly nanoCpus: number;
  readonly ports: readonly PortClaim[];
}

/** The reservation of a container that asks for nothing; shared, so that most containers cost no memory here. */
export const NOTHING: Reservation = { memoryBytes: 0, nanoCpus: 0, ports: [] };

/**
 * The running account of one node. Every holder (container or pending placement) has one entry under its own key:
 * `put` replaces, `remove` undoes exactly what was put, both may be repeated.
 */
export class ResourceLedger {
  readonly #entries: Map<string, Reservation> = new Map();
  readonly #ports: PortTable = new PortTable();
  readonly #onChange: () => void;
  #memoryBytes = 0;
  #nanoCpus = 0;
  #version = 0;

  /** @param onChange called after every change of a sum */
  constructor(onChange: () => void = () => undefined) {
    this.#onChange = onChange;
  }

  get memoryBytes(): number {
    return this.#memoryBytes;
  }

  get nanoCpus(): number {
    return this.#nanoCpus;
  }

  /** Holders, pending ones included. */
  get count(): number {
    return this.#entries.size;
  }

  /** Grows with every change of a holder, so that a reader may keep what it computed. */
  get version(): number {
    return this.#version;
  }

  /** What a holder has; undefined when it is not known. */
  get(holder: string): Reservation | undefined {
    return this.#entries.get(holder);
  }

  /** Same contract as `NodeView.usesPort`. */
  usesPort(protocol: Protocol, ip: string, port: number): boolean {
    return this.#ports.uses(protocol, ip, port);
  }

  has(holder: string): boolean {
    return this.#entries.has(holder);
  }

  of(holder: string): Reservation | undefined {
    return this.#entries.get(holder);
  }

  put(holder: string, reservation: Reservation): void {
    this.#drop(holder);
    this.#entries.set(holder, reservation);
    this.#memoryBytes += reservation.memoryBytes;
    this.#nanoCpus += reservation.nanoCpus;
    this.#version += 1;
    for (const claim of reservation.ports) this.#ports.add(claim);
    this.#onChange();
  }

  /** Returns whether the holder was known. */
  remove(holder: string): boolean {
    return this.take(holder) !== undefined;
  }

  /** Removes a holder and returns what it held, for a later {@link put}; undefined when it was not known. */
  take(holder: string): Reservation | undefined {
    const reservation = this.#entries.get(holder);
    if (!this.#drop(holder)) return undefined;
    this.#onChange();
    return reservation;
  }

  #drop(holder: string): boolean {
    const reservation = this.#entries.get(holder);
    if (reservation === undefined) return false;
    this.#entries.delete(holder);
    this.#version += 1;
    this.#memoryBytes -= reservation.memoryBytes;
    this.#nanoCpus -= reservation.nanoCpus;
    for (const claim of reservation.ports) this.#ports.remove(claim);
    return true;
  }
}

/** What a request holds on the node chosen for it until its container is known: record it before anything is awaited. */
export function reservationFor(request: PlacementRequest, node: NodeView): Reservation {
  const { memoryBytes, nanoCpus } = request;
  if (memoryBytes === 0 && nanoCpus === 0 && request.ports.length === 0) return NOTHING;
  return { memoryBytes, nanoCpus, ports: assignPorts(request.ports, node) ?? [] };
}
