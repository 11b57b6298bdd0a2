import { estimateOf } from '../availability/estimate.ts';
import { groupsOf } from '../availability/groups.ts';
import { lossesOf } from '../availability/losses.ts';
import type { PlannedCopy } from '../availability/plan.ts';
import { mannerOf } from '../availability/plan-drain.ts';
import { neighboursOf } from '../availability/plan-failover.ts';
import { distinctCopies } from '../availability/planned-copies.ts';
import type { Node } from '../cluster/node.ts';
import { reasonOf } from '../common/errors.ts';
import type { ContainerSpec } from '../desired/container-spec.ts';
import type { MovePolicy } from '../desired/move-terms.ts';
import type { ContainerRecord } from '../desired/record.ts';
import type { AgentLeases } from '../fencing/agent-leases.ts';
import { refusalsOfVolumes } from '../lifecycle/moving-mounts.ts';
import { isStrict } from '../lifecycle/surroundings.ts';
import { canonicalIp, isAnyHost } from '../scheduler/port-table.ts';
import { NOTHING } from '../scheduler/reservation.ts';
import type { Home, PlacementRequest } from '../scheduler/types.ts';
import type { Sampler } from '../stats/sampler.ts';
import { MEASURES, type Usage } from '../stats/usage.ts';
import { keptFor } from './kept-for.ts';
import { type Seen, type SeenDeps, seenContainers } from './seen-containers.ts';
import type { Snapshot, SnapshotContainer } from './snapshot.ts';
import { spotShareOf } from './spot-label.ts';

export interface ObserveDeps extends SeenDeps {
  readonly leases: Pick<AgentLeases, 'refusals'>;
  /** Undefined when nothing is measured. */
  readonly stats: Sampler | undefined;
}

/** What is read of the cluster; prices are put to it. */
export type Observed = Pick<Snapshot, 'containers' | 'refusals' | 'addresses' | 'images'> & {
  /** By key: what the scheduler is asked for. */
  readonly requests: ReadonlyMap<
    string,
    { readonly placement: PlacementRequest; readonly labels: Readonly<Record<string, string>> }
  >;
  readonly nodes: readonly (Omit<Snapshot['nodes'][number], 'price'> & { readonly node: Node })[];
};

/** Until a container that is stopped first runs again where it goes: so long at least. */
const STOP_FIRST_MS = 10_000;

/** Reads the cluster as it is now: bodies and sizes of volumes first, all that changes in one turn after that. */
export async function observe(deps: ObserveDeps, policy: MovePolicy): Promise<Observed> {
  const seen = await seenContainers(deps, policy);
  // What was removed or moved while bodies were read is not there any more.
  const present = seen.filter(({ container: { node, engineId } }) => node.containers.has(engineId));
  return new Observation(deps, present).read();
}

class Observation {
  readonly #deps: ObserveDeps;
  /** Of those that must share a node what others need comes before them. */
  readonly #seen: readonly Seen[];
  readonly #groups: readonly (readonly Seen[])[];
  /** By ID: which of the groups a container is in. */
  readonly #bundles: ReadonlyMap<string, number>;
  readonly #refusals: [string, string][][] = [];
  readonly #refusalNumbers = new Map<string, number>();

  constructor(deps: ObserveDeps, seen: readonly Seen[]) {
    this.#deps = deps;
    this.#groups = groupsInOrder(deps, seen);
    this.#seen = this.#groups.flat();
    this.#bundles = new Map(
      this.#groups.flatMap((group, number) => group.map(({ container }) => [container.id, number] as const)),
    );
  }

  read(): Observed {
    const { cluster } = this.#deps;
    const inUse = this.#volumesInUse();
    const keys = new Set(this.#affinities().map(({ key }) => key));
    const containers = this.#seen.map((each) => this.#container(each, keys));
    return {
      nodes: cluster.nodes.map((node) => this.#node(node, inUse)),
      containers,
      refusals: this.#refusals,
      addresses: this.#addresses(containers),
      images: this.#images(),
      requests: new Map(
        this.#seen.flatMap(({ record, spec }) =>
          record && spec ? [[record.key, { placement: spec.placement, labels: spec.labels }]] : [],
        ),
      ),
    };
  }

  #affinities(): readonly ContainerSpec['placement']['affinities'][number][] {
    return this.#seen.flatMap(({ spec }) => spec?.placement.affinities ?? []).filter(({ isSoft }) => !isSoft);
  }

  #container(seen: Seen, labelKeys: ReadonlySet<string>): SnapshotContainer {
    const { container, record, spec, hindrance, copies } = seen;
    const unit = this.#unitOf(seen);
    const { id, name, node, engineId, labels } = container;
    const { memoryBytes, nanoCpus, ports: claims } = node.ledger.get(engineId) ?? NOTHING;
    const way = record && spec ? mannerOf(record, spec, '') : undefined;
    const isCopied = copies.length > 0 || unit.length > 0;
    const how = isCopied ? 'stop-first' : (way?.how ?? 'start-first');
    const tie = hindrance === undefined && record && spec ? this.#tie(record, spec, copies) : {};
    const why = hindrance ?? tie.hindrance;
    const spotShare = spotShareOf(labels);
    const { placement } = spec ?? {};
    return {
      key: record?.key ?? '',
      id,
      name,
      nodeId: node.id,
      generation: record?.current.generation ?? 0,
      bundle: this.#bundles.get(id) ?? 0,
      ...(why !== undefined && { hindrance: why }),
      memoryBytes,
      nanoCpus,
      ...this.#used(id),
      ports: placement?.ports ?? [],
      claims,
      constraints: hard(placement?.constraints ?? []),
      affinities: hard(placement?.affinities ?? []),
      whitelists: (placement?.whitelists ?? []).map(({ text, names }) => ({ text, names: [...names] })),
      ...(placement?.platform && { platform: placement.platform }),
      homes: tie.homes ?? [],
      ...(tie.refusal !== undefined && { refusal: tie.refusal }),
      ...(placement?.group !== undefined && { group: placement.group }),
      labels: Object.fromEntries(Object.entries(labels).filter(([key]) => labelKeys.has(key))),
      ...(spotShare !== undefined && { spotShare }),
      how,
      loses: isCopied ? ['writable layer'] : record && spec ? lossesOf(spec, record.terms) : [],
      spans: spec ? this.#deps.networks.spans(spec.networks) : false,
      copies: unit.length === 0 ? copies : unit[0] === seen ? copiesOfAll(unit) : [],
      ...(unit.length > 0 && { together: unit.flatMap((each) => each.record?.key ?? []) }),
      downtimeMs: how === 'stop-first' ? this.#downtimeMs(unit.length > 0 ? copiesOfAll(unit) : copies) : 0,
      priority: record?.terms.priority ?? 0,
    };
  }

  /** All that move as one with it, in order; none for one that shares nothing. */
  #unitOf(seen: Seen): readonly Seen[] {
    if (seen.sharers.size === 0) return [];
    const group = this.#groups[this.#bundles.get(seen.container.id) ?? 0] ?? [];
    return group.filter((each) => each === seen || seen.sharers.has(each.container.id));
  }

  #downtimeMs(copies: readonly PlannedCopy[]): number {
    const { downtimeMs } = estimateOf(copies, this.#deps.sizes.bytesPerSecond);
    return Math.max(STOP_FIRST_MS, downtimeMs ?? 0);
  }

  /** What binds it to nodes, or keeps it off some. */
  #tie(
    record: ContainerRecord,
    spec: ContainerSpec,
    copies: readonly PlannedCopy[],
  ): { readonly hindrance?: string; readonly homes?: readonly Home[]; readonly refusal?: number } {
    const { networks, volumes, leases } = this.#deps;
    try {
      const along = new Set(copies.map(({ volume }) => volume));
      const left = record.terms.discardsData ? [] : spec.volumes.filter((name) => !along.has(name));
      const homes = [...volumes.homesOf(left), ...networks.homesOf(spec.networks)];
      const refused = [
        ...networks.refusalsFor(spec.networks),
        ...(isStrict(spec) ? leases.refusals() : []),
        ...this.#volumeRefusals(record, copies),
      ];
      const here = homes.find(({ nodeId }) => nodeId === record.current.nodeId);
      return {
        ...(here && { hindrance: `it is bound to its node: ${here.reason}` }),
        homes,
        ...(refused.length > 0 && { refusal: this.#refusal(refused) }),
      };
    } catch (error) {
      return { hindrance: reasonOf(error) };
    }
  }

  /** Other nodes with volumes of the same names, which are not overwritten. */
  #volumeRefusals({ current }: ContainerRecord, copies: readonly PlannedCopy[]): ReadonlyMap<string, string> {
    const { volumes } = this.#deps.cluster;
    const holders = copies.flatMap(({ volume }) => [...(volumes.get(volume)?.holders.keys() ?? [])]);
    const others = holders.filter(({ id }) => id !== current.nodeId);
    return refusalsOfVolumes(this.#deps, copies, others);
  }

  #refusal(refused: [string, string][]): number {
    const text = JSON.stringify(refused);
    const known = this.#refusalNumbers.get(text);
    if (known !== undefined) return known;
    this.#refusalNumbers.set(text, this.#refusals.push(refused) - 1);
    return this.#refusals.length - 1;
  }

  /** The most of the last day, in means of some minutes. */
  #used(id: string): Pick<SnapshotContainer, 'usedMemoryBytes' | 'usedNanoCpus'> {
    const { stats, clock } = this.#deps;
    const points = stats?.container(id)?.history.day(clock.now() / 1_000) ?? [];
    if (points.length === 0) return {};
    const most = (measure: keyof Usage): number =>
      points.reduce((largest, point) => Math.max(largest, point[1 + MEASURES.indexOf(measure)] ?? 0), 0);
    return { usedMemoryBytes: Math.ceil(most('memory')), usedNanoCpus: Math.ceil(most('cpus') * 1e9) };
  }

  #node(node: Node, inUse: ReadonlyMap<Node, ReadonlySet<string>>): Observed['nodes'][number] {
    const users = [...node.containers.values()].filter(({ isOfSwarm }) => !isOfSwarm);
    const held = users.map(({ engineId }) => node.ledger.get(engineId) ?? NOTHING);
    const why = keptFor(this.#deps, node, inUse.get(node) ?? new Set());
    return {
      node,
      id: node.id,
      name: node.name,
      isHealthy: node.isHealthy,
      availability: node.availability,
      labels: [...node.labels],
      builtins: { ...node.builtins },
      slots: node.slots,
      totalMemoryBytes: node.totalMemoryBytes,
      totalNanoCpus: node.totalNanoCpus,
      otherMemoryBytes: node.reservedMemoryBytes - sum(held.map(({ memoryBytes }) => memoryBytes)),
      otherNanoCpus: node.reservedNanoCpus - sum(held.map(({ nanoCpus }) => nanoCpus)),
      otherContainers: Math.max(0, node.containerCount - users.length),
      ...(why !== undefined && { keptFor: why }),
    };
  }

  /** By node: names of volumes that containers take along, or use there. */
  #volumesInUse(): ReadonlyMap<Node, ReadonlySet<string>> {
    const inUse = new Map<Node, Set<string>>();
    for (const { container, spec } of this.#seen) {
      const names = inUse.get(container.node) ?? new Set();
      for (const name of spec?.volumes ?? []) names.add(name);
      inUse.set(container.node, names);
    }
    return inUse;
  }

  #addresses(containers: readonly SnapshotContainer[]): Snapshot['addresses'] {
    const asked = new Set(containers.flatMap(({ ports }) => ports.map(({ ip }) => canonicalIp(ip))));
    return [...asked]
      .filter((ip) => !isAnyHost(ip))
      .map((ip) => [ip, [...this.#deps.cluster.nodesWithAddress(ip).keys()]]);
  }

  /** Patterns need every reference; without one only the images that are named are asked for. */
  #images(): Snapshot['images'] {
    const { cluster } = this.#deps;
    const asked = this.#affinities().filter(({ key }) => key === 'image');
    if (asked.some(({ pattern }) => pattern.kind === 'test'))
      return [...cluster.imageReferences()].map(([reference, nodes]) => [reference, [...nodes.keys()]]);
    const names = new Set(asked.map(({ pattern }) => pattern.value));
    return [...names].map((name) => [name, [...(cluster.nodesWithImage(name)?.keys() ?? [])]]);
  }
}

function hard(expressions: readonly { readonly text: string; readonly isSoft: boolean }[]): readonly string[] {
  return expressions.filter(({ isSoft }) => !isSoft).map(({ text }) => text);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

function copiesOfAll(unit: readonly Seen[]): readonly PlannedCopy[] {
  return distinctCopies(unit.flatMap(({ copies }) => copies));
}

/** Containers that must share a node. */
function groupsInOrder({ cluster }: ObserveDeps, seen: readonly Seen[]): readonly (readonly Seen[])[] {
  const idOf = (reference: string): string[] => {
    const found = cluster.findContainer(reference);
    return found ? [found.id] : [];
  };
  const all = seen.map((each) => ({
    each,
    needs: (each.spec ? neighboursOf(each.spec) : []).flatMap(idOf),
    near: [...each.sharers],
  }));
  return groupsOf(all, ({ each }) => each.container.id).map((group) => group.map(({ each }) => each));
}
