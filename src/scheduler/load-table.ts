/** What strategies compare nodes by. */
export interface Load {
  /** Real memory and CPUs; the scheduler applies the overcommit itself. */
  readonly totalMemoryBytes: number;
  readonly totalNanoCpus: number;
  /** Sums over the node's containers in any state, pending placements included. */
  readonly reservedMemoryBytes: number;
  readonly reservedNanoCpus: number;
  /** Containers in any state, pending placements included. */
  readonly containerCount: number;
  /** What the node costs a month, in any unit that all nodes share; undefined while that is not known. */
  readonly price?: number | undefined;
}

type Column = Float64Array<ArrayBuffer>;

/** Room for this many nodes at first. */
const FIRST_CAPACITY = 16;

/**
 * The loads of all nodes side by side in memory, row i for node i. A placement weighs every node: to read the numbers of
 * five thousand objects that lie scattered in memory takes longer than everything else that a create does here.
 */
export class LoadTable {
  #containerCount = new Float64Array(FIRST_CAPACITY);
  #reservedMemoryBytes = new Float64Array(FIRST_CAPACITY);
  #reservedNanoCpus = new Float64Array(FIRST_CAPACITY);
  #totalMemoryBytes = new Float64Array(FIRST_CAPACITY);
  #totalNanoCpus = new Float64Array(FIRST_CAPACITY);
  /** Not a number where it is not known. */
  #price = new Float64Array(FIRST_CAPACITY);
  #length = 0;

  /** The table of nodes as they are now. */
  static of(nodes: readonly Load[]): LoadTable {
    const table = new LoadTable();
    for (const [row, node] of nodes.entries()) table.set(row, node);
    return table;
  }

  get length(): number {
    return this.#length;
  }

  set(row: number, load: Load): void {
    if (row >= this.#containerCount.length) this.#grow(row + 1);
    this.#length = Math.max(this.#length, row + 1);
    this.#containerCount[row] = load.containerCount;
    this.#reservedMemoryBytes[row] = load.reservedMemoryBytes;
    this.#reservedNanoCpus[row] = load.reservedNanoCpus;
    this.#totalMemoryBytes[row] = load.totalMemoryBytes;
    this.#totalNanoCpus[row] = load.totalNanoCpus;
    this.#price[row] = load.price ?? Number.NaN;
  }

  /** Drops the rows from `length` on. */
  truncate(length: number): void {
    this.#length = Math.min(this.#length, length);
  }

  containerCount(row: number): number {
    return this.#containerCount[row] ?? 0;
  }

  /** What a node costs; undefined when that is not known. */
  price(row: number): number | undefined {
    const price = this.#price[row] ?? Number.NaN;
    return Number.isNaN(price) ? undefined : price;
  }

  /** The share of its memory that a node would have reserved with `more` bytes. */
  memoryShare(row: number, more: number): number {
    return ((this.#reservedMemoryBytes[row] ?? 0) + more) / (this.#totalMemoryBytes[row] ?? 0);
  }

  /** The share of its CPUs that a node would have reserved with `more` billionths of one. */
  cpuShare(row: number, more: number): number {
    return ((this.#reservedNanoCpus[row] ?? 0) + more) / (this.#totalNanoCpus[row] ?? 0);
  }

  /** CPUs of the node that has most, in billionths of one. */
  largestNanoCpus(): number {
    let largest = 0;
    for (let row = 0; row < this.#length; row++) largest = Math.max(largest, this.#totalNanoCpus[row] ?? 0);
    return largest;
  }

  #grow(length: number): void {
    const capacity = Math.max(length, 2 * this.#containerCount.length);
    const grown = (column: Column): Column => {
      const longer = new Float64Array(capacity);
      longer.set(column);
      return longer;
    };
    this.#containerCount = grown(this.#containerCount);
    this.#reservedMemoryBytes = grown(this.#reservedMemoryBytes);
    this.#reservedNanoCpus = grown(this.#reservedNanoCpus);
    this.#totalMemoryBytes = grown(this.#totalMemoryBytes);
    this.#totalNanoCpus = grown(this.#totalNanoCpus);
    this.#price = grown(this.#price);
  }
}
