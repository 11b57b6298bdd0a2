import { performance } from 'node:perf_hooks';
import { planInWorker } from '../../src/cheapest/in-worker.ts';
import {
  DEFAULT_OPTIONS,
  type Snapshot,
  type SnapshotContainer,
  type SnapshotNode,
} from '../../src/cheapest/snapshot.ts';
import type { Session } from '../session.ts';
import type { Findings } from './part.ts';

const GIB = 2 ** 30;
/** CPUs, memory in GiB and price a month of machines at three providers. */
const TYPES = [
  ['hetzner', 4, 8, 5.8],
  ['hetzner', 8, 16, 11],
  ['linode', 16, 32, 24],
  ['amazonec2', 4, 8, 30],
  ['amazonec2', 8, 16, 60],
  ['linode', 2, 4, 8],
] as const;

/** How long a plan for the cheapest nodes takes, and how good it is. */
export async function cheapestPart({ options }: Session): Promise<Findings> {
  const snapshot = syntheticSnapshot(options.nodes, options.containers);
  const startMs = performance.now();
  const plan = await planInWorker(snapshot, new AbortController().signal);
  const seconds = (performance.now() - startMs) / 1_000;
  const { monthlyBefore, monthlyAfter } = plan.cost;
  const remark = `${plan.moves.length} moves; from ${monthlyBefore.toFixed(0)} to ${monthlyAfter.toFixed(0)} a month`;
  return {
    facts: [
      { name: 'plan cheapest: time in its thread', value: seconds, unit: 's', remark },
      { name: 'plan cheapest: gap to the bound', value: plan.bound.gap * 100, unit: '%' },
    ],
  };
}

function syntheticSnapshot(nodes: number, perNode: number): Snapshot {
  let seed = 1;
  const random = (): number => {
    seed = (seed * 16_807) % 2_147_483_647;
    return seed / 2_147_483_647;
  };
  const all = Array.from({ length: nodes }, (_, row) => nodeOf(row));
  const containers = Array.from({ length: nodes * perNode }, (_, at) =>
    containerOf(at, all[at % nodes], perNode, random),
  );
  return {
    currency: 'EUR',
    nodes: all,
    containers,
    refusals: [],
    addresses: [],
    images: [],
    places: all.map((_, row) => row % TYPES.length),
    egressMicrosPerGb: [],
    filters: ['health', 'port', 'containerslots', 'dependency', 'affinity', 'constraint', 'whitelist'],
    overcommit: 0.05,
    forbidden: [],
    options: { ...DEFAULT_OPTIONS, minDomains: [{ label: 'provider', least: 2 }], headroomNodes: 1 },
  };
}

function nodeOf(row: number): SnapshotNode {
  const [provider, cpus, gib, price] = TYPES[row % TYPES.length] ?? TYPES[0];
  return {
    id: `node-${row}`,
    name: `node-${row}`,
    isHealthy: true,
    availability: 'active',
    labels: [['provider', provider]],
    builtins: { storagedriver: '', kernelversion: '', operatingsystem: '', ostype: 'linux', architecture: 'x86_64' },
    slots: undefined,
    totalMemoryBytes: gib * GIB,
    totalNanoCpus: cpus * 1e9,
    price: { micros: price * 1e6, source: 'bench' },
    otherMemoryBytes: 0,
    otherNanoCpus: 0,
    otherContainers: 0,
  };
}

/** Each node is filled to a half or so; one in a hundred containers stays with its node. */
function containerOf(
  at: number,
  node: SnapshotNode | undefined,
  perNode: number,
  random: () => number,
): SnapshotContainer {
  const { id: nodeId = '', totalMemoryBytes = 0, totalNanoCpus = 0 } = node ?? {};
  return {
    key: `key-${at}`,
    id: `id-${at}`,
    name: `c-${at}`,
    nodeId,
    generation: 0,
    bundle: at,
    ...(random() < 0.001 && { hindrance: 'it is a one-off container' }),
    memoryBytes: Math.round((random() * totalMemoryBytes) / perNode / 2),
    nanoCpus: Math.round((random() * totalNanoCpus) / perNode / 2),
    ports: [],
    claims: [],
    constraints: random() < 0.2 ? ['provider!=amazonec2'] : [],
    affinities: [],
    whitelists: [],
    homes: [],
    group: `compose\0bench\0service-${Math.floor(at / 3)}`,
    labels: {},
    how: 'start-first',
    loses: [],
    spans: false,
    copies: [],
    downtimeMs: 0,
    priority: 0,
  };
}
