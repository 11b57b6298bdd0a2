import type { ContainerSummary } from '../engine/types.ts';
import { NOTHING, type Reservation } from '../scheduler/reservation.ts';
import type { PortClaim } from '../scheduler/types.ts';
import { Container } from './container.ts';
import { ContainerIndex } from './container-index.ts';
import { ContainerList } from './container-list.ts';
import { IdentityClaims } from './identity-claims.ts';
import { Moves } from './moves.ts';
import type { Node } from './node.ts';

/** A placement whose container the engine has not listed yet: it has a name, labels and a node, but no engine ID. */
export interface PendingContainer {
  readonly id: string;
  readonly engineId: string;
  readonly name: string;
  readonly nodeId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly isPending: true;
}

/** Told about containers that need attention. */
export interface ContainerWatch {
  /** One is met whose reservation is not known yet. */
  readonly onUnknownReservation: (container: Container) => void;
  /** One claims an identity that another has, and goes by its engine's own ID. Once for each. */
  readonly onRefusedIdentity?: (container: Container) => void;
  /** One came (no `before`), changed or went (no `after`); every index has it. */
  readonly onChange?: (before: Container | undefined, after: Container | undefined) => void;
}

/** A change to be told once every index has it. */
interface Change {
  readonly before: Container | undefined;
  after: Container | undefined;
}

/**
 * All containers with every index over them. Adding and removing are symmetric and go through here alone, so that
 * after any sequence of changes each index equals what a full recomputation would give.
 */
export class Containers {
  readonly index: ContainerIndex<Container | PendingContainer> = new ContainerIndex();
  readonly list: ContainerList = new ContainerList();
  readonly moves: Moves = new Moves();
  readonly #watch: ContainerWatch;
  readonly #claims: IdentityClaims;
  /** With the engine's ID of those that are made, and not listed yet. */
  readonly #pending = new Map<PendingContainer, string | undefined>();
  readonly #settled = new Map<string, PendingContainer>();
  #size = 0;

  constructor(watch: ContainerWatch) {
    this.#watch = watch;
    this.#claims = new IdentityClaims(this.index, watch.onRefusedIdentity);
  }

  get size(): number {
    return this.#size;
  }

  /** Sets all containers of a node. */
  replaceAll(node: Node, summaries: readonly ContainerSummary[], nowMs: number): void {
    this.update(node, [...node.containers.keys()], summaries, nowMs);
  }

  /** Sets the listed ones; those among `engineIds` that are not listed are gone. */
  update(node: Node, engineIds: readonly string[], summaries: readonly ContainerSummary[], nowMs: number): void {
    const listed = new Set(summaries.map((summary) => summary.Id));
    for (const id of engineIds) if (!listed.has(id)) this.remove(node, id);
    for (const summary of summaries) this.#put(node, summary, nowMs);
  }

  remove(node: Node, engineId: string): void {
    const container = node.containers.get(engineId);
    // Also without a container: one that ended before it was ever listed (`run --rm`) held its reservation too.
    node.ledger.remove(engineId);
    if (!container) return;
    const changes: Change[] = [{ before: container, after: undefined }];
    this.#detach(container);
    this.#settleIdentities(container, changes);
    this.#tell(changes);
  }

  removeAll(node: Node): void {
    for (const id of [...node.containers.keys()]) this.remove(node, id);
  }

  /** Shows what a move made instead of what it was made for. */
  completeMove(move: string, superseded: readonly Container[], nowMs: number): void {
    const made = this.moves.complete(
      move,
      superseded.map(({ engineId }) => engineId),
    );
    for (const { node, engineId } of superseded) this.remove(node, engineId);
    for (const { node, summary } of made) this.#put(node, summary, nowMs);
  }

  /** Shows the copy that was held back instead of the container whose place it takes. */
  completeCopy(attempt: string, replaced: Container | undefined, nowMs: number): void {
    const copy = this.moves.release(attempt);
    if (replaced) {
      this.moves.replaced(replaced.engineId);
      this.remove(replaced.node, replaced.engineId);
    }
    if (copy) this.#put(copy.node, copy.summary, nowMs);
  }

  /** A node's health or name changed: its containers are listed differently though they are the same. */
  relist(node: Node): void {
    for (const container of node.containers.values()) this.list.invalidate(container);
  }

  /** Takes a pending placement into the indexes, so that names and affinities see it at once. */
  addPending(pending: PendingContainer): void {
    this.#pending.set(pending, undefined);
    this.index.add(pending);
  }

  /** The engine made it: it stays until the container is listed, so that it counts in between, and once. */
  settlePending(pending: PendingContainer, node: Node, engineId: string): void {
    if (!this.#pending.has(pending)) return;
    if (node.containers.has(engineId)) return this.removePending(pending);
    this.#pending.set(pending, engineId);
    this.#settled.set(engineId, pending);
  }

  /** Idempotent. */
  removePending(pending: PendingContainer): void {
    if (!this.#pending.has(pending)) return;
    const engineId = this.#pending.get(pending);
    if (engineId !== undefined) this.#settled.delete(engineId);
    this.#pending.delete(pending);
    this.index.remove(pending);
  }

  /** Pending placements first, then every container, newest first. */
  *everything(): IterableIterator<Container | PendingContainer> {
    yield* this.#pending.keys();
    yield* this.list;
  }

  /** Takes containers as a node that cannot be asked held them once; what they reserve is left for `onUnknown` to learn later. */
  restore(
    node: Node,
    summaries: readonly ContainerSummary[],
    nowMs: number,
    onUnknown: (container: Container) => void,
  ): void {
    for (const summary of summaries) this.#put(node, summary, nowMs, onUnknown);
  }

  #put(
    node: Node,
    summary: ContainerSummary,
    nowMs: number,
    onUnknown: (container: Container) => void = this.#watch.onUnknownReservation,
  ): void {
    if (this.moves.hides(node, summary)) return;
    const earlier = node.containers.get(summary.Id);
    const container = new Container(node, summary, nowMs, earlier);
    if (earlier?.isSameAs(container)) return;
    const settled = this.#settled.get(summary.Id);
    if (settled) this.removePending(settled);
    const changes: Change[] = [{ before: earlier, after: container }];
    if (earlier) this.#detach(earlier);
    this.#attach(container);
    if (earlier) this.#settleIdentities(earlier, changes);
    this.#settleIdentities(container, changes);
    if (!node.ledger.has(container.engineId)) {
      node.ledger.put(container.engineId, listedReservation(summary));
      onUnknown(container);
    }
    this.#tell(changes);
  }

  #attach(container: Container): void {
    container.node.putContainer(container);
    this.index.add(container);
    this.list.add(container);
    this.#claims.add(container);
    this.#size += 1;
  }

  #detach(container: Container): void {
    container.node.deleteContainer(container);
    this.index.remove(container);
    this.list.remove(container);
    this.#claims.remove(container);
    this.#size -= 1;
  }

  /** A container came or went: those that claim an identity it has or had get it, or lose it. Adds what that changed to `changes`. */
  #settleIdentities(changed: Container, changes: Change[]): void {
    for (const { container, isGranted } of this.#claims.toSettle(changed)) {
      const after = container.identified(isGranted);
      this.#detach(container);
      this.#attach(after);
      const known = changes.find((change) => change.after === container);
      if (known) known.after = after;
      else changes.push({ before: container, after });
    }
  }

  #tell(changes: readonly Change[]): void {
    const { onChange } = this.#watch;
    if (onChange) for (const { before, after } of changes) onChange(before, after);
  }
}

/** What a list entry tells of a container's reservation: the host ports of a running one. The rest needs an inspect. */
export function listedReservation(summary: ContainerSummary): Reservation {
  const ports = publishedPorts(summary.Ports);
  return ports.length === 0 ? NOTHING : { memoryBytes: 0, nanoCpus: 0, ports };
}

/** The host ports in a list entry. */
export function publishedPorts(ports: ContainerSummary['Ports']): readonly PortClaim[] {
  const published = (ports ?? []).filter((port) => port.PublicPort !== undefined);
  return published.map((port) => ({
    protocol: port.Type === 'udp' || port.Type === 'sctp' ? port.Type : 'tcp',
    ip: port.IP ?? '',
    port: port.PublicPort ?? 0,
  }));
}
