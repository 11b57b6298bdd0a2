import { BoundedSet } from '../common/bounded-set.ts';
import { ATTEMPT_LABEL } from '../common/labels.ts';
import type { ContainerSummary, EngineEvent } from '../engine/types.ts';
import type { Node } from './node.ts';

/**
 * Label of a container that was made in place of one that had never been started, on another node: `<move>/<how many were made with
 * it>`. It tells a manager that was killed meanwhile whether the move was complete.
 */
export const MOVE_LABEL = 'io.enxame.regroup';
/** Engines' container IDs and volumes remembered until their events came. */
const MAX_REMEMBERED = 4_096;

/** A container as its engine lists it. */
export interface Listed {
  readonly node: Node;
  readonly summary: ContainerSummary;
}

/**
 * Containers that are being made anew on another node. Until a move is complete its new containers are not shown, afterwards its old ones
 * are not: clients see each container once. The events of both are kept from clients.
 */
export class Moves {
  /** New containers listed so far by engine ID, of moves that are under way. */
  readonly #open = new Map<string, Map<string, Listed>>();
  /** New copies of recorded containers by {@link ATTEMPT_LABEL}, as they are listed so far. */
  readonly #copies = new Map<string, Listed | undefined>();
  readonly #abandoned = new BoundedSet<string>(MAX_REMEMBERED);
  readonly #superseded = new BoundedSet<string>(MAX_REMEMBERED);
  /** Engine IDs of copies of recorded containers that others took the place of. */
  readonly #replaced = new BoundedSet<string>(MAX_REMEMBERED);
  /** `node volume action`, each for one event. */
  readonly #quietVolumes = new BoundedSet<string>(MAX_REMEMBERED);
  #onLeftover: (node: Node, engineId: string) => void = () => undefined;

  /** Sets who is told of a container that a move should have removed and an engine lists again. */
  set onLeftover(listener: (node: Node, engineId: string) => void) {
    this.#onLeftover = listener;
  }

  open(move: string): void {
    this.#open.set(move, new Map());
  }

  /** Ends a move that came to nothing: what was made stays hidden until it is removed. */
  abandon(move: string): void {
    this.#open.delete(move);
    this.#abandoned.add(move);
  }

  /** Ends a move that is complete. From now on `superseded` (engine IDs) is hidden; returns what takes its place. */
  complete(move: string, superseded: readonly string[]): readonly Listed[] {
    const made = [...(this.#open.get(move)?.values() ?? [])];
    this.#open.delete(move);
    for (const id of superseded) this.#superseded.add(id);
    return made;
  }

  /** How many of a move's new containers are listed. */
  listed(move: string): number {
    return this.#open.get(move)?.size ?? 0;
  }

  /** A copy of a recorded container is about to be made: it is not shown until {@link release}. */
  holdBack(attempt: string): void {
    this.#copies.set(attempt, undefined);
  }

  /** The copy as it was listed last, which may be shown from now on. */
  release(attempt: string): Listed | undefined {
    const copy = this.#copies.get(attempt);
    this.#copies.delete(attempt);
    return copy;
  }

  /** The copy as it was listed last. */
  copy(attempt: string): Listed | undefined {
    return this.#copies.get(attempt);
  }

  /** Whether a copy is not to be shown yet; `shown` is what clients will see of it. */
  isHeldBack(node: Node, { Labels }: ContainerSummary, shown: () => ContainerSummary): boolean {
    const attempt = this.#copies.size === 0 ? undefined : Labels?.[ATTEMPT_LABEL];
    if (attempt === undefined || !this.#copies.has(attempt)) return false;
    this.#copies.set(attempt, { node, summary: shown() });
    return true;
  }

  /** Whether an engine's container is a copy that is not shown yet. */
  isCopy(engineId: string): boolean {
    for (const copy of this.#copies.values()) if (copy?.summary.Id === engineId) return true;
    return false;
  }

  /** From now on the engine's container is not shown: another copy has taken its place. */
  replaced(engineId: string): void {
    this.#replaced.add(engineId);
  }

  /** Keeps the next event of a volume on a node from clients. */
  quietVolume(node: Node, name: string, action: 'create' | 'destroy'): void {
    this.#quietVolumes.add(`${node.id} ${name} ${action}`);
  }

  /** Whether a listed container is not to be shown. */
  hides(node: Node, summary: ContainerSummary): boolean {
    if (this.#replaced.has(summary.Id)) return true;
    const label = summary.Labels?.[MOVE_LABEL];
    const open = label === undefined ? undefined : this.#open.get(label);
    if (open) {
      open.set(summary.Id, { node, summary });
      return true;
    }
    const isLeftover = this.#superseded.has(summary.Id) || (label !== undefined && this.#abandoned.has(label));
    if (isLeftover) this.#onLeftover(node, summary.Id);
    return isLeftover;
  }

  /** Whether an event is one of a move. */
  isQuiet(node: Node, { Type, Action, Actor }: EngineEvent): boolean {
    if (Type === 'volume') return this.#quietVolumes.delete(`${node.id} ${Actor.ID} ${Action}`);
    if (Type !== 'container') return false;
    if (this.#superseded.has(Actor.ID) || this.#replaced.has(Actor.ID)) return true;
    const attempt = Actor.Attributes?.[ATTEMPT_LABEL];
    if (attempt !== undefined && this.#copies.has(attempt)) return true;
    const label = Actor.Attributes?.[MOVE_LABEL];
    return label ? Action === 'create' || this.#abandoned.has(label) : false;
  }
}
