import type { Container } from '../../simulator/container.ts';
import type { EngineState } from '../../simulator/engine-state.ts';
import { FLEET_IMAGES, FLEET_NETWORKS } from '../../simulator/population.ts';

const TICK_MS = 20;
/** Churn never holds more containers of its own than this many per node on average. */
const MAX_OWN_PER_NODE = 10;

/** Picks engines that can take a change now. */
export type EnginePicker = () => EngineState | undefined;

/** Changes containers at a steady rate: half are stopped or started, the rest created and removed again. */
export class Churn {
  readonly #pick: EnginePicker;
  readonly #nodes: number;
  readonly #own: { readonly state: EngineState; readonly container: Container }[] = [];
  readonly #salt: string;
  #timer: NodeJS.Timeout | undefined;
  #done = 0;

  /** @param salt makes names unique among the workers of one fleet */
  constructor(pick: EnginePicker, nodes: number, salt: string) {
    this.#pick = pick;
    this.#nodes = nodes;
    this.#salt = salt;
  }

  /** Operations since the beginning. */
  get done(): number {
    return this.#done;
  }

  /** Sets the rate; 0 stops. */
  run(operationsPerSecond: number): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    if (operationsPerSecond <= 0) return;
    const startedAt = performance.now();
    const before = this.#done;
    this.#timer = setInterval(() => {
      const due = before + ((performance.now() - startedAt) / 1000) * operationsPerSecond;
      while (this.#done < due) this.#step();
    }, TICK_MS);
  }

  #step(): void {
    this.#done += 1;
    const state = this.#pick();
    if (state === undefined) return;
    if (Math.random() < 0.5) toggle(state);
    else if (this.#own.length >= this.#nodes * MAX_OWN_PER_NODE || Math.random() < 0.5) this.#removeOne();
    else this.#createOne(state);
  }

  #createOne(state: EngineState): void {
    const container = state.create({
      name: `churn-${this.#salt}-${this.#done}`,
      image: FLEET_IMAGES[0],
      networks: [FLEET_NETWORKS[0]],
      labels: { 'bench.churn': 'yes' },
    });
    state.start(container);
    this.#own.push({ state, container });
  }

  #removeOne(): void {
    const [taken] = this.#own.splice(Math.floor(Math.random() * this.#own.length), 1);
    // A client may have removed it meanwhile.
    if (taken?.state.containers.has(taken.container.id)) taken.state.remove(taken.container);
  }
}

function toggle(state: EngineState): void {
  const containers = [...state.containers.values()];
  const container = containers[Math.floor(Math.random() * containers.length)];
  if (container === undefined) return;
  if (!state.stop(container, 0)) state.start(container);
}
