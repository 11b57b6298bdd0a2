import type { NodeView } from '../scheduler/types.ts';
import type { Plan, PlannedMove, PlannedStay } from './plan.ts';
import { type MoveCandidate, type MoveQuestions, moveOf, placeOf, refusalOf, requestOf } from './plan-move.ts';
import { type BalanceMember, type BalanceNode, SpreadTable } from './spread-table.ts';
import type { Stage } from './stage.ts';

export interface RebalanceInput {
  readonly nodes: readonly BalanceNode[];
  readonly members: readonly BalanceMember[];
  /** What has leave to move. */
  readonly candidates: readonly MoveCandidate[];
  /** What has not, with the reason. */
  readonly stays: readonly PlannedStay[];
  /** Whether containers are spread over nodes, too; by other strategies only over domains. */
  readonly spreadsOverNodes: boolean;
  readonly maxMoves: number;
  readonly stage: Stage;
  readonly questions: MoveQuestions;
}

/** Decisions of the scheduler in one plan: nothing else is answered meanwhile. */
const MAX_DECISIONS = 5_000;
/** Nodes that are tried for one container in one turn. */
const MAX_TRIES = 8;
/** How much less full the other node must be afterwards, of 2 for CPU and memory: less is not worth a move. */
const MIN_GAIN = 0.1;

/**
 * As few moves as restore the spread: of services over domains and nodes, then of containers over nodes. Each one makes the spread
 * better by itself, the largest difference first, so that a plan that is cut short is a good one, too. Synchronous, see `planFailover`.
 */
export function planRebalance(input: RebalanceInput): Plan {
  return new Rebalancing(input).plan();
}

class Rebalancing {
  readonly #input: RebalanceInput;
  readonly #spread: SpreadTable;
  readonly #left: Set<MoveCandidate>;
  readonly #moves: PlannedMove[] = [];
  readonly #stays: PlannedStay[] = [];
  readonly #moving = new Set<string>();
  readonly #even = new Map<string, Set<string>>();
  #decisions = 0;

  constructor(input: RebalanceInput) {
    this.#input = input;
    this.#spread = new SpreadTable(input.nodes, input.members);
    this.#left = new Set(input.candidates);
  }

  plan(): Plan {
    const { nodes } = this.#input;
    const crowded = new Set(nodes.flatMap(({ id }) => (this.#spread.isCrowded(id) ? id : [])));
    for (const pass of [this.#restoreService, this.#restoreNode]) while (this.#mayGoOn() && pass.call(this));
    const { stays } = this.#input;
    const concerned = stays.filter(({ node }) => crowded.has(node.id));
    return { reason: { kind: 'balance' }, moves: this.#moves, stays: [...this.#stays, ...concerned] };
  }

  #mayGoOn(): boolean {
    return this.#moves.length < this.#input.maxMoves && this.#decisions < MAX_DECISIONS;
  }

  /** Moves one replica of the service that is spread worst. False when none can be improved. */
  #restoreService(): boolean {
    const uneven = [...this.#left].filter(({ spec, from }) => {
      const { group } = spec.placement;
      return group !== undefined && this.#isUneven(group, from.id);
    });
    return this.#moveFirst(this.#byCrowd(uneven), 'its service is spread better then', (candidate, node) =>
      this.#spread.improves(candidate.spec.placement.group ?? '', candidate.from.id, node.id),
    );
  }

  /** Remembered until one of the service moves: most services are even all the time. */
  #isUneven(group: string, from: string): boolean {
    const even = this.#even.get(group) ?? new Set();
    if (even.has(from)) return false;
    if (this.#spread.isUneven(group, from)) return true;
    this.#even.set(group, even.add(from));
    return false;
  }

  /** Moves one container from a node that has more than others. */
  #restoreNode(): boolean {
    if (!this.#input.spreadsOverNodes) return false;
    const crowded = [...this.#left].filter(({ from }) => this.#spread.isCrowded(from.id));
    return this.#moveFirst(this.#byCrowd(crowded), 'its node has more than others', ({ spec, from }, node) => {
      const { group, memoryBytes, nanoCpus } = spec.placement;
      if (group !== undefined && this.#spread.worsens(group, from.id, node.id)) return false;
      const gain = this.#spread.gain(from.id, node.id, { memoryBytes, nanoCpus });
      return memoryBytes + nanoCpus > 0 ? gain.fill >= MIN_GAIN : gain.count >= 1;
    });
  }

  /** Those of the fullest nodes first, and of one node those that are not well. */
  #byCrowd(candidates: readonly MoveCandidate[]): readonly MoveCandidate[] {
    const rank = ({ from }: MoveCandidate): number => this.#spread.rank(from.id);
    return candidates.toSorted(
      (a, b) => rank(b) - rank(a) || Number(a.isWell) - Number(b.isWell) || (a.record.name < b.record.name ? -1 : 1),
    );
  }

  #moveFirst(
    candidates: readonly MoveCandidate[],
    why: string,
    isBetter: (candidate: MoveCandidate, node: NodeView) => boolean,
  ): boolean {
    for (const candidate of candidates) {
      if (!this.#mayGoOn()) return false;
      const node = this.#choose(candidate, (each) => isBetter(candidate, each));
      if (node === undefined) continue;
      if (typeof node !== 'string') {
        this.#move(candidate, node, why);
        return true;
      }
      this.#left.delete(candidate);
      this.#stays.push({ ...placeOf(candidate), why: node, waits: false });
    }
    return false;
  }

  /** The first that is better of those that the scheduler would choose, one after the other; or why none can take it, undefined where none is better. */
  #choose(candidate: MoveCandidate, isBetter: (node: NodeView) => boolean): NodeView | string | undefined {
    const { nodes, questions, stage } = this.#input;
    const excluded = new Map(
      nodes.flatMap(({ id, takes }): [string, string][] => {
        if (id === candidate.from.id) return [[id, 'it is there already']];
        return takes ? [] : [[id, 'not meant']];
      }),
    );
    const moving = new Set([...this.#moving, candidate.record.id ?? '']);
    for (let tries = 1; tries <= MAX_TRIES; tries++) {
      this.#decisions += 1;
      const request = requestOf([candidate], { questions, moving, excluded });
      if (typeof request === 'string') return request;
      const decision = stage.decide(request);
      if (decision.kind === 'refused') {
        if (tries > 1) return undefined;
        const refusals = [...questions.refusalsFor(candidate)].flatMap(([id, why]) => (excluded.has(id) ? [] : why));
        return refusalOf(decision, refusals);
      }
      if (isBetter(decision.node)) return decision.node;
      // What was planned to leave a node counts there still, so that the scheduler may overlook it.
      excluded.set(decision.node.id, 'not better');
    }
    return undefined;
  }

  #move(candidate: MoveCandidate, node: NodeView, why: string): void {
    const { questions, stage } = this.#input;
    const { spec, record, from } = candidate;
    this.#left.delete(candidate);
    this.#moving.add(record.id ?? '');
    stage.place(node, spec.placement, spec.labels);
    this.#spread.move(from.id, node.id, spec.placement);
    this.#even.delete(spec.placement.group ?? '');
    this.#moves.push(moveOf(candidate, { node, why, questions }));
  }
}
