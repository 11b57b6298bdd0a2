import type { Container } from '../cluster/container.ts';
import type { Node } from '../cluster/node.ts';
import { History, type HistoryLimits } from './history.ts';
import { added, type Counted, NO_USAGE, type Usage } from './usage.ts';

/** Of all that were not sampled yet: with 30,000 containers that is most of them for half an hour, and empty ones of their own took 7 MB. */
const NO_HISTORY: Pick<History, 'hour' | 'day'> = new History();

/** A container that runs or ran, and what is known of its use. */
export class SampledContainer {
  container: Container;
  readonly node: SampledNode;
  /** Its place among those that are sampled; undefined while it does not run. */
  place: number | undefined;
  memoryLimit = 0;
  #counted: Counted | undefined;
  #engineId = '';
  #usage: Usage | undefined;
  #history: History | undefined;

  constructor(container: Container, node: SampledNode) {
    this.container = container;
    this.node = node;
  }

  /** What it used last; undefined before there are two readings, and while it does not run. */
  get usage(): Usage | undefined {
    return this.#usage;
  }

  /** What it used so far. */
  get history(): Pick<History, 'hour' | 'day'> {
    return this.#history ?? NO_HISTORY;
  }

  /** Adds to its history; `seconds` since the epoch never fall. */
  note(seconds: number, usage: Usage, limits: HistoryLimits): void {
    this.#history ??= new History();
    this.#history.add(seconds, usage, limits);
  }

  /** Takes a reading of this container of the engine's in; returns what was used since the one before. */
  read(
    counted: Counted,
    engineId: string,
    between: (before: Counted, after: Counted) => Usage | undefined,
  ): Usage | undefined {
    const before = engineId === this.#engineId ? this.#counted : undefined;
    this.#counted = counted;
    this.#engineId = engineId;
    this.memoryLimit = counted.memoryLimit;
    const usage = before && between(before, counted);
    if (usage) this.#show(usage);
    return usage;
  }

  /** It does not run any more, or is not reached. */
  clear(): void {
    this.#counted = undefined;
    this.#show(undefined);
  }

  #show(usage: Usage | undefined): void {
    this.node.exchange(this.#usage, usage);
    this.#usage = usage;
  }
}

/** A node: what its containers use, in sum. */
export class SampledNode {
  readonly node: Node;
  readonly history: History = new History();
  /** Readings under way. */
  underWay = 0;
  #usage: Usage = NO_USAGE;
  #measured = 0;

  constructor(node: Node) {
    this.node = node;
  }

  /** The sum over its containers; undefined when none was measured. */
  get usage(): Usage | undefined {
    return this.#measured === 0 ? undefined : this.#usage;
  }

  exchange(before: Usage | undefined, after: Usage | undefined): void {
    this.#measured += Number(after !== undefined) - Number(before !== undefined);
    // From nothing again, so that errors of rounding do not add up.
    if (this.#measured === 0) this.#usage = NO_USAGE;
    else this.#usage = added(added(this.#usage, before ?? NO_USAGE, -1), after ?? NO_USAGE);
  }
}
