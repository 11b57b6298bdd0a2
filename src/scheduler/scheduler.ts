import type { Filter } from './filters/filter.ts';
import { REQUIREMENTS, selectFilters } from './filters/registry.ts';
import { prepareResources } from './filters/resources.ts';
import { Preferences } from './preferences.ts';
import type { NamedCheck } from './refusal.ts';
import { refuse } from './refusal.ts';
import { type CompareRows, spreadingOf } from './spreading.ts';
import { selectStrategy } from './strategies/registry.ts';
import type { Rank, Strategy } from './strategies/strategy.ts';
import type { ClusterView, Decision, Judgement, NodeView, PlacementRequest } from './types.ts';

/** How a manager schedules: chosen once, at its start. */
export interface SchedulerOptions {
  readonly strategy: Strategy;
  readonly filters: readonly Filter[];
  /** 0.05 lets reservations reach 105 % of what a node has. */
  readonly overcommit: number;
  /** Numbers in [0, 1) for the random strategy; a seeded source makes it repeatable. */
  readonly random: () => number;
}

/** What the command line says; see {@link schedulerOptions}. */
export interface SchedulerChoices {
  readonly strategy?: string;
  readonly filters?: readonly string[];
  readonly overcommit?: number;
  readonly random?: () => number;
}

/** Resolves names and defaults (spread, all filters, 5 %). Throws `UsageError` for an unknown name. */
export function schedulerOptions(choices: SchedulerChoices = {}): SchedulerOptions {
  return {
    strategy: selectStrategy(choices.strategy ?? 'spread'),
    filters: selectFilters(choices.filters),
    overcommit: choices.overcommit ?? 0.05,
    random: choices.random ?? Math.random,
  };
}

/**
 * Chooses a node, or explains why there is none. Pure and synchronous: the live cluster cannot change during the
 * call. The caller records the placement as pending before it awaits anything, so the next call sees it.
 */
export function schedule<N extends NodeView>(
  request: PlacementRequest,
  cluster: ClusterView<N>,
  options: SchedulerOptions,
): Decision<N> {
  const checks = prepareChecks(request, cluster, options);
  const preferences = new Preferences(
    checks.map(({ check }) => check),
    request.stays,
  );
  const { strategy, random } = options;
  const spreading = spreadingOf(request, cluster, strategy.spreadsOverNodes);
  const node = pickBest(cluster, checks, preferences, spreading, strategy.rank(request, random));
  if (node === undefined) return refuse(cluster.nodes, checks);
  return { kind: 'placed', node, dropped: preferences.missedBy(node) };
}

/** What {@link schedule} finds of every node, whichever it would choose. */
export function judge<N extends NodeView>(
  request: PlacementRequest,
  cluster: ClusterView<N>,
  options: SchedulerOptions,
): readonly Judgement<N>[] {
  const checks = prepareChecks(request, cluster, options);
  const preferences = new Preferences(
    checks.map(({ check }) => check),
    request.stays,
  );
  return cluster.nodes.map((node) => {
    const refused = checks.find(({ check }) => !check.accepts(node));
    const missed = preferences.missedBy(node);
    if (!refused) return { node, missed };
    return { node, refusal: { filter: refused.name, explanation: refused.check.explain([node]) }, missed };
  });
}

/** Why one node may not take what is asked for, in words; undefined when it may. */
export function refusalOn(
  request: PlacementRequest,
  cluster: ClusterView,
  options: SchedulerOptions,
  node: NodeView,
): string | undefined {
  return prepareChecks(request, cluster, options)
    .find(({ check }) => !check.accepts(node))
    ?.check.explain([node]);
}

/** In the order a refusal is attributed: health, what the manager requires, the other filters, resources. */
function prepareChecks(request: PlacementRequest, cluster: ClusterView, options: SchedulerOptions): NamedCheck[] {
  const health = options.filters.filter(({ name }) => name === 'health');
  const others = options.filters.filter(({ name }) => name !== 'health');
  const checks: NamedCheck[] = [];
  for (const filter of [...health, ...REQUIREMENTS, ...others]) {
    for (const each of [request, ...(request.companions ?? [])]) {
      const check = filter.prepare(each, cluster);
      if (check !== undefined) checks.push({ name: filter.name, check });
    }
  }
  const resources = prepareResources(request, options.overcommit);
  if (resources !== undefined) checks.push({ name: 'resources', check: resources });
  return checks;
}

/**
 * One pass over the table of loads, no allocation: a node is looked at only if it would beat the best one so far, so on
 * the happy path few are. Fewest preferences given up comes first, then the spread of replicas, the strategy's order, the cluster's.
 */
function pickBest<N extends NodeView>(
  { nodes, loads }: ClusterView<N>,
  checks: readonly NamedCheck[],
  preferences: Preferences,
  spreading: CompareRows | undefined,
  rank: Rank,
): N | undefined {
  let best: N | undefined;
  let bestRow = 0;
  let bestPenalty = Number.POSITIVE_INFINITY;
  let bestWeight = 0;
  let bestTie = 0;
  for (let row = 0; row < nodes.length; row++) {
    const weight = rank.weight(loads, row);
    const tie = rank.tieBreak(loads, row);
    const spread = spreading === undefined || best === undefined ? 0 : spreading(row, bestRow);
    const isLighter = weight < bestWeight || (weight === bestWeight && tie < bestTie);
    const isBetter = best === undefined || spread < 0 || (spread === 0 && isLighter);
    if (!isBetter && bestPenalty === 0) continue;
    const node = nodes[row];
    if (node === undefined || !passes(node, checks)) continue;
    const penalty = preferences.penalty(node);
    if (penalty > bestPenalty || (penalty === bestPenalty && !isBetter)) continue;
    best = node;
    bestRow = row;
    bestPenalty = penalty;
    bestWeight = weight;
    bestTie = tie;
  }
  return best;
}

function passes(node: NodeView, checks: readonly NamedCheck[]): boolean {
  for (const { check } of checks) if (!check.accepts(node)) return false;
  return true;
}
