import { MultiMap } from '../common/multi-map.ts';
import type { ContainerView, NodeIds } from '../scheduler/types.ts';
import { GroupIndex } from './group-index.ts';
import { IdPrefixIndex } from './id-prefix-index.ts';
import { NamePartIndex } from './name-part-index.ts';

/** What the index needs of a container or of a placement still pending. */
export interface Indexed extends ContainerView {
  readonly engineId: string;
  /** What engines called it before it was moved. */
  readonly formerIds?: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Finds containers by ID, ID prefix, name and label in time that does not grow with their number. One owner: the cluster.
 * Labels are many and few are ever asked for, so a label's index is made when it is asked for the first time (one walk over
 * all containers) and kept from then on.
 */
export class ContainerIndex<T extends Indexed> {
  readonly #byId = new MultiMap<string, T>();
  readonly #byName = new MultiMap<string, T>();
  readonly #prefixes = new IdPrefixIndex<T>();
  readonly #otherPrefixes = new IdPrefixIndex<T>();
  readonly #labels = new Map<string, Map<string, LabelHolders<T>>>();
  /** How many containers have each label: one that no container has needs no walk and no index. */
  readonly #labelCounts = new Map<string, number>();
  readonly #groups = new GroupIndex();
  readonly #nameParts = new NamePartIndex<T>(() => this.#prefixes);

  add(container: T): void {
    this.#byName.add(container.name, container);
    this.#nameParts.add(container);
    this.#groups.add(container);
    this.#byId.add(container.id, container);
    this.#prefixes.add(container.id, container);
    for (const id of otherIdsOf(container)) {
      this.#byId.add(id, container);
      this.#otherPrefixes.add(id, container);
    }
    for (const key in container.labels) {
      this.#labelCounts.set(key, (this.#labelCounts.get(key) ?? 0) + 1);
      const values = this.#labels.get(key);
      if (values) addLabel(values, container.labels[key] ?? '', container);
    }
  }

  remove(container: T): void {
    this.#byName.remove(container.name, container);
    this.#nameParts.remove(container);
    this.#groups.remove(container);
    this.#byId.remove(container.id, container);
    this.#prefixes.remove(container.id, container);
    for (const id of otherIdsOf(container)) {
      this.#byId.remove(id, container);
      this.#otherPrefixes.remove(id, container);
    }
    for (const key in container.labels) {
      const count = (this.#labelCounts.get(key) ?? 0) - 1;
      if (count > 0) this.#labelCounts.set(key, count);
      else this.#labelCounts.delete(key);
      removeFrom(this.#labels, key, (values) => {
        removeFrom(values, container.labels[key] ?? '', (holders) => holders.remove(container) === 0);
        return values.size === 0;
      });
    }
  }

  byId(id: string): readonly T[] {
    return this.#byId.get(id);
  }

  byName(name: string): readonly T[] {
    return this.#byName.get(name);
  }

  /** Containers whose name contains `text`, which has at least `MIN_INDEXED_CHARS` characters. */
  byNamePart(text: string): Iterable<T> {
    return this.#nameParts.containing(text);
  }

  /**
   * Containers whose ID starts with `prefix`, at most `most`; when there is none, those that engines call or called so: what moves leave
   * behind makes no prefix ambiguous.
   */
  byPrefix(prefix: string, most: number = 2): readonly T[] {
    if (!/^[0-9a-f]{1,64}$/.test(prefix)) return [];
    const found = firstOf(this.#prefixes.startingWith(prefix), most);
    return found.length > 0 ? found : firstOf(this.#otherPrefixes.startingWith(prefix), most);
  }

  /** Containers that have the label, with `value` when given. */
  *byLabel(key: string, value?: string): IterableIterator<T> {
    const values = this.#valuesOf(key);
    if (value !== undefined) yield* values?.get(value)?.containers ?? [];
    else for (const holders of values?.values() ?? []) yield* holders.containers;
  }

  /** How many containers have the label, with `value` when given: lets a reader start with the rarest. */
  countByLabel(key: string, value?: string): number {
    if (value === undefined) return this.#labelCounts.get(key) ?? 0;
    return this.#valuesOf(key)?.get(value)?.containers.size ?? 0;
  }

  /** Each value of a label in use with the nodes that have it, as the scheduler reads it; IDs in `without` do not count. */
  labelNodes(key: string, without: ReadonlySet<string> = NONE): ReadonlyMap<string, NodeIds> | undefined {
    const values = this.#valuesOf(key);
    if (!values || without.size === 0) return values;
    const left = new Map<string, NodeIds>(values);
    const touched = new Set([...without].flatMap((id) => this.byId(id).map(({ labels }) => labels[key])));
    for (const value of touched) {
      const holders = value === undefined ? undefined : values.get(value);
      if (value !== undefined && holders) left.set(value, holders.nodesWithout(without));
    }
    return left;
  }

  /** How many of a group (see `groupOf`) are on which nodes, by node ID; IDs in `without` do not count. */
  groupNodes(group: string, without: ReadonlySet<string> = NONE): ReadonlyMap<string, number> {
    const away = [...without].flatMap((id) => this.byId(id).filter((each) => each.id === id));
    return this.#groups.nodes(group, away);
  }

  /** Names that more than one has. */
  sharedNames(): IterableIterator<string> {
    return this.#byName.sharedKeys();
  }

  names(): IterableIterator<string> {
    return this.#byName.keys();
  }

  /** The index of one label, made now if a container has it. */
  #valuesOf(key: string): Map<string, LabelHolders<T>> | undefined {
    const present = this.#labels.get(key);
    if (present || !this.#labelCounts.has(key)) return present;
    const values = new Map<string, LabelHolders<T>>();
    for (const container of this.#prefixes) {
      if (Object.hasOwn(container.labels, key)) addLabel(values, container.labels[key] ?? '', container);
    }
    this.#labels.set(key, values);
    return values;
  }
}

function firstOf<T>(all: Iterable<T>, most: number): readonly T[] {
  const found = new Set<T>();
  for (const each of all) {
    if (found.size >= most) break;
    found.add(each);
  }
  return [...found];
}

const NONE: ReadonlySet<string> = new Set();

function addLabel<T extends Indexed>(values: Map<string, LabelHolders<T>>, value: string, container: T): void {
  getOrCreate(values, value, () => new LabelHolders<T>()).add(container);
}

/** The containers with one label value; the count per node is kept only once it was asked for. */
class LabelHolders<T extends Indexed> implements NodeIds {
  readonly containers = new Set<T>();
  #perNode: Map<string, number> | undefined;

  add(container: T): void {
    this.containers.add(container);
    if (this.#perNode) this.#perNode.set(container.nodeId, (this.#perNode.get(container.nodeId) ?? 0) + 1);
  }

  /** Returns how many are left. */
  remove(container: T): number {
    if (this.containers.delete(container) && this.#perNode) {
      const count = (this.#perNode.get(container.nodeId) ?? 0) - 1;
      if (count > 0) this.#perNode.set(container.nodeId, count);
      else this.#perNode.delete(container.nodeId);
    }
    return this.containers.size;
  }

  /** The nodes of all holders but those with an ID in `without`. */
  nodesWithout(without: ReadonlySet<string>): NodeIds {
    const nodes = new Set<string>();
    for (const { id, nodeId } of this.containers) if (!without.has(id)) nodes.add(nodeId);
    return nodes;
  }

  get size(): number {
    return this.#nodes().size;
  }

  has(nodeId: string): boolean {
    return this.#nodes().has(nodeId);
  }

  keys(): Iterable<string> {
    return this.#nodes().keys();
  }

  #nodes(): Map<string, number> {
    if (!this.#perNode) {
      this.#perNode = new Map();
      for (const { nodeId } of this.containers) this.#perNode.set(nodeId, (this.#perNode.get(nodeId) ?? 0) + 1);
    }
    return this.#perNode;
  }
}

/** Of a container that was moved: what it goes by at engines, clients may have it from before. */
function otherIdsOf({ id, engineId, formerIds = [] }: Indexed): readonly string[] {
  if (id === engineId && formerIds.length === 0) return NO_IDS;
  return [...new Set([engineId, ...formerIds])].filter((each) => each !== id);
}

const NO_IDS: readonly string[] = [];

function getOrCreate<K, V>(map: Map<K, V>, key: K, create: () => V): V {
  const present = map.get(key);
  if (present !== undefined) return present;
  const created = create();
  map.set(key, created);
  return created;
}

/** Runs `remove` on a value and drops the key when it says the value is empty. */
function removeFrom<K, V>(map: Map<K, V>, key: K, remove: (value: V) => boolean): void {
  const present = map.get(key);
  if (present !== undefined && remove(present)) map.delete(key);
}
