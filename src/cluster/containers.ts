import { BoundedSet } from '../common/bounded-set.ts';
import { ATTEMPT_LABEL } from '../common/labels.ts';
import type { ContainerSummary } from '../engine/types.ts';
import { NOTHING, type Reservation } from '../scheduler/reservation.ts';
import type { PortClaim } from '../scheduler/types.ts';
import { Container } from './container.ts';
import { ContainerIndex } from './container-index.ts';
import { ContainerList } from './container-list.ts';
import { type Identities, type KnownCopy, NO_IDENTITIES } from './identities.ts';
import { IdentityClaims } from './identity-claims.ts';
import { MOVE_LABEL, Moves } from './moves.ts';
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
  /** One came (no `before`), changed or went (no `after`); every index has it. `why` is said when another copy took its place. */
  readonly onChange?: (before: Container | undefined, after: Container | undefined, why?: string) => void;
  /** What clients see of a list entry; default all of it. */
  readonly shown?: (summary: ContainerSummary) => ContainerSummary;
}

/** A change to be told once every index has it. */
interface Change {
  readonly before: Container | undefined;
  after: Container | undefined;
}

/** A container by its node and the engine's own ID. */
export interface OnNode {
  readonly node: Node;
  readonly engineId: string;
}

/** Copies whose events are kept from clients also when no record names them any more. */
const MAX_REMEMBERED = 4_096;

/**
 * All containers with every index over them. Adding and removing are symmetric and go through here alone, so that
 * after any sequence of changes each index equals what a full recomputation would give.
 */
export class Containers {
  readonly index: ContainerIndex<Container | PendingContainer> = new ContainerIndex();
  readonly list: ContainerList = new ContainerList();
  readonly moves: Moves = new Moves();
  readonly #watch: ContainerWatch;
  #identities: Identities = NO_IDENTITIES;
  /** Engine IDs of those that were hidden. */
  readonly #hiddenOnce = new BoundedSet<string>(MAX_REMEMBERED);
  readonly #claims: IdentityClaims;
  /** With the engine's ID of those that are made, and not listed yet. */
  readonly #pending = new Map<PendingContainer, string | undefined>();
  readonly #settled = new Map<string, PendingContainer>();
  #size = 0;

  constructor(watch: ContainerWatch) {
    this.#watch = watch;
    this.#claims = new IdentityClaims(watch.onRefusedIdentity);
  }

  get size(): number {
    return this.#size;
  }

  /** Says who containers are, from now on. */
  identify(identities: Identities): void {
    this.#identities = identities;
  }

  /** What records say of a container on an engine; one that was hidden last stays a copy left behind when no record names it any more. */
  known(node: Node, engineId: string, attempt: string | undefined): KnownCopy | undefined {
    return (
      this.#identities.of(node.id, engineId, attempt) ?? (this.#hiddenOnce.has(engineId) ? LEFT_BEHIND : undefined)
    );
  }

  /** Whether something has this name: a container, a placement still pending, or a record of one that no node lists. */
  isName(name: string): boolean {
    return this.index.byName(name).length > 0 || this.#identities.hasName(name);
  }

  /** Sets all containers of a node. */
  replaceAll(node: Node, summaries: readonly ContainerSummary[], nowMs: number): void {
    this.update(node, [...node.containers.keys(), ...node.hidden.keys()], summaries, nowMs);
  }

  /** Sets the listed ones; those among `engineIds` that are not listed are gone. */
  update(node: Node, engineIds: readonly string[], summaries: readonly ContainerSummary[], nowMs: number): void {
    const listed = new Set(summaries.map((summary) => summary.Id));
    for (const id of engineIds) if (!listed.has(id)) this.remove(node, id);
    for (const summary of summaries) this.#putAlone(node, summary, nowMs);
  }

  remove(node: Node, engineId: string): void {
    const container = node.containers.get(engineId);
    // Also without a container: one that ended before it was ever listed (`run --rm`) held its reservation too.
    node.ledger.remove(engineId);
    node.deleteHidden(engineId);
    if (!container) return;
    this.#detach(container);
    this.#tell([{ before: container, after: undefined }]);
  }

  removeAll(node: Node): void {
    for (const id of [...node.containers.keys(), ...node.hidden.keys()]) this.remove(node, id);
  }

  /**
   * What records say of these changed: hides and shows them accordingly, in one step, so that a copy that takes another's place is told as
   * that container's change. `why` is the reason of the move, if there was one.
   */
  reconsider(places: readonly OnNode[], nowMs: number, why: string | undefined): void {
    const changes: Change[] = [];
    for (const { node, engineId } of places) {
      const listed = node.hidden.get(engineId)?.summary ?? this.moves.find(engineId)?.summary;
      const held = node.held(engineId);
      const summary = listed ?? (held && { ...held.entry(), Id: engineId, Names: namesOf(held), Status: '' });
      if (summary) this.#put(node, summary, nowMs, { changes, status: held?.status });
    }
    this.#tell(inPlace(changes), why);
  }

  /** Shows what a move made instead of what it was made for. */
  completeMove(move: string, superseded: readonly Container[], nowMs: number): void {
    const made = this.moves.complete(
      move,
      superseded.map(({ engineId }) => engineId),
    );
    for (const { node, engineId } of superseded) this.remove(node, engineId);
    for (const { node, summary } of made) this.#putAlone(node, summary, nowMs);
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
    for (const summary of summaries) this.#putAlone(node, summary, nowMs, onUnknown);
  }

  #putAlone(node: Node, summary: ContainerSummary, nowMs: number, onUnknown?: (container: Container) => void): void {
    const changes: Change[] = [];
    this.#put(node, summary, nowMs, { changes, onUnknown });
    this.#tell(changes);
  }

  /** Takes a container as its engine lists it; what that changes for clients is added to `changes`. */
  #put(node: Node, summary: ContainerSummary, nowMs: number, { changes, status, onUnknown }: Putting): void {
    const earlier = node.containers.get(summary.Id);
    const isNew = !earlier && summary.State === 'created' && !summary.Labels?.[MOVE_LABEL];
    const known = this.#identities.of(node.id, summary.Id, summary.Labels?.[ATTEMPT_LABEL], isNew);
    if (known?.role !== 'current' && this.moves.hides(node, summary)) {
      if (earlier) this.#detach(earlier);
      if (earlier) changes.push({ before: earlier, after: undefined });
      return;
    }
    const before = earlier ?? node.held(summary.Id);
    const listed = this.#watch.shown?.(summary) ?? summary;
    const container = new Container(node, listed, nowMs, before, { known, status });
    const isHidden = known !== undefined && known.role !== 'current';
    if (!isHidden && earlier?.isSameAs(container)) return;
    const settled = this.#settled.get(summary.Id);
    if (settled) this.removePending(settled);
    if (earlier || !isHidden) changes.push({ before: earlier, after: isHidden ? undefined : container });
    if (earlier) this.#detach(earlier);
    if (isHidden) this.#hide(container, summary);
    else this.#show(container);
    if (!isHidden) this.#claims.refuse(container);
    if (node.ledger.has(container.engineId)) return;
    node.ledger.put(container.engineId, listedReservation(summary));
    (onUnknown ?? this.#watch.onUnknownReservation)(container);
  }

  #hide(container: Container, summary: ContainerSummary): void {
    container.node.putHidden({ container, summary });
    this.#hiddenOnce.add(container.engineId);
  }

  #show(container: Container): void {
    container.node.deleteHidden(container.engineId);
    this.#hiddenOnce.delete(container.engineId);
    this.#attach(container);
  }

  #attach(container: Container): void {
    container.node.putContainer(container);
    this.index.add(container);
    this.list.add(container);
    this.#size += 1;
  }

  #detach(container: Container): void {
    container.node.deleteContainer(container);
    this.index.remove(container);
    this.list.remove(container);
    this.#size -= 1;
  }

  #tell(changes: readonly Change[], why?: string): void {
    const { onChange } = this.#watch;
    if (!onChange) return;
    for (const { before, after } of changes)
      onChange(before, after, before && after && before.engineId !== after.engineId ? why : undefined);
  }
}

const LEFT_BEHIND: KnownCopy = {
  role: 'stale',
  id: undefined,
  formerIds: [],
  isSuccessor: true,
  isStoppedForMove: false,
};

/** What else there is to say of a container that is taken in. */
interface Putting {
  readonly changes: Change[];
  /** What it is known to be doing, for an entry that does not say it. */
  readonly status?: Container['status'] | undefined;
  readonly onUnknown?: ((container: Container) => void) | undefined;
}

/** A container that went and one that came with its identity are one that changed. */
function inPlace(changes: readonly Change[]): readonly Change[] {
  const gone = new Map(
    changes.flatMap((each) => (each.before && !each.after ? [[each.before.id, each] as const] : [])),
  );
  const merged = changes.map((each) => {
    const place = each.before || !each.after ? undefined : gone.get(each.after.id);
    if (place) gone.delete(each.after?.id ?? '');
    return place ? { place, change: { before: place.before, after: each.after } } : { place, change: each };
  });
  const replaced = new Set(merged.map(({ place }) => place));
  return merged.flatMap(({ change }) => (replaced.has(change) ? [] : change));
}

function namesOf({ name, links }: Container): readonly string[] {
  return [name, ...links].map((each) => `/${each}`);
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
