import type { Node } from '../cluster/node.ts';
import { ConflictError, NotFoundError } from '../common/errors.ts';
import type { Timer } from '../common/timer.ts';
import type { MovePolicy } from '../desired/move-terms.ts';
import { PriceBook, type PriceBookData } from '../prices/price-book.ts';
import type { Prices } from '../prices/prices.ts';
import type { Placer } from '../scheduler/placer.ts';
import type { SchedulerOptions } from '../scheduler/scheduler.ts';
import { type Candidate, candidateNodes } from './candidates.ts';
import type { CheapestPlan } from './cheapest-plan.ts';
import { planInWorker } from './in-worker.ts';
import { nodePrices } from './node-prices.ts';
import { type ObserveDeps, type Observed, observe } from './observe.ts';
import { PriceMemory } from './price-memory.ts';
import { rehearse } from './rehearsal.ts';
import type { CheapestOptions, Snapshot, SnapshotNode, SnapshotPrice } from './snapshot.ts';
import { trafficPrices } from './traffic-prices.ts';

export interface CheapestPlannerDeps extends ObserveDeps {
  readonly placer: Placer<Node>;
  readonly prices: Pick<Prices, 'book'>;
}

export interface CheapestPlannerOptions {
  /** For containers that say nothing themselves. */
  readonly policy: MovePolicy;
  readonly scheduler: Pick<SchedulerOptions, 'filters' | 'overcommit'>;
}

/** What is asked for. */
export interface CheapestRequest {
  readonly options: CheapestOptions;
  /** What a person knows of prices: it counts before what the manager knows. */
  readonly prices?: Pick<PriceBookData, 'files' | 'rates' | 'currency'> | undefined;
  /** To count in. */
  readonly currency?: string | undefined;
  /** For how long a price must have held before it counts, in milliseconds. */
  readonly stableForMs: number;
  /** Machines that could be made. */
  readonly candidates: readonly Candidate[];
  /** Names or IDs of nodes that are kept. */
  readonly keep: readonly string[];
}

/** Between two looks at all prices, in milliseconds. */
const NOTE_MS = 60_000;
/** After a node came, or something was said of it. */
const NOTE_SOON_MS = 100;
/** Moves that turn out impossible are left out, and the plan is made anew: so many times. */
const MOST_ROUNDS = 4;

/** Makes plans for the cluster as it is now. */
export class CheapestPlanner {
  readonly #deps: CheapestPlannerDeps;
  readonly #options: CheapestPlannerOptions;
  readonly #memory = new PriceMemory();
  readonly #timer: Timer;
  #unsubscribe: () => void = () => undefined;

  constructor(deps: CheapestPlannerDeps, options: CheapestPlannerOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#timer = deps.clock.timer(() => void this.#noteNow());
  }

  /** Begins to note what nodes cost, so that it is known since when prices hold. */
  start(): void {
    this.#unsubscribe = this.#deps.cluster.subscribe((event) => {
      if (event.kind === 'node-state' || event.kind === 'node-settings') this.#timer.start(NOTE_SOON_MS);
    });
    this.#timer.start(NOTE_SOON_MS);
  }

  /** Idempotent. */
  close(): void {
    this.#unsubscribe();
    this.#timer.stop();
  }

  /**
   * Rejects with 400 for prices in several currencies without a rate and for candidates of unknown size, with 404 for a node to be kept that is not
   * there, with 409 when nothing keeps the rules.
   */
  async plan(request: CheapestRequest, signal: AbortSignal): Promise<CheapestPlan> {
    this.#assertKept(request.keep);
    const book = bookOf((await this.#deps.prices.book()).data, request.prices);
    this.#note(book);
    const observed = await observe(this.#deps, this.#options.policy);
    const snapshot = this.#snapshot(observed, book, request);
    const forbidden = new Set<string>();
    for (let round = 1; ; round++) {
      const plan = await planInWorker({ ...snapshot.value, forbidden: [...forbidden] }, signal);
      const refused = rehearse(this.#deps, plan, observed);
      if (refused.length === 0) return { ...plan, notes: [...plan.notes, ...snapshot.notes] };
      if (round === MOST_ROUNDS)
        throw new ConflictError(
          'the cluster changes too fast for a plan: what was planned is refused by now. Try again',
          'PLAN_OUTDATED',
        );
      for (const { key, nodeId } of refused) forbidden.add(`${key} ${nodeId}`);
    }
  }

  /** Never rejects: a file that cannot be read is told of by whoever reads it. */
  async #noteNow(): Promise<void> {
    const book = await this.#deps.prices.book().catch(() => undefined);
    if (book) this.#note(book);
    this.#timer.start(NOTE_MS);
  }

  /** A name with a slip in it must not let a node go. */
  #assertKept(keep: readonly string[]): void {
    const known = new Set(this.#deps.cluster.nodes.flatMap(({ id, name }) => [id, name]));
    const unknown = keep.find((each) => !known.has(each));
    if (unknown !== undefined)
      throw new NotFoundError(`node ${unknown} not found, which is to be kept`, 'NO_SUCH_NODE');
  }

  #note(book: PriceBook): void {
    const { cluster, clock } = this.#deps;
    const answers = cluster.nodes.map((node) => ({ node, price: book.nodePrice(node).price }));
    const [first] = answers.flatMap(({ price }) => price ?? []);
    for (const { node, price } of answers) {
      if (price) this.#memory.note(node.id, Math.round(price.nanosPerMonth / 1_000), clock.now());
      // Nodes are compared by what they cost when a container is placed: in one currency, or not at all.
      const shared =
        price && book.rates.convert({ nanos: price.nanosPerMonth, currency: price.currency }, first?.currency ?? '');
      node.setPrice(shared?.nanos);
    }
    this.#memory.keep(new Set(cluster.nodes.map(({ id }) => id)));
  }

  #snapshot(
    observed: Observed,
    book: PriceBook,
    request: CheapestRequest,
  ): { readonly value: Snapshot; readonly notes: readonly string[] } {
    const { scheduler } = this.#options;
    const { options, candidates, keep } = request;
    const plain = observed.nodes.map(({ node: _, ...rest }): Omit<SnapshotNode, 'price'> => {
      const isKept = keep.includes(rest.name) || keep.includes(rest.id);
      return isKept ? { ...rest, keptFor: 'it is to be kept' } : rest;
    });
    const all = [...plain, ...candidateNodes(candidates, plain)];
    const priced = all.map(({ name, labels }) => ({ name, labels: new Map(labels) }));
    const { currency, prices, rates } = nodePrices(book, priced, request.currency);
    const settled = this.#settled(observed, prices, request.stableForMs);
    return {
      value: {
        currency,
        nodes: all.map((node, row) => ({ ...node, price: settled.prices[row] ?? { unknown: '' } })),
        containers: observed.containers,
        refusals: observed.refusals,
        addresses: observed.addresses,
        images: observed.images,
        ...trafficPrices(book, priced, { currency, from: rowsWithVolumes(observed) }),
        filters: scheduler.filters.map(({ name }) => name),
        overcommit: scheduler.overcommit,
        forbidden: [],
        options,
      },
      notes: [...settled.notes, ...rates],
    };
  }

  /** A price that has changed lately counts as it was before. */
  #settled(
    { nodes }: Observed,
    prices: readonly SnapshotPrice[],
    stableForMs: number,
  ): { readonly prices: readonly SnapshotPrice[]; readonly notes: readonly string[] } {
    if (stableForMs === 0) return { prices, notes: [] };
    const { clock } = this.#deps;
    const notes: string[] = [];
    const settled = prices.map((price, row): SnapshotPrice => {
      const node = nodes[row];
      const known = node && this.#memory.settled(node.id, stableForMs, clock.now());
      if (!node || !known?.unsettled || !('micros' in price)) return price;
      const factor = price.micros / (known.unsettled.micros || 1);
      notes.push(`the price of ${node.name} has changed too lately to count: it counts as it was before`);
      return { micros: Math.round(known.micros * factor), source: `${price.source}, as it was before it changed` };
    });
    return { prices: settled, notes };
  }
}

function bookOf(known: PriceBookData, own: CheapestRequest['prices']): PriceBook {
  if (!own) return new PriceBook(known);
  const currency = own.currency ?? known.currency;
  return new PriceBook({
    ...(currency === undefined ? {} : { currency }),
    files: [...own.files, ...known.files],
    lists: known.lists,
    rates: [...own.rates, ...known.rates],
  });
}

/** Rows of nodes with volumes that could go along. */
function rowsWithVolumes({ nodes, containers }: Observed): ReadonlySet<number> {
  const holders = new Set(containers.flatMap(({ copies, nodeId }) => (copies.length > 0 ? nodeId : [])));
  return new Set(nodes.flatMap(({ id }, row) => (holders.has(id) ? row : [])));
}
