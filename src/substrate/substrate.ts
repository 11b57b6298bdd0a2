import { randomBytes } from 'node:crypto';
import pLimit from 'p-limit';
import { backoffMs, jitterMs } from '../common/backoff.ts';
import type { Clock } from '../common/clock.ts';
import { ClusterError, reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { repairAttachments } from './attachments.ts';
import { Executor, type StepResult } from './executor.ts';
import { Observer } from './observer.ts';
import { PORTS_HINT, planSubstrate } from './plan.ts';
import { StatusBoard, type StatusWish, type SubstrateStatus, unavailable } from './status-board.ts';
import { removeSwarmNode } from './swarm-api.ts';
import type {
  Graces,
  KnownSubstrate,
  Observation,
  Plan,
  SubstrateMember,
  SubstrateMembers,
  SubstrateMemory,
  SubstrateMode,
} from './types.ts';

/** Options of {@link Substrate}; all have defaults. */
export interface SubstrateOptions {
  readonly mode?: SubstrateMode;
  /**
   * What tells this cluster's substrate from others', stable over restarts. Without it, or when it changed, a substrate is
   * taken for this cluster's when most of its engines are.
   */
  readonly clusterId?: string | undefined;
  readonly adoptSwarm?: boolean;
  /** CIDR that cluster networks take their subnets from. */
  readonly pool?: string | undefined;
  readonly graces?: Partial<Graces>;
  /** Milliseconds between rounds while nothing changes. */
  readonly idleMs?: number;
}

/** What {@link Substrate} works with. */
export interface SubstrateParts {
  readonly members: SubstrateMembers;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly memory?: SubstrateMemory | undefined;
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
 * Docker's swarm mode under the cluster's engines, on which cluster networks stand: formed, extended and repaired by one
 * loop of observe, plan, execute. Clients never see it.
 */
export class Substrate {
  readonly mode: SubstrateMode;
  readonly #parts: SubstrateParts;
  readonly #options: SubstrateOptions;
  readonly #graces: Graces;
  readonly #observer: Observer;
  readonly #executor: Executor;
  readonly #board: StatusBoard;
  readonly #stop = new AbortController();
  readonly #unsubscribe: () => void;
  /** Members whose containers' attachments are to be compared with the swarm's, because either may have lost some. */
  readonly #suspects = new Set<string>();
  #known: KnownSubstrate | undefined;
  #failures: ReadonlyMap<string, string> = new Map();
  #failedRounds = 0;
  #wake: () => void = () => undefined;
  #isWoken = false;
  #loop: Promise<void> | undefined;

  constructor(parts: SubstrateParts, options: SubstrateOptions = {}) {
    this.mode = options.mode ?? 'eager';
    this.#parts = parts;
    this.#options = options;
    this.#graces = { ...DEFAULT_GRACES, ...options.graces };
    this.#observer = new Observer(options.clusterId, parts.clock);
    const mark = options.clusterId ?? randomBytes(8).toString('hex');
    this.#executor = new Executor({ mark, pool: options.pool }, parts.logger);
    this.#board = new StatusBoard(parts.clock, parts.logger);
    this.#unsubscribe = parts.members.subscribe((event) => this.#onEvent(event));
    if (this.mode === 'eager') this.activate();
  }

  get status(): SubstrateStatus {
    return this.#board.current;
  }

  /** Calls `listener` after every round that changed something, until the returned function is called. */
  subscribe(listener: (status: SubstrateStatus) => void): () => void {
    return this.#board.subscribe(listener);
  }

  /** Begins to form and keep the substrate; at once in eager mode, else with the first need. Idempotent. */
  activate(): void {
    if (this.mode === 'off' || this.#stop.signal.aborted) return;
    this.#loop ??= this.#run();
  }

  /** Why a member takes no part in cluster networks; undefined when it does or soon will. */
  problem(memberId: string): string | undefined {
    return this.status.problems.get(memberId);
  }

  /**
   * Resolves with a substrate manager as soon as there is one; forms the substrate if need be. Rejects with 503 and the
   * reason after `timeoutMs`.
   */
  async manager(signal: AbortSignal, timeoutMs: number = 30_000): Promise<SubstrateMember> {
    this.#assertOn();
    const isReached = ({ managers }: SubstrateStatus): boolean => managers.length > 0;
    await this.#until({ isReached, timeoutMs, why: () => this.#whyNotFormed() }, signal);
    const [first] = this.status.managers;
    if (!first) throw unavailable(this.#whyNotFormed());
    return first;
  }

  /** Resolves when a member takes part. Rejects at once with the reason when it will not, or after `timeoutMs`. */
  async readyOn(member: SubstrateMember, signal: AbortSignal, timeoutMs: number = 30_000): Promise<void> {
    this.#assertOn();
    const isReached = ({ active, excluded }: SubstrateStatus): boolean =>
      active.has(member.id) || excluded.has(member.id);
    const why = (): string => this.#whyNotOn(member);
    await this.#until({ isReached, timeoutMs, why }, signal);
    if (!this.status.active.has(member.id)) throw unavailable(this.#whyNotOn(member));
  }

  /**
   * Ends the attachments of a member that is down, so that networks can be freed of it. It joins again when it returns.
   * Resolves with false when it is not down, or no swarm node of ours.
   */
  async release(member: SubstrateMember, signal: AbortSignal): Promise<boolean> {
    const nodeId = this.#known?.nodes.find(({ memberId }) => memberId === member.id)?.nodeId;
    if (member.isHealthy || nodeId === undefined) return false;
    const manager = await this.manager(signal);
    await removeSwarmNode(manager.client, nodeId, signal);
    this.kick();
    return true;
  }

  /** The member behind a swarm node ID; undefined when it is none. */
  memberOf(nodeId: string): SubstrateMember | undefined {
    const memberId = this.#known?.nodes.find((node) => node.nodeId === nodeId)?.memberId;
    return this.#parts.members.nodes.find(({ id }) => id === memberId);
  }

  /** Looks again soon: something changed. */
  kick(): void {
    this.#isWoken = true;
    this.#wake();
  }

  /** Stops looking after the substrate; the engines keep it. Idempotent. */
  async close(): Promise<void> {
    this.#unsubscribe();
    this.#stop.abort(new Error('the manager stops'));
    await this.#loop;
  }

  #onEvent({ kind, node, event }: Parameters<Parameters<SubstrateMembers['subscribe']>[0]>[0]): void {
    const isSwarmNews = kind === 'engine-event' && event?.Type === 'node';
    if (kind === 'engine-event' && !isSwarmNews) return;
    if (!isSwarmNews) {
      this.#observer.forget(node.id);
      this.#suspects.add(node.id);
    }
    this.kick();
  }

  async #run(): Promise<void> {
    const { signal } = this.#stop;
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

  /** One round; resolves with how long to wait for the next unless woken. */
  async #round(signal: AbortSignal): Promise<number> {
    this.#isWoken = false;
    this.#known ??= (await this.#parts.memory?.load()) ?? { swarmId: undefined, nodes: [] };
    const { nodes } = this.#parts.members;
    const observation = await this.#observer.observe(nodes, this.#known, signal);
    const plan = planSubstrate(observation, {
      clusterId: this.#options.clusterId,
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
    if (failures.size > 0)
      this.#board.publish({ ...this.status, problems: new Map([...this.status.problems, ...failures]) });
  }

  #publish(plan: Plan): void {
    const problems = new Map(plan.problems);
    // A failure stays told until the member takes part.
    for (const [memberId, text] of this.#failures) if (!plan.active.has(memberId)) problems.set(memberId, text);
    this.#board.publish({
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
    const [manager] = this.status.managers;
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

  /** Waits for a status, looking again at once. */
  async #until(wish: StatusWish, signal: AbortSignal): Promise<void> {
    this.activate();
    if (wish.isReached(this.status)) return;
    this.kick();
    await this.#board.until(wish, AbortSignal.any([signal, this.#stop.signal]));
  }

  #assertOn(): void {
    if (this.mode !== 'off') return;
    throw new ClusterError(
      'cluster networks are switched off (enxame.substrate=off): create the network with --driver bridge, or switch them on',
      { code: 'SUBSTRATE_OFF', status: 501 },
    );
  }

  #whyNotOn({ id, name }: SubstrateMember): string {
    const problem = this.problem(id);
    return problem === undefined
      ? `engine ${name} has not joined the cluster's networks yet`
      : `engine ${name} takes no part in cluster networks: ${problem}`;
  }

  #whyNotFormed(): string {
    const [problem] = this.status.problems.values();
    if (this.#parts.members.nodes.every(({ isHealthy }) => !isHealthy)) return 'no engine is healthy';
    return `cluster networks are not ready${problem ? `: ${problem}` : ' yet; try again in a few seconds'}`;
  }
}

function explain(kind: string, failure: unknown): string {
  const reason = reasonOf(failure);
  const isUnreachable = /Unavailable|no route|refused|i\/o timeout|Timeout was reached|deadline/i.test(reason);
  return `${kind} failed: ${reason}${isUnreachable ? `; ${PORTS_HINT}` : ''}`;
}
