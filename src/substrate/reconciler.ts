import { randomBytes } from 'node:crypto';
import pLimit from 'p-limit';
import { backoffMs, jitterMs } from '../common/backoff.ts';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { repairAttachments } from './attachments.ts';
import { Executor, type StepResult } from './executor.ts';
import { Observer } from './observer.ts';
import { PORTS_HINT, planSubstrate } from './plan.ts';
import type { StatusBoard } from './status-board.ts';
import type {
  ClusterIdentity,
  Graces,
  KnownSubstrate,
  MemberEvent,
  Observation,
  Plan,
  SubstrateMember,
  SubstrateMembers,
  SubstrateMemory,
} from './types.ts';

/** Options of {@link Reconciler}; all have defaults. */
export interface ReconcilerOptions {
  /**
   * What tells this cluster's substrate from others', stable over restarts. Without it, or when it changed, a substrate is
   * taken for this cluster's when most of its engines are.
   */
  readonly identity?: ClusterIdentity | undefined;
  readonly adoptSwarm?: boolean;
  /** CIDR that cluster networks take their subnets from. */
  readonly pool?: string | undefined;
  readonly graces?: Partial<Graces>;
  /** Milliseconds between rounds while nothing changes. */
  readonly idleMs?: number;
}

/** What {@link Reconciler} works with. */
export interface ReconcilerParts {
  readonly members: SubstrateMembers;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly memory?: SubstrateMemory | undefined;
  /** Where every round's outcome is published. */
  readonly board: StatusBoard;
}

const DEFAULT_GRACES: Graces = {
  quorumMs: 15_000,
  managerMs: 30_000,
  promotionMs: 30_000,
  strayMs: 60_000,
  runningStrayMs: 300_000,
};
const REPAIR_CONCURRENCY = 16;
const PENDING_MS = 500;
const IDLE_MS = 15_000;
const BACKOFF = { baseMs: 1_000, maxMs: 60_000 } as const;

/**
 * The loop that forms, extends and repairs the substrate: observe, plan, execute, and again when something changed or some
 * time has passed.
 */
export class Reconciler {
  readonly #parts: ReconcilerParts;
  readonly #options: ReconcilerOptions;
  readonly #graces: Graces;
  readonly #observer: Observer;
  readonly #executor: Executor;
  /** Members whose containers' attachments are to be compared with the swarm's, because either may have lost some. */
  readonly #suspects = new Set<string>();
  #known: KnownSubstrate | undefined;
  #failures: ReadonlyMap<string, string> = new Map();
  #failedRounds = 0;
  #wake: () => void = () => undefined;
  #isWoken = false;

  constructor(parts: ReconcilerParts, options: ReconcilerOptions) {
    this.#parts = parts;
    this.#options = options;
    this.#graces = { ...DEFAULT_GRACES, ...options.graces };
    this.#observer = new Observer(options.identity, parts.clock);
    const mark = options.identity?.id ?? randomBytes(8).toString('hex');
    this.#executor = new Executor({ mark, pool: options.pool }, parts.logger);
  }

  /** Goes round until aborted. To be called once. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      let delayMs: number = BACKOFF.baseMs;
      try {
        delayMs = await this.#round(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#failedRounds += 1;
        delayMs = backoffMs(this.#failedRounds, BACKOFF);
        this.#parts.logger.warn({ err: error }, 'substrate: round failed');
      }
      await this.#rest(delayMs, signal);
    }
  }

  /** What is remembered of the substrate; undefined before the first round. */
  get known(): KnownSubstrate | undefined {
    return this.#known;
  }

  /** Lets the next round begin at once. */
  kick(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /** Takes what happened to a member. */
  onEvent({ kind, node, event }: MemberEvent): void {
    const isSwarmNews = kind === 'engine-event' && event?.Type === 'node';
    if (kind === 'engine-event' && !isSwarmNews) return;
    if (!isSwarmNews) {
      this.#observer.forget(node.id);
      this.#suspects.add(node.id);
    }
    this.kick();
  }

  /** One round; resolves with how long to wait for the next unless woken. */
  async #round(signal: AbortSignal): Promise<number> {
    this.#isWoken = false;
    this.#known ??= (await this.#parts.memory?.load()) ?? { swarmId: undefined, nodes: [] };
    const { nodes } = this.#parts.members;
    const observation = await this.#observer.observe(nodes, this.#known, signal);
    const plan = planSubstrate(observation, {
      identity: this.#options.identity,
      adoptSwarm: this.#options.adoptSwarm ?? false,
      graces: this.#graces,
    });
    await this.#remember(plan, observation);
    this.#publish(plan);
    const members = new Map(nodes.map((node) => [node.id, node]));
    const results = await this.#executor.run({ plan, observation, members, signal });
    this.#take(results);
    if (results.length === 0) await this.#repair(plan, members, signal);
    return this.#delayAfter(plan, results);
  }

  #delayAfter(plan: Plan, results: readonly StepResult[]): number {
    this.#failedRounds = results.some(({ failure }) => failure !== undefined) ? this.#failedRounds + 1 : 0;
    if (this.#failedRounds > 0) return backoffMs(this.#failedRounds, BACKOFF);
    if (results.length > 0) return 0;
    return plan.isPending ? PENDING_MS : jitterMs(this.#options.idleMs ?? IDLE_MS, 0.1);
  }

  #take(results: readonly StepResult[]): void {
    const failures = new Map<string, string>();
    for (const { step, failure } of results) {
      if (!('memberId' in step)) continue;
      this.#observer.forget(step.memberId);
      this.#suspects.add(step.memberId);
      if (failure !== undefined) failures.set(step.memberId, explain(step.kind, failure));
    }
    this.#failures = failures;
    const { board } = this.#parts;
    if (failures.size > 0)
      board.publish({ ...board.current, problems: new Map([...board.current.problems, ...failures]) });
  }

  #publish(plan: Plan): void {
    const problems = new Map(plan.problems);
    // A failure stays told until the member takes part.
    for (const [memberId, text] of this.#failures) if (!plan.active.has(memberId)) problems.set(memberId, text);
    this.#parts.board.publish({
      swarmId: plan.swarm?.swarmId,
      active: new Set(plan.active.keys()),
      managers: this.#managersOf(plan),
      problems,
      excluded: new Set(plan.problems.keys()),
    });
  }

  #managersOf(plan: Plan): SubstrateMember[] {
    const byNodeId = new Map([...plan.active].map(([memberId, nodeId]) => [nodeId, memberId]));
    const managers = (plan.swarm?.nodes ?? []).filter(({ reachability }) => reachability === 'reachable');
    return [...managers]
      .sort((a, b) => Number(b.isLeader) - Number(a.isLeader))
      .flatMap(({ nodeId }) => this.#parts.members.nodes.find(({ id }) => id === byNodeId.get(nodeId)) ?? [])
      .filter(({ isHealthy }) => isHealthy);
  }

  async #remember(plan: Plan, { members }: Observation): Promise<void> {
    if (!plan.swarm) return;
    const isManager = new Map(plan.swarm.nodes.map(({ nodeId, role }) => [nodeId, role === 'manager']));
    // Members that are down now keep their place: they were ours and will be again.
    const earlier = (this.#known?.nodes ?? []).filter(
      ({ memberId }) => !plan.active.has(memberId) && members.some(({ id }) => id === memberId),
    );
    const active = [...plan.active].map(([memberId, nodeId]) => ({
      nodeId,
      memberId,
      isManager: isManager.get(nodeId) ?? false,
    }));
    const known = { swarmId: plan.swarm.swarmId, nodes: [...active, ...earlier] };
    if (JSON.stringify(known) === JSON.stringify(this.#known)) return;
    this.#known = known;
    await this.#parts.memory?.save(known);
  }

  /** Mends attachments that the swarm lost while their containers ran on. */
  async #repair(plan: Plan, members: ReadonlyMap<string, SubstrateMember>, signal: AbortSignal): Promise<void> {
    const [manager] = this.#parts.board.current.managers;
    if (!manager) return;
    const limit = pLimit(REPAIR_CONCURRENCY);
    const repairs = [...this.#suspects].map((memberId) =>
      limit(async () => {
        const member = members.get(memberId);
        const nodeId = plan.active.get(memberId);
        if (!member) this.#suspects.delete(memberId);
        if (!member?.isHealthy || nodeId === undefined) return;
        this.#suspects.delete(memberId);
        await repairAttachments({ manager, member, nodeId, logger: this.#parts.logger, signal });
      }),
    );
    await Promise.all(repairs);
  }

  async #rest(delayMs: number, signal: AbortSignal): Promise<void> {
    if (this.#isWoken || delayMs === 0) return;
    const rest = new AbortController();
    const wake = (): void => rest.abort();
    this.#wake = wake;
    signal.addEventListener('abort', wake, { once: true });
    await this.#parts.clock.sleep(delayMs, rest.signal).catch(() => undefined);
    signal.removeEventListener('abort', wake);
    this.#wake = () => undefined;
  }
}

function explain(kind: string, failure: unknown): string {
  const reason = reasonOf(failure);
  const isUnreachable = /Unavailable|no route|refused|i\/o timeout|Timeout was reached|deadline/i.test(reason);
  return `${kind} failed: ${reason}${isUnreachable ? `; ${PORTS_HINT}` : ''}`;
}
