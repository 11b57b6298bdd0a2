import { Layout, ranksOf } from './layout.ts';
import { isCheaper, type Problem, type Solution } from './problem.ts';
import { weightsOf } from './weights.ts';

/** Nodes looked at for an item, for each of the attempts: some seconds in all, however large the cluster is. */
const MOST_ASKED = 3_000_000;
/** Cheaper nodes that are tried in place of one. */
const MOST_EXCHANGES = 6;
/** Of the sets of nodes that are tried for each order, by halving. */
const HALVINGS = 8;

export interface HeuristicAnswers {
  /** The cheapest found. */
  readonly best: Solution | undefined;
  /** The cheapest in which whatever is on a node that is kept stays there. */
  readonly calm: Solution | undefined;
}

/**
 * Good answers for clusters of any size. One begins with the nodes as they are and empties them one after the other, the dearest for what
 * they hold first; others begin with the nodes that give most for their price. The same problem has the same answers.
 */
export function solveRoughly(problem: Problem): HeuristicAnswers {
  const calm = reduced(Layout.atFirst(problem));
  const starts = [calm, ...ordersOf(problem).map((order) => fromOrder(problem, order))];
  const found = starts.flatMap((layout) => layout?.solution() ?? []);
  const best = found.reduce<Solution | undefined>(
    (least, each) => (least === undefined || isCheaper(each.cost, least.cost) ? each : least),
    undefined,
  );
  return { best, calm: calm?.solution() };
}

/** Empties nodes for as long as that saves something. */
function reduced(layout: Layout): Layout {
  const { problem } = layout;
  const { nodes } = problem;
  const alike = nodes.map(({ costMicros, capacities, domains }) => JSON.stringify([costMicros, capacities, domains]));
  for (let isBetter = true; isBetter && layout.asked < MOST_ASKED; ) {
    isBetter = false;
    const rows = layout
      .openRows()
      .filter((row) => !nodes[row]?.mustStay && (nodes[row]?.costMicros ?? 0) > 0)
      .map((row) => ({ row, worth: layout.fill(row) / (nodes[row]?.costMicros ?? 1) }))
      .sort((a, b) => a.worth - b.worth || a.row - b.row);
    for (const { row } of rows) {
      if (layout.asked >= MOST_ASKED) break;
      if (layout.tryClose(row) || tryExchange(layout, row, alike)) isBetter = true;
    }
  }
  return layout;
}

/** Empties a node into the others and one more that is cheaper. */
function tryExchange(layout: Layout, row: number, alike: readonly string[]): boolean {
  const { nodes } = layout.problem;
  const cost = nodes[row]?.costMicros ?? 0;
  const cheaper = new Map<string, number>();
  for (const each of layout.closedRows()) {
    const text = alike[each] ?? '';
    if ((nodes[each]?.costMicros ?? 0) < cost && !cheaper.has(text)) cheaper.set(text, each);
  }
  const rows = [...cheaper.values()].sort((a, b) => (nodes[a]?.costMicros ?? 0) - (nodes[b]?.costMicros ?? 0) || a - b);
  return rows.slice(0, MOST_EXCHANGES).some((each) => layout.tryClose(row, each));
}

/** Nodes by what they give for their price, figure by figure and in the mean. */
function ordersOf({ nodes, items }: Problem): readonly (readonly number[])[] {
  const figures = nodes[0]?.capacities.length ?? 0;
  const asked = Array.from({ length: figures }, (_, figure) =>
    items.reduce((sum, { sizes }) => sum + (sizes[figure] ?? 0), 0),
  );
  const used = asked.flatMap((each, figure) => (each > 0 ? [figure] : []));
  const mixes = used.length > 1 ? [...used.map((figure) => [figure]), used] : [used];
  const orders = mixes.map((mix) => {
    const price = nodes.map(({ costMicros, capacities }) => {
      const gives = mix.reduce((sum, figure) => sum + Math.max(0, capacities[figure] ?? 0) / (asked[figure] ?? 1), 0);
      return mix.length === 0 ? costMicros : costMicros / Math.max(gives, Number.MIN_VALUE);
    });
    return [...nodes.keys()].sort(
      (a, b) => Number(nodes[b]?.mustStay) - Number(nodes[a]?.mustStay) || (price[a] ?? 0) - (price[b] ?? 0) || a - b,
    );
  });
  return [...new Map(orders.map((order) => [order.join(), order])).values()];
}

/** As few of the first nodes as are found to do, and of these no more than needed. */
function fromOrder(problem: Problem, order: readonly number[]): Layout | undefined {
  let least = problem.nodes.filter(({ mustStay }) => mustStay).length;
  let most = order.length;
  let found: Layout | undefined;
  const weights = weightsOf(problem);
  const ranks = ranksOf(problem, weights);
  for (let halving = 0; halving < HALVINGS && least <= most; halving++) {
    const middle = (least + most) >> 1;
    const open = Uint8Array.from(problem.nodes, () => 0);
    for (const row of order.slice(0, middle)) open[row] = 1;
    const layout = Layout.within(problem, open, order, weights, ranks);
    if (layout) {
      found = layout;
      most = middle - 1;
    } else {
      least = middle + 1;
    }
  }
  return found && reduced(found);
}
