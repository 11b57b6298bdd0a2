/** A failure domain that nodes are in at present. */
interface Domain {
  readonly key: string;
  nodes: number;
}

/** Room for this many nodes at first. */
const FIRST_CAPACITY = 16;

/**
 * The failure domains of all nodes, row i for node i: one domain for each label that is spread by, inside that of the label before
 * (zone `a` of two regions is two domains). Nodes without a label are in one domain, that without a value. Domains have small
 * numbers, which are given anew once no node is in one, so that a reader can count in arrays.
 */
export class DomainTable {
  /** Labels of nodes, the widest domain first; empty when nothing is spread. */
  readonly labels: readonly string[];
  readonly #byKey = new Map<string, number>();
  readonly #domains: (Domain | undefined)[] = [];
  readonly #free: number[] = [];
  #numbers: Int32Array<ArrayBuffer>;
  #length = 0;

  constructor(labels: readonly string[]) {
    this.labels = labels;
    this.#numbers = new Int32Array(FIRST_CAPACITY * labels.length);
  }

  /** One more than the largest number of a domain. */
  get size(): number {
    return this.#domains.length;
  }

  /** How many rows there are. */
  get length(): number {
    return this.#length;
  }

  /** The number of the domain that a row's node is in, by the label at `level`. */
  domain(row: number, level: number): number {
    return this.#numbers[row * this.labels.length + level] ?? 0;
  }

  /** Sets what labels a row's node has. Rows are added one after the other. */
  set(row: number, labels: ReadonlyMap<string, string>): void {
    const path = this.#enter(labels);
    if (row < this.#length) this.#leave(row);
    else this.#length = row + 1;
    const start = row * this.labels.length;
    if (start + this.labels.length > this.#numbers.length) this.#grow();
    this.#numbers.set(path, start);
  }

  /** Drops the rows from `length` on. */
  truncate(length: number): void {
    while (this.#length > length) {
      this.#length -= 1;
      this.#leave(this.#length);
    }
  }

  #enter(labels: ReadonlyMap<string, string>): number[] {
    let outer = -1;
    return this.labels.map((label) => {
      outer = this.#numberOf(`${outer} ${labels.get(label) ?? ''}`);
      const domain = this.#domains[outer];
      if (domain) domain.nodes += 1;
      return outer;
    });
  }

  #numberOf(key: string): number {
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    const number = this.#free.pop() ?? this.#domains.length;
    this.#domains[number] = { key, nodes: 0 };
    this.#byKey.set(key, number);
    return number;
  }

  /** Who is in an inner domain is in the outer one too, so an outer one ends no earlier than all in it. */
  #leave(row: number): void {
    for (let level = 0; level < this.labels.length; level++) {
      const number = this.domain(row, level);
      const domain = this.#domains[number];
      if (domain === undefined) continue;
      domain.nodes -= 1;
      if (domain.nodes > 0) continue;
      this.#domains[number] = undefined;
      this.#byKey.delete(domain.key);
      this.#free.push(number);
    }
  }

  #grow(): void {
    const longer = new Int32Array(2 * this.#numbers.length);
    longer.set(this.#numbers);
    this.#numbers = longer;
  }
}
