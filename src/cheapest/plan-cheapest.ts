import { createHash } from 'node:crypto';
import type { PlannedMove, PlannedStay } from '../availability/plan.ts';
import { ConflictError } from '../common/errors.ts';
import type { CheapestNode, CheapestPlan } from './cheapest-plan.ts';
import { domainOf, groupName, type ReadProblem, readProblem } from './problem-of.ts';
import type { CheapestOptions, Snapshot, SnapshotContainer } from './snapshot.ts';
import { GroupDomains, groupsIn } from './solve/group-domains.ts';
import { type Answer, costNow, solve } from './solve/solve.ts';

/**
 * The cheapest nodes and placements that keep every rule. Pure: the same snapshot has the same plan.
 *
 * Throws 409 when no set of nodes keeps the rules: they ask for more than there is, or contradict what binds containers.
 */
export function planCheapest(snapshot: Snapshot): CheapestPlan {
  assertPossible(snapshot);
  const read = readProblem(snapshot);
  const answer = solve(read.problem);
  if (!answer) throw impossible(snapshot, read);
  const before = costNow(read.problem);
  const nodesAfter = nodesCost(read, answer);
  const idle = isPriced(snapshot)
    ? idleBecause(snapshot.options, before, nodesAfter, answer.solution.cost.micros)
    : 'the price of no node is known';
  const isKept = nowKeepsRules(read);
  return new Telling(snapshot, read, answer, before).plan(isKept ? idle : undefined);
}

function isPriced({ nodes }: Snapshot): boolean {
  return nodes.some(({ price, isNew }) => !isNew && 'micros' in price);
}

function nodesCost({ problem }: ReadProblem, { solution }: Answer): number {
  return problem.nodes.reduce((sum, { costMicros }, row) => sum + (solution.open[row] ? costMicros : 0), 0);
}

/** Whether the rules about domains are kept as things are: a plan that restores them need save nothing. */
function nowKeepsRules({ problem }: ReadProblem): boolean {
  const groups = new GroupDomains(problem, groupsIn(problem));
  for (const [at, { node }] of problem.items.entries()) groups.add(at, node);
  return groups.isMet();
}

function idleBecause(
  { minSaving }: CheapestOptions,
  before: number,
  after: number,
  withMoves: number,
): string | undefined {
  const saving = before - after;
  if (saving <= 0 || withMoves >= before) return 'nothing cheaper keeps every rule';
  const least = 'micros' in minSaving ? minSaving.micros : minSaving.share * before;
  return saving < least
    ? `it would save ${units(saving)} a month, less than the least saving of ${units(least)}`
    : undefined;
}

function units(micros: number): string {
  return (micros / 1e6).toFixed(2);
}

function assertPossible({ nodes, options }: Snapshot): void {
  for (const { label, least } of options.minDomains) {
    const values = [...new Set(nodes.map((node) => domainOf(node, label)))];
    if (values.length >= least) continue;
    const shown = label === 'node' ? '' : `: ${values.map((value) => value || 'none').join(', ')}`;
    throw new ConflictError(
      `at least ${least} values of ${label} are asked for, and nodes have ${values.length}${shown}. Lower --min-domains, or add nodes`,
      'TOO_FEW_DOMAINS',
    );
  }
}

function impossible({ options }: Snapshot, { notes }: ReadProblem): ConflictError {
  const { minDomains, headroomShare, headroomNodes } = options;
  const asked = [
    ...minDomains.map(({ label, least }) => `${least} values of ${label}`),
    ...(headroomShare > 0 ? [`${Math.round(headroomShare * 100)} % of headroom`] : []),
    ...(headroomNodes > 0 ? [`room for the loss of ${headroomNodes} ${headroomNodes === 1 ? 'node' : 'nodes'}`] : []),
  ];
  const what = asked.length > 0 ? asked.join(', ') : 'what containers ask for';
  const why = notes.length > 0 ? ` (${notes.join('; ')})` : '';
  return new ConflictError(
    `no set of nodes keeps every rule: ${what} and what binds the containers contradict each other, or there is not enough room${why}. Ask for less, or add nodes`,
    'NO_ANSWER',
  );
}

/** Puts an answer in words. */
class Telling {
  readonly #snapshot: Snapshot;
  readonly #read: ReadProblem;
  readonly #answer: Answer;
  readonly #before: number;

  constructor(snapshot: Snapshot, read: ReadProblem, answer: Answer, before: number) {
    this.#snapshot = snapshot;
    this.#read = read;
    this.#answer = answer;
    this.#before = before;
  }

  plan(idle: string | undefined): CheapestPlan {
    const moves = idle === undefined ? this.#moves() : [];
    const going = new Set(moves.map(({ container }) => container.key));
    const { solution, isProven, boundMicros } = this.#answer;
    const after = idle === undefined ? nodesCost(this.#read, this.#answer) : this.#before;
    const once = idle === undefined ? solution.cost.micros - after : 0;
    const total = idle === undefined ? solution.cost.micros : this.#before;
    const least = Math.min(boundMicros, total) / 1e6;
    const isBest = isProven && (idle === undefined || total <= boundMicros);
    const body = {
      reason: { kind: 'cheaper' } as const,
      moves,
      stays: this.#stays(going, idle),
      cost: {
        currency: this.#snapshot.currency,
        monthlyBefore: this.#before / 1e6,
        monthlyAfter: after / 1e6,
        once: once / 1e6,
      },
      monthlySaving: (this.#before - after) / 1e6,
      nodes: this.#nodes(idle),
      bound: {
        kind: isBest || isProven ? ('proven' as const) : ('found' as const),
        monthlyLeast: least,
        gap: total > 0 && !isProven ? Math.max(0, (total - boundMicros) / total) : 0,
      },
      downtimeMs: moves.reduce((sum, { estimate }) => sum + (estimate?.downtimeMs ?? 0), 0),
      notes: [...this.#read.notes, ...(idle === undefined ? this.#lonely() : [])],
      ...(idle !== undefined && { idle }),
    };
    return { ...body, digest: digestOf(body) };
  }

  #moves(): readonly PlannedMove[] {
    const { nodes, containers } = this.#snapshot;
    const { members, problem } = this.#read;
    const keysOf = (item: number): readonly string[] =>
      (members[item] ?? []).flatMap((at) => containers[at]?.key ?? []);
    return this.#answer.moves.flatMap(({ item, to, after }) => {
      const from = nodes[problem.items[item]?.node ?? 0];
      const target = nodes[to];
      if (!from || !target) return [];
      const isClosed = !this.#answer.solution.open[problem.items[item]?.node ?? 0];
      const why = isClosed ? `${from.name} is not needed any more` : 'it makes room for others, or keeps a rule';
      const before = after.flatMap(keysOf);
      const bundle = members[item] ?? [];
      return bundle.flatMap((at, index) => {
        const container = containers[at];
        if (!container) return [];
        const { key, id, name, how, generation, loses, spans, copies, downtimeMs, group, together } = container;
        // Members come in the order in which they need each other.
        const inBundle = bundle.slice(0, index).flatMap((each) => containers[each]?.key ?? []);
        const earlier = [...before, ...inBundle.filter((each) => !together?.includes(each))];
        // Of those that move as one the first has the volumes of all.
        const unit = bundle.flatMap((each) => (together?.includes(containers[each]?.key ?? '') ? each : []));
        const copied = unit.length > 0 ? unit.flatMap((each) => containers[each]?.copies ?? []) : copies;
        const isKnown = how === 'start-first' || copied.every(({ bytes }) => bytes !== undefined);
        return {
          container: { key, id, name },
          from: { id: from.id, name: from.name },
          to: { id: target.id, name: target.name },
          how,
          why,
          generation,
          loses,
          ...(spans && { spans }),
          ...(earlier.length > 0 && { after: earlier }),
          ...(copies.length > 0 && { copies }),
          ...(together && { together }),
          ...(isKnown && { estimate: { downtimeMs } }),
          ...(group !== undefined && { group: groupName(group) }),
        };
      });
    });
  }

  #stays(going: ReadonlySet<string>, idle: string | undefined): readonly PlannedStay[] {
    const { nodes, containers } = this.#snapshot;
    const { hindrances } = this.#read;
    const byId = new Map(nodes.map(({ id, name }) => [id, { id, name }]));
    return containers.flatMap(({ key, id, name, nodeId }: SnapshotContainer, at) => {
      if (going.has(key) && key !== '') return [];
      const node = byId.get(nodeId) ?? { id: nodeId, name: nodeId };
      const why = hindrances[at] ?? idle ?? `${node.name} is kept`;
      return { container: { key, id, name }, node, why, waits: false };
    });
  }

  #nodes(idle: string | undefined): readonly CheapestNode[] {
    const { nodes } = this.#snapshot;
    const { problem, keptFor, members } = this.#read;
    const { solution } = this.#answer;
    const counts = (rowOf: (item: number) => number | undefined): number[] => {
      const found = nodes.map(() => 0);
      for (const [item, bundle] of members.entries()) {
        const row = rowOf(item) ?? 0;
        found[row] = (found[row] ?? 0) + bundle.length;
      }
      return found;
    };
    const before = counts((item) => problem.items[item]?.node);
    const after = idle === undefined ? counts((item) => solution.placement[item]) : before;
    return nodes.flatMap(({ id, name, price, isNew }, row): CheapestNode[] => {
      const isOpen = idle === undefined ? Boolean(solution.open[row]) : !isNew;
      if (isNew && !isOpen) return [];
      const isKnown = 'micros' in price;
      const fate = !isKnown ? 'left-out' : isNew ? 'made' : isOpen ? 'stays' : 'goes';
      const held = before[row] ?? 0;
      const words = {
        'left-out': keptFor[row] ?? '',
        made: 'what it costs is less than what goes',
        stays: keptFor[row] ?? idle ?? 'what it holds costs no less elsewhere',
        goes:
          held === 0 ? 'it holds nothing' : `what it holds has room on nodes that are paid for anyway, or cost less`,
      };
      return [
        {
          id,
          name,
          fate,
          monthly: isKnown ? price.micros / 1e6 : null,
          price: isKnown ? price.source : price.unknown,
          containersBefore: held,
          containersAfter: after[row] ?? 0,
          why: words[fate],
        },
      ];
    });
  }

  /** Services whose replicas would all be on one node, and are not now. */
  #lonely(): readonly string[] {
    const { containers } = this.#snapshot;
    const { members, problem } = this.#read;
    const nodesOf = new Map<string, { readonly before: Set<number>; readonly after: Set<number> }>();
    for (const [item, bundle] of members.entries()) {
      for (const group of new Set(bundle.flatMap((at) => containers[at]?.group ?? []))) {
        const known = nodesOf.get(group) ?? { before: new Set(), after: new Set() };
        known.before.add(problem.items[item]?.node ?? 0);
        known.after.add(this.#answer.solution.placement[item] ?? 0);
        nodesOf.set(group, known);
      }
    }
    const lonely = [...nodesOf].flatMap(([group, { before, after }]) =>
      before.size > 1 && after.size === 1 ? groupName(group) : [],
    );
    if (lonely.length === 0) return [];
    const shown = lonely.slice(0, 3).join(', ') + (lonely.length > 3 ? ` and ${lonely.length - 3} more` : '');
    return [`all replicas of ${shown} would be on one node: --min-domains node=2 keeps them apart`];
  }
}

function digestOf(body: Omit<CheapestPlan, 'digest'>): string {
  const { moves, nodes, cost } = body;
  const what = [
    moves.map(({ container, from, to, generation }) => [container.key, from.id, to.id, generation]),
    nodes.map(({ id, fate, monthly }) => [id, fate, monthly]),
    // What moving costs once follows the sizes of volumes, which change all the time.
    [cost.currency, cost.monthlyBefore, cost.monthlyAfter],
  ];
  return createHash('sha256').update(JSON.stringify(what)).digest('hex').slice(0, 16);
}
