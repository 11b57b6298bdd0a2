import type { Container } from '../../cluster/container.ts';
import { BadRequestError, ClusterError } from '../../common/errors.ts';
import type { SampledContainer } from '../../stats/sampled.ts';
import type { Sampler } from '../../stats/sampler.ts';
import { MEASURES, type Usage } from '../../stats/usage.ts';
import { sendJson } from '../answer.ts';
import { type Call, param, type RouteHandlers } from '../call.ts';

/** What nodes and containers use, as the sampler knows it: no engine is asked. */
export const statsRoutes: RouteHandlers = {
  'GET /enxame/v1/stats': latest,
  'GET /enxame/v1/stats/containers/{id}': ofContainer,
  'GET /enxame/v1/stats/nodes/{id}': ofNode,
};

/** What `GET /enxame/v1/stats` answers. */
export interface LatestStats {
  /** The time between two samples of one container at present. */
  readonly intervalSeconds: number;
  /** Sums over the containers of each node. */
  readonly nodes: readonly NodeUsage[];
  /** Running containers, those that use most first. */
  readonly containers: readonly ContainerUsage[];
  /** How many run in all. */
  readonly running: number;
}

export interface NodeUsage extends Usage {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly totalCpus: number;
  readonly totalMemory: number;
  readonly running: number;
}

export interface ContainerUsage extends Partial<Usage> {
  readonly id: string;
  readonly name: string;
  readonly node: string;
  readonly image: string;
  readonly memoryLimit: number;
}

/** What the answer about one thing tells: each point is a time in seconds since the epoch, then the measures. */
export interface StatsHistory {
  readonly span: 'hour' | 'day';
  readonly columns: readonly string[];
  readonly points: readonly (readonly number[])[];
}

const MOST_CONTAINERS = 1_000;
const DEFAULT_CONTAINERS = 100;

async function latest(call: Call): Promise<void> {
  const sampler = samplerOf(call);
  const { cluster } = call.services;
  const running = new Map(cluster.nodes.map((node) => [node, node.counts.running]));
  const nodes = cluster.nodes.map(
    (node): NodeUsage => ({
      id: node.id,
      name: node.name,
      state: node.state,
      totalCpus: node.totalNanoCpus / 1e9,
      totalMemory: node.totalMemoryBytes,
      running: running.get(node) ?? 0,
      ...(sampler.node(node)?.usage ?? { cpus: 0, memory: 0, received: 0, sent: 0, read: 0, written: 0 }),
    }),
  );
  const answer: LatestStats = {
    intervalSeconds: sampler.intervalSeconds,
    nodes,
    containers: mostUsed(sampler.running, call).map(containerUsage),
    running: sampler.running.length,
  };
  sendJson(call.res, 200, JSON.stringify(answer));
}

/** One pass over numbers in memory; only those that are answered are sorted and rendered. */
function mostUsed(running: readonly SampledContainer[], { query }: Call): readonly SampledContainer[] {
  const by = query.get('sort') ?? 'cpus';
  const limit = Number(query.get('limit') ?? DEFAULT_CONTAINERS);
  if (!Number.isInteger(limit) || limit < 0 || limit > MOST_CONTAINERS)
    throw new BadRequestError(`limit should be a whole number up to ${MOST_CONTAINERS}, not "${query.get('limit')}"`);
  const measure = MEASURES.find((each) => each === by);
  if (!measure) throw new BadRequestError(`sort should be one of ${MEASURES.join(', ')}, not "${by}"`);
  const words = (query.get('search') ?? '').toLowerCase();
  const most: { readonly value: number; readonly sampled: SampledContainer }[] = [];
  let least = Number.NEGATIVE_INFINITY;
  for (const sampled of running) {
    const value = sampled.usage?.[measure] ?? -1;
    if (value <= least || (words !== '' && !isAbout(sampled.container, words))) continue;
    most.push({ value, sampled });
    if (most.length < 2 * limit + 1) continue;
    most.sort((a, b) => b.value - a.value);
    most.length = limit;
    least = most.at(-1)?.value ?? least;
  }
  return most
    .sort((a, b) => b.value - a.value)
    .slice(0, limit)
    .map(({ sampled }) => sampled);
}

function isAbout({ name, image, node }: Container, words: string): boolean {
  return `${node.name}/${name} ${image}`.toLowerCase().includes(words);
}

function containerUsage({ container, usage, memoryLimit }: SampledContainer): ContainerUsage {
  const { id, name, image, node } = container;
  return { id, name, node: node.name, image, memoryLimit, ...usage };
}

async function ofContainer(call: Call): Promise<void> {
  const sampler = samplerOf(call);
  const { id } = call.services.cluster.container(param(call, 'id'));
  sendHistory(call, sampler.container(id));
}

async function ofNode(call: Call): Promise<void> {
  const sampler = samplerOf(call);
  const { id } = call.services.nodes.find(param(call, 'id'));
  const node = call.services.cluster.nodes.find((each) => each.id === id);
  sendHistory(call, node && sampler.node(node));
}

function sendHistory(call: Call, sampled: Pick<SampledContainer, 'history'> | undefined): void {
  const span = call.query.get('span') ?? 'hour';
  if (span !== 'hour' && span !== 'day') throw new BadRequestError(`span should be hour or day, not "${span}"`);
  const nowSeconds = call.services.clock.now() / 1_000;
  const points = sampled?.history[span](nowSeconds) ?? [];
  const answer: StatsHistory = { span, columns: ['time', ...MEASURES], points };
  sendJson(call.res, 200, JSON.stringify(answer));
}

function samplerOf({ services }: Call): Sampler {
  if (services.stats) return services.stats;
  throw new ClusterError('this manager takes no samples: start it without --stats off', {
    code: 'STATS_OFF',
    status: 503,
  });
}
