import { DomainTable } from '../../src/scheduler/domain-table.ts';
import { slotsOf } from '../../src/scheduler/filters/container-slots.ts';
import { groupOf } from '../../src/scheduler/groups.ts';
import { LoadTable } from '../../src/scheduler/load-table.ts';
import { parsePlacement } from '../../src/scheduler/placement.ts';
import type { Reservation } from '../../src/scheduler/reservation.ts';
import { ResourceLedger, reservationFor } from '../../src/scheduler/reservation.ts';
import type { SchedulerChoices } from '../../src/scheduler/scheduler.ts';
import { schedule, schedulerOptions } from '../../src/scheduler/scheduler.ts';
import { DEFAULT_SPREAD_BY } from '../../src/scheduler/spread-by.ts';
import type {
  Availability,
  ClusterView,
  ContainerView,
  Decision,
  NodeBuiltins,
  NodeIds,
  NodeView,
  PlacementRequest,
  Protocol,
} from '../../src/scheduler/types.ts';

export const GIB: number = 2 ** 30;

/** What a test says about a node; the rest is an ordinary machine. */
export interface NodeSpec {
  readonly name: string;
  readonly isHealthy?: boolean;
  readonly availability?: Availability;
  readonly labels?: Readonly<Record<string, string>>;
  readonly builtins?: Partial<NodeBuiltins>;
  readonly memoryBytes?: number;
  readonly cpus?: number;
  readonly images?: readonly string[];
  readonly address?: string;
}

/** A node over a real ledger; containers are added by hand. */
export class FixtureNode implements NodeView {
  readonly id: string;
  readonly name: string;
  readonly address: string;
  readonly isHealthy: boolean;
  readonly availability: Availability;
  readonly labels: ReadonlyMap<string, string>;
  readonly builtins: NodeBuiltins;
  readonly totalMemoryBytes: number;
  readonly totalNanoCpus: number;
  readonly slots: number | undefined;
  readonly images: readonly string[];
  readonly ledger: ResourceLedger;

  constructor(spec: NodeSpec, onLoad: (node: FixtureNode) => void = () => undefined) {
    this.ledger = new ResourceLedger(() => onLoad(this));
    this.id = `id-of-${spec.name}`;
    this.name = spec.name;
    this.address = spec.address ?? '10.0.0.1';
    this.isHealthy = spec.isHealthy ?? true;
    this.availability = spec.availability ?? 'active';
    this.labels = new Map(Object.entries(spec.labels ?? {}));
    this.builtins = {
      storagedriver: 'overlay2',
      kernelversion: '6.1.0',
      operatingsystem: 'Debian GNU/Linux 12',
      ostype: 'linux',
      architecture: 'x86_64',
      ...spec.builtins,
    };
    this.totalMemoryBytes = spec.memoryBytes ?? 2 * GIB;
    this.totalNanoCpus = (spec.cpus ?? 2) * 1e9;
    this.slots = slotsOf(this.labels);
    this.images = spec.images ?? [];
  }

  get reservedMemoryBytes(): number {
    return this.ledger.memoryBytes;
  }

  get reservedNanoCpus(): number {
    return this.ledger.nanoCpus;
  }

  get containerCount(): number {
    return this.ledger.count;
  }

  usesPort(protocol: Protocol, ip: string, port: number): boolean {
    return this.ledger.usesPort(protocol, ip, port);
  }
}

interface FixtureContainer extends ContainerView {
  readonly labels: Readonly<Record<string, string>>;
}

/** A cluster that answers by naive search: the reference the indexes of the real one are held against. */
export class FixtureCluster implements ClusterView<FixtureNode> {
  readonly nodes: readonly FixtureNode[];
  readonly loads: LoadTable;
  readonly domains: DomainTable;
  readonly #containers: FixtureContainer[] = [];

  constructor(specs: readonly NodeSpec[], spreadBy: readonly string[] = DEFAULT_SPREAD_BY) {
    this.nodes = specs.map((spec, row) => new FixtureNode(spec, (node) => this.loads.set(row, node)));
    this.loads = LoadTable.of(this.nodes);
    this.domains = new DomainTable(spreadBy);
    for (const [row, { labels }] of this.nodes.entries()) this.domains.set(row, labels);
  }

  node(name: string): FixtureNode {
    const node = this.nodes.find((candidate) => candidate.name === name);
    if (node === undefined) throw new Error(`the fixture has no node ${name}`);
    return node;
  }

  /** Puts a container on a node; IDs count up. */
  add(nodeName: string, name: string, reservation: Reservation, labels: Readonly<Record<string, string>> = {}): void {
    const node = this.node(nodeName);
    const id = `c${String(this.#containers.length).padStart(11, '0')}`;
    this.#containers.push({ id, name, nodeId: node.id, labels });
    node.ledger.put(id, reservation);
  }

  /** Schedules a create body and, when placed, keeps the container. */
  run(body: unknown, name: string, choices: SchedulerChoices = {}): Decision {
    const { request } = parsePlacement(body, { name });
    return this.place(request, name, choices, (body as { Labels?: Record<string, string> }).Labels);
  }

  place(
    request: PlacementRequest,
    name: string,
    choices: SchedulerChoices = {},
    labels: Readonly<Record<string, string>> = {},
  ): Decision {
    const decision = schedule(request, this, schedulerOptions(choices));
    if (decision.kind === 'placed') this.add(decision.node.name, name, reservationFor(request, decision.node), labels);
    return decision;
  }

  findContainers(reference: string): readonly ContainerView[] {
    const nodeName = (id: string): string => this.nodes.find((node) => node.id === id)?.name ?? '';
    const exact = this.#containers.filter(({ id, name, nodeId }) =>
      [id, name, `${nodeName(nodeId)}/${name}`].includes(reference),
    );
    return exact.length > 0 ? exact : this.#containers.filter(({ id }) => id.startsWith(reference));
  }

  containers(): Iterable<ContainerView> {
    return this.#containers;
  }

  containerLabel(key: string, without: ReadonlySet<string> = new Set()): ReadonlyMap<string, NodeIds> | undefined {
    const values = new Map<string, Set<string>>();
    for (const { id, labels, nodeId } of this.#containers) {
      const value = labels[key];
      if (!without.has(id) && value !== undefined) values.set(value, (values.get(value) ?? new Set()).add(nodeId));
    }
    return values.size === 0 ? undefined : values;
  }

  groupMembers(
    group: string,
    without: ReadonlySet<string> = new Set(),
  ): readonly (readonly [row: number, count: number])[] {
    const members = this.#containers.filter(({ id, labels }) => !without.has(id) && groupOf(labels) === group);
    return this.nodes.flatMap((node, row) => {
      const count = members.filter(({ nodeId }) => nodeId === node.id).length;
      return count === 0 ? [] : [[row, count] as const];
    });
  }

  nodesWithAddress(ip: string): NodeIds {
    return new Set(this.nodes.filter(({ address }) => address === ip).map(({ id }) => id));
  }

  nodesWithImage(reference: string): NodeIds | undefined {
    const holders = this.nodes.filter(({ images }) =>
      images.some((image) => image === reference || image.split(':')[0] === reference),
    );
    return holders.length === 0 ? undefined : new Set(holders.map(({ id }) => id));
  }

  imageReferences(): Iterable<readonly [reference: string, nodes: NodeIds]> {
    return this.nodes.flatMap(({ id, images }) => images.map((image) => [image, new Set([id])] as const));
  }
}

/** The chosen node's name, or the refusal's message. */
export function outcomeOf(decision: Decision): string {
  return decision.kind === 'placed' ? decision.node.name : decision.message;
}

/** A small linear congruential generator: repeatable numbers in [0, 1). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return state / 2 ** 32;
  };
}
