import type { EngineEvent } from '../engine/types.ts';
import type { Node } from './node.ts';

/** Why one container is to be listed again. */
export interface Wish {
  /** The last event about it; undefined when a listing cannot be spared (somebody waits, or events contradict each other). */
  readonly event: EngineEvent | undefined;
  /** The last event that said what it is doing; the listing must show it. */
  readonly change: EngineEvent | undefined;
  /** How often it was listed in vain. */
  readonly attempts: number;
}

/** Listed in vain this often, an event is given up; with the doubling pauses that is after some ten seconds. */
export const MAX_ATTEMPTS = 7;

/** The containers of one node that are to be listed again, each with the reason. */
export class Wishes {
  #wishes = new Map<string, Wish>();

  /** Asks for a listing whatever the model shows. */
  demand(id: string): void {
    const before = this.#wishes.get(id);
    this.#wishes.set(id, { event: undefined, change: before?.change, attempts: 0 });
  }

  /** Asks for a listing unless the model shows already what the event tells. */
  follow(id: string, event: EngineEvent): void {
    const before = this.#wishes.get(id);
    const isSpared = before === undefined || (before.event !== undefined && isCoveredBy(before.event, event));
    const change = STATE_ACTIONS.has(event.Action) ? event : before?.change;
    this.#wishes.set(id, { event: isSpared ? event : undefined, change, attempts: 0 });
  }

  /** Asks again for what was taken. A newer event stays, but what has not been shown yet must still be. */
  again(taken: ReadonlyMap<string, Wish>): void {
    for (const [id, wish] of taken) {
      const newer = this.#wishes.get(id);
      this.#wishes.set(id, newer ? { ...newer, event: undefined, change: newer.change ?? wish.change } : wish);
    }
  }

  forget(id: string): void {
    this.#wishes.delete(id);
  }

  /** Forgets what only events asked for. */
  forgetEvents(): void {
    for (const [id, wish] of this.#wishes) if (wish.event) this.#wishes.delete(id);
  }

  /** Takes everything out. */
  take(): ReadonlyMap<string, Wish> {
    const taken = this.#wishes;
    this.#wishes = new Map();
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
 * Whether the model already shows what the wish is for, because it was listed after it (our own write). Every later
 * change has an event of its own, so nothing is missed.
 */
export function isAlreadyKnown(node: Node, id: string, { event }: Wish): boolean {
  const container = node.containers.get(id);
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
export function isShown(node: Node, id: string, { change }: Wish): boolean {
  const state = node.containers.get(id)?.state;
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
