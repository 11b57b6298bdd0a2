import type { Logger } from '../common/logger.ts';
import type { KeptEndpoints } from './kept-endpoints.ts';
import type { Setbacks } from './setbacks.ts';
import type { StatusBoard } from './status-board.ts';
import type { Plan, SubstrateMember, SubstrateMembers } from './types.ts';

export interface RoundReportDeps {
  readonly board: StatusBoard;
  readonly members: SubstrateMembers;
  /** Members that could not join. */
  readonly joins: Setbacks;
  readonly kept: Pick<KeptEndpoints, 'untried'>;
  readonly logger: Logger;
}

/** Tells what a round of the substrate's loop found: on the board, and once in the log for what a person should mend. */
export class RoundReport {
  readonly #deps: RoundReportDeps;
  /** What was warned of already. */
  #told: ReadonlySet<string> = new Set();

  constructor(deps: RoundReportDeps) {
    this.#deps = deps;
  }

  /** Where things stand, before anything is done about it. */
  plan(plan: Plan): void {
    const { board, joins } = this.#deps;
    for (const memberId of plan.active.keys()) joins.clear(memberId);
    const problems = new Map([...joins.reasons(), ...plan.problems]);
    this.#warn(plan, problems);
    board.publish({
      swarmId: plan.swarm?.swarmId,
      epoch: plan.swarm?.epoch ?? 0,
      guestOf: plan.guestOf,
      active: this.#activeOf(plan),
      managers: this.#managersOf(plan),
      problems,
      notices: plan.notices,
      excluded: new Set(plan.problems.keys()),
    });
  }

  /** Members whose containers were connected again take part. */
  active(plan: Plan): void {
    const { board } = this.#deps;
    const active = this.#activeOf(plan);
    if (active.size > board.current.active.size) board.publish({ ...board.current, active });
  }

  /** Joins failed. */
  failures(): void {
    const { board, joins } = this.#deps;
    const problems = new Map([...board.current.problems, ...joins.resting()]);
    if (problems.size > board.current.problems.size) board.publish({ ...board.current, problems });
  }

  /** What joined takes part once its containers were connected again, or that was tried; not what hears none of the others. */
  #activeOf({ active, problems }: Plan): ReadonlySet<string> {
    const { untried } = this.#deps.kept;
    return new Set([...active.keys()].filter((memberId) => !untried.has(memberId) && !problems.has(memberId)));
  }

  #managersOf(plan: Plan): SubstrateMember[] {
    const byNodeId = new Map([...plan.active].map(([memberId, nodeId]) => [nodeId, memberId]));
    const managers = (plan.swarm?.nodes ?? []).filter(({ reachability }) => reachability === 'reachable');
    return [...managers]
      .sort((a, b) => Number(b.isLeader) - Number(a.isLeader))
      .flatMap(({ nodeId }) => this.#deps.members.nodes.find(({ id }) => id === byNodeId.get(nodeId)) ?? [])
      .filter(({ isHealthy }) => isHealthy);
  }

  /** Once when it begins. */
  #warn({ notices }: Plan, problems: ReadonlyMap<string, string>): void {
    const { logger, members } = this.#deps;
    const told = new Set<string>(notices);
    for (const notice of notices) if (!this.#told.has(notice)) logger.warn(`substrate: ${notice}`);
    for (const [memberId, problem] of problems) {
      const key = `${memberId} ${problem}`;
      told.add(key);
      if (this.#told.has(key)) continue;
      const engine = members.nodes.find(({ id }) => id === memberId)?.name;
      logger.warn({ engine, problem }, 'substrate: an engine takes no part in cluster networks');
    }
    this.#told = told;
  }
}
