import type { Node } from '../cluster/node.ts';
import type { EngineEvent } from '../engine/types.ts';

/** Why one container is to be listed again. */
export interface DueListing {
  /** The last event about it; undefined when a listing cannot be spared (a caller waits, or events contradict each other). */
  readonly event: EngineEvent | undefined;
  /** The last event that said what it is doing; the listing must show it. */
  readonly change: EngineEvent | undefined;
  /** How often it was listed in vain. */
  readonly attempts: number;
}

/** Listed in vain this often, an event is given up; with the doubling pauses that is after some ten seconds. */
export const MAX_ATTEMPTS = 7;

/** The containers of one node that are to be listed again, each with the reason. */
export class ListingQueue {
  #due = new Map<string, DueListing>();

  /** Asks for a listing whatever the model shows. */
  demand(id: string): void {
    const before = this.#due.get(id);
    this.#due.set(id, { event: undefined, change: before?.change, attempts: 0 });
  }

  /** Asks for a listing unless the model shows already what the event tells. */
  follow(id: string, event: EngineEvent): void {
    const before = this.#due.get(id);
    const isSpared = before === undefined || (before.event !== undefined && isCoveredBy(before.event, event));
    const change = STATE_ACTIONS.has(event.Action) ? event : before?.change;
    this.#due.set(id, { event: isSpared ? event : undefined, change, attempts: 0 });
  }

  /** Puts back what was taken. A newer event stays, but what has not been shown yet must still be. */
  requeue(taken: ReadonlyMap<string, DueListing>): void {
    for (const [id, due] of taken) {
      const newer = this.#due.get(id);
      this.#due.set(id, newer ? { ...newer, event: undefined, change: newer.change ?? due.change } : due);
    }
  }

  forget(id: string): void {
    this.#due.delete(id);
  }

  /** Forgets what only events asked for. */
  forgetEvents(): void {
    for (const [id, due] of this.#due) if (due.event) this.#due.delete(id);
  }

  /** Takes everything out. */
  take(): ReadonlyMap<string, DueListing> {
    const taken = this.#due;
    this.#due = new Map();
    return taken;
  }
}

const STATE_ACTIONS: ReadonlySet<string> = new Set(['start', 'die', 'pause', 'unpause']);

/** How a container comes to run: a model that shows a later step shows the earlier ones too. */
const MAKING = ['create', 'connect', 'start'];

function isCoveredBy(before: EngineEvent, later: EngineEvent): boolean {
  const step = MAKING.indexOf(before.Action);
  return step >= 0 && MAKING.indexOf(later.Action) > step;
}

/**
 * Whether the model already shows what the listing is for, because it was listed after it (our own write). Every later
 * change has an event of its own, so nothing is missed.
 */
export function isAlreadyKnown(node: Node, id: string, { event }: DueListing): boolean {
  const container = node.held(id);
  switch (event?.Action) {
    case 'create':
      return container !== undefined;
    case 'start':
    case 'unpause':
      return container?.state === 'running';
    case 'die':
      return container?.state === 'exited';
    case 'pause':
      return container?.state === 'paused';
    case 'rename':
      return container !== undefined && container.name === event.Actor.Attributes?.name?.replace(/^\//, '');
    case 'connect':
      // The engine connects networks before it says `start`: what is not running yet is listed then.
      return container !== undefined && container.state !== 'running';
    default:
      return false;
  }
}

/**
 * Whether a listing shows the change. Engines say `die` and `pause` before they list it: for `die` they first unmount
 * and disconnect (moby `daemon/monitor.go`, `handleContainerExit`), which takes seconds on a busy host.
 */
export function isShown(node: Node, id: string, { change }: DueListing): boolean {
  const state = node.held(id)?.state;
  if (state === undefined) return true;
  switch (change?.Action) {
    case 'die':
      return state !== 'running' && state !== 'paused';
    case 'pause':
      return state !== 'running';
    case 'unpause':
      return state !== 'paused';
    default:
      return true;
  }
}
