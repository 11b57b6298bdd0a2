import { type Company, readCompany } from './company.ts';
import { Kinds } from './kinds.ts';
import type { Snapshot, SnapshotContainer, SnapshotNode } from './snapshot.ts';
import type { DomainRule, Problem, ProblemItem, ProblemNode } from './solve/problem.ts';
import { spotAllowance } from './spot-allowance.ts';

/** A snapshot as numbers, and the way back. */
export interface ReadProblem {
  readonly problem: Problem;
  /** By item: its containers, by their place in the snapshot. */
  readonly members: readonly (readonly number[])[];
  /** By node: why it cannot go; undefined when it can. */
  readonly keptFor: readonly (string | undefined)[];
  /** By container: why it stays whatever that would save; undefined when it may move. */
  readonly hindrances: readonly (string | undefined)[];
  /** What a person should know of how the question was put. */
  readonly notes: readonly string[];
}

export function readProblem(snapshot: Snapshot): ReadProblem {
  const { nodes, containers, options } = snapshot;
  const rowOf = new Map(nodes.map(({ id }, row) => [id, row]));
  const members = bundlesOf(
    containers.filter(({ nodeId }) => rowOf.has(nodeId)),
    containers,
  );
  const hindrances = hindrancesOf(snapshot, members, rowOf);
  const company = readCompany(containers);
  const kinds = new Kinds(snapshot);
  const allowance = spotAllowance(snapshot);
  const groups = new Map<string, number>();
  for (const { group } of containers) if (group !== undefined && !groups.has(group)) groups.set(group, groups.size);
  const items = members.map((bundle): ProblemItem => {
    const all = bundle.flatMap((at) => containers[at] ?? []);
    const isPinned = bundle.some((at) => hindrances[at] !== undefined);
    return {
      ...sizesOf(all, rowOf.get(all[0]?.nodeId ?? '') ?? 0, snapshot),
      ...companyOf(bundle, company),
      node: rowOf.get(all[0]?.nodeId ?? '') ?? 0,
      kind: isPinned
        ? -1
        : kinds.of(
            all,
            bundle.some((at) => !allowance[at]),
          ),
      ports: all.flatMap(({ ports }) => ports),
      claims: all.flatMap(({ claims }) => claims),
      groups: [...new Set(all.flatMap(({ group }) => (group === undefined ? [] : (groups.get(group) ?? []))))],
    };
  });
  const bound = boundOn(items, members);
  const keptFor = nodes.map((node, row) => keptBecause(node, bound.get(row) ?? [], containers, hindrances));
  const problemNodes = nodes.map((node, row) => nodeOf(node, row, snapshot, keptFor[row] !== undefined));
  const problem = { nodes: problemNodes, items, classes: kinds.rows, spareNodes: options.headroomNodes };
  const { rules, notes } = rulesOf(snapshot, problem, [...groups.keys()]);
  return { problem: { ...problem, rules }, members, keptFor, hindrances, notes: [...notesOf(snapshot), ...notes] };
}

function bundlesOf(
  present: readonly SnapshotContainer[],
  all: readonly SnapshotContainer[],
): readonly (readonly number[])[] {
  const known = new Set(present);
  const bundles = new Map<number, number[]>();
  for (const [at, each] of all.entries()) {
    if (!known.has(each)) continue;
    const bundle = bundles.get(each.bundle);
    if (bundle) bundle.push(at);
    else bundles.set(each.bundle, [at]);
  }
  return [...bundles.values()];
}

/** What needs something that stays, stays. */
function hindrancesOf(
  { nodes, containers }: Snapshot,
  bundles: readonly (readonly number[])[],
  rowOf: ReadonlyMap<string, number>,
): readonly (string | undefined)[] {
  const own = containers.map(({ hindrance, nodeId }) => {
    const node = nodes[rowOf.get(nodeId) ?? -1];
    if (hindrance !== undefined) return hindrance;
    if (!node?.isHealthy) return 'its node does not answer';
    return 'unknown' in node.price ? `the price of its node is not known: ${node.price.unknown}` : undefined;
  });
  const found = [...own];
  for (const bundle of bundles) {
    const holder = bundle.find((at) => own[at] !== undefined);
    if (holder === undefined) continue;
    const why = `it shares its node with ${containers[holder]?.name}, which stays: ${own[holder]}`;
    for (const at of bundle) found[at] ??= why;
  }
  return found;
}

function sizesOf(
  all: readonly SnapshotContainer[],
  row: number,
  { egressMicrosPerGb, places, options }: Snapshot,
): Pick<ProblemItem, 'sizes' | 'count' | 'moveMicros' | 'burden'> {
  const sum = (of: (each: SnapshotContainer) => number): number => all.reduce((total, each) => total + of(each), 0);
  const reserved = [sum(({ memoryBytes }) => memoryBytes), sum(({ nanoCpus }) => nanoCpus)];
  const used = [
    sum(({ usedMemoryBytes, memoryBytes }) => usedMemoryBytes ?? memoryBytes),
    sum(({ usedNanoCpus, nanoCpus }) => usedNanoCpus ?? nanoCpus),
  ];
  const bytes = sum(({ copies }) => copies.reduce((total, copy) => total + (copy.bytes ?? 0), 0));
  return {
    sizes: options.by === 'usage' ? [...reserved, ...used] : reserved,
    count: all.length,
    moveMicros:
      bytes === 0 ? [] : (egressMicrosPerGb[places[row] ?? 0] ?? []).map((perGb) => Math.ceil((bytes / 1e9) * perGb)),
    burden: all.length + Math.round(sum(({ downtimeMs }) => downtimeMs) / 1_000),
  };
}

function companyOf(
  bundle: readonly number[],
  { tags, repels, wants }: Company,
): Pick<ProblemItem, 'tags' | 'repels' | 'wants'> {
  const union = (lists: readonly (readonly number[])[]): number[] => [
    ...new Set(bundle.flatMap((at) => lists[at] ?? [])),
  ];
  // What another member has needs nobody else.
  const missing = bundle.flatMap((at) =>
    (wants[at] ?? []).filter((tag) => !bundle.some((other) => other !== at && tags[other]?.includes(tag))),
  );
  return { tags: union(tags), repels: union(repels), wants: [...new Set(missing)] };
}

/** By node: its containers that stay whatever that would save. */
function boundOn(
  items: readonly ProblemItem[],
  members: readonly (readonly number[])[],
): ReadonlyMap<number, readonly number[]> {
  const bound = new Map<number, number[]>();
  for (const [at, { node, kind }] of items.entries()) {
    if (kind !== -1) continue;
    const known = bound.get(node) ?? [];
    known.push(...(members[at] ?? []));
    bound.set(node, known);
  }
  return bound;
}

function keptBecause(
  { name, isHealthy, price, keptFor }: SnapshotNode,
  bound: readonly number[],
  containers: readonly SnapshotContainer[],
  hindrances: readonly (string | undefined)[],
): string | undefined {
  if ('unknown' in price) return `its price is not known: ${price.unknown}`;
  if (!isHealthy) return 'it does not answer';
  if (keptFor !== undefined) return keptFor;
  const [first] = bound;
  if (first === undefined) return undefined;
  const more = bound.length > 1 ? `, and ${bound.length - 1} more of ${name} stay` : '';
  return `${containers[first]?.name} stays: ${hindrances[first]}${more}`;
}

function nodeOf(
  node: SnapshotNode,
  row: number,
  { options, overcommit, places }: Snapshot,
  mustStay: boolean,
): ProblemNode {
  const { totalMemoryBytes, totalNanoCpus, otherMemoryBytes, otherNanoCpus, price } = node;
  const { headroomShare } = options;
  const share = headroomShare > 0 ? 1 - headroomShare : 1 + overcommit;
  const reserved = [totalMemoryBytes * share - otherMemoryBytes, totalNanoCpus * share - otherNanoCpus];
  const used = [totalMemoryBytes * (1 - headroomShare), totalNanoCpus * (1 - headroomShare)];
  return {
    costMicros: 'micros' in price ? price.micros : 0,
    capacities: options.by === 'usage' ? [...reserved, ...used] : reserved,
    slots: (node.slots ?? Number.POSITIVE_INFINITY) - node.otherContainers,
    mustStay,
    domains: [0, ...options.minDomains.map(() => 0)],
    place: places[row] ?? 0,
    ...(node.isNew && { isNew: true }),
  };
}

/** The first rule is that one node is left. */
function rulesOf(
  { nodes, options }: Snapshot,
  problem: Omit<Problem, 'rules'>,
  groups: readonly string[],
): { readonly rules: readonly DomainRule[]; readonly notes: readonly string[] } {
  const notes: string[] = [];
  const rules = options.minDomains.map(({ label, least }, index): DomainRule => {
    const values = new Map<string, number>();
    for (const [row, node] of nodes.entries()) {
      const value = domainOf(node, label);
      if (!values.has(value)) values.set(value, values.size);
      (problem.nodes[row]?.domains as number[])[index + 1] = values.get(value) ?? 0;
    }
    const ofKinds = problem.classes.map(
      (kind) => new Set(problem.nodes.flatMap(({ domains }, row) => (kind[row] ? (domains[index + 1] ?? 0) : []))),
    );
    const reachable = groups.map(() => new Set<number>());
    const counts = groups.map(() => 0);
    for (const { groups: own, kind, node } of problem.items) {
      for (const group of own) {
        counts[group] = (counts[group] ?? 0) + 1;
        reachable[group]?.add(problem.nodes[node]?.domains[index + 1] ?? 0);
        for (const domain of ofKinds[kind] ?? []) reachable[group]?.add(domain);
      }
    }
    const ofGroups = groups.map((group, at) => {
      const wanted = Math.min(least, counts[at] ?? 0);
      const possible = reachable[at]?.size ?? 0;
      if (possible < wanted)
        notes.push(
          `${groupName(group)} cannot be in ${wanted} values of ${label}: its constraints, or what binds it, leave ${possible}`,
        );
      return Math.min(wanted, possible);
    });
    return { least, ofGroups };
  });
  return { rules: [{ least: 1, ofGroups: groups.map(() => 0) }, ...rules], notes };
}

/** The value of a node's label; with the word `node` each node is its own. */
export function domainOf({ id, labels }: SnapshotNode, label: string): string {
  return label === 'node' ? id : (labels.find(([key]) => key === label)?.[1] ?? '');
}

/** A group in the words of its owner. */
export function groupName(group: string): string {
  return group.split('\0').slice(1).join('/');
}

function notesOf({ containers, options }: Snapshot): readonly string[] {
  const asksNothing = containers.filter(({ memoryBytes, nanoCpus }) => memoryBytes === 0 && nanoCpus === 0).length;
  const unmeasured = containers.filter(({ usedMemoryBytes }) => usedMemoryBytes === undefined).length;
  if (options.by === 'usage')
    return unmeasured === 0
      ? []
      : [`of ${unmeasured} of ${containers.length} containers no use was measured: what they reserve counts`];
  return asksNothing === 0
    ? []
    : [
        `${asksNothing} of ${containers.length} containers reserve neither memory nor CPUs and count as nothing: --by usage counts what they used`,
      ];
}
