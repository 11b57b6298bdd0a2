import type { ContainerSummary } from '../engine/types.ts';

/** What is counted of a container. */
interface Held {
  readonly engineId: string;
  readonly state: string;
  readonly isOfSwarm: boolean;
}

/** Containers of one node by what they are doing. */
export interface StateCounts {
  readonly running: number;
  readonly paused: number;
  readonly stopped: number;
}

/** A container on an engine that clients do not see: a copy of one that is elsewhere. */
export interface HiddenCopy<C> {
  readonly container: C;
  /** As the engine listed it. */
  readonly summary: ContainerSummary;
}

/** The containers of one node, and how many of them do what: kept with each change, because it is asked for often. */
export class NodeHoldings<C extends Held> {
  readonly #containers = new Map<string, C>();
  readonly #hidden = new Map<string, HiddenCopy<C>>();
  readonly #onOfSwarm: () => void;
  #running = 0;
  #paused = 0;
  #ofSwarm = 0;

  /** @param onOfSwarm called when {@link ofSwarm} changed */
  constructor(onOfSwarm: () => void) {
    this.#onOfSwarm = onOfSwarm;
  }

  /** By the engine's own container ID. */
  get containers(): ReadonlyMap<string, C> {
    return this.#containers;
  }

  /** By the engine's own container ID; counted nowhere. */
  get hidden(): ReadonlyMap<string, HiddenCopy<C>> {
    return this.#hidden;
  }

  get counts(): StateCounts {
    return {
      running: this.#running,
      paused: this.#paused,
      stopped: this.#containers.size - this.#running - this.#paused,
    };
  }

  /** Those that belong to the swarm itself. */
  get ofSwarm(): number {
    return this.#ofSwarm;
  }

  /** Adds a container, or puts it in place of an earlier one with its engine ID. */
  put(container: C): void {
    this.#count(this.#containers.get(container.engineId), -1);
    this.#containers.set(container.engineId, container);
    this.#count(container, 1);
  }

  delete(container: C): void {
    if (this.#containers.delete(container.engineId)) this.#count(container, -1);
  }

  hide(copy: HiddenCopy<C>): void {
    this.#hidden.set(copy.container.engineId, copy);
  }

  deleteHidden(engineId: string): void {
    this.#hidden.delete(engineId);
  }

  #count(container: C | undefined, delta: number): void {
    if (!container) return;
    if (container.isOfSwarm) {
      this.#ofSwarm += delta;
      this.#onOfSwarm();
    }
    if (container.state === 'running' || container.state === 'restarting') this.#running += delta;
    else if (container.state === 'paused') this.#paused += delta;
  }
}
