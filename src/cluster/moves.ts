import { BoundedSet } from '../common/bounded-set.ts';
import type { ContainerSummary, EngineEvent } from '../engine/types.ts';
import { REGROUP_LABEL } from './listed-container.ts';
import type { Node } from './node.ts';

export const MOVE_LABEL: string = REGROUP_LABEL;
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
  readonly #abandoned = new BoundedSet<string>(MAX_REMEMBERED);
  readonly #superseded = new BoundedSet<string>(MAX_REMEMBERED);
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

  /** A new container of a move under way, as it was listed. */
  find(engineId: string): Listed | undefined {
    for (const listed of this.#open.values()) {
      const found = listed.get(engineId);
      if (found) return found;
    }
    return undefined;
  }

  /** How many of a move's new containers are listed. */
  listed(move: string): number {
    return this.#open.get(move)?.size ?? 0;
  }

  /** Keeps the next event of a volume on a node from clients. */
  quietVolume(node: Node, name: string, action: 'create' | 'destroy'): void {
    this.#quietVolumes.add(`${node.id} ${name} ${action}`);
  }

  /** Whether a listed container is not to be shown. */
  hides(node: Node, summary: ContainerSummary): boolean {
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
    if (this.#superseded.has(Actor.ID)) return true;
    const label = Actor.Attributes?.[MOVE_LABEL];
    return label ? Action === 'create' || this.#abandoned.has(label) : false;
  }
}
