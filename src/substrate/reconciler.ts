import { randomBytes } from 'node:crypto';
import { backoffMs, jitterMs } from '../common/backoff.ts';
import type { Clock } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import { Rest } from '../common/rest.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import { DEFAULT_SPREAD_BY } from '../scheduler/spread-by.ts';
import { Executor, type StepResult } from './executor.ts';
import { KeptEndpoints } from './kept-endpoints.ts';
import { seesLeader } from './leader-sight.ts';
import { type MemberSetbacks, Observer } from './observer.ts';
import { planSubstrate } from './plan.ts';
import { failureOfStep } from './problems.ts';
import { rememberedNodes } from './remembered-nodes.ts';
import { Repairs } from './repairs.ts';
import { RoundReport } from './round-report.ts';
import { Setbacks } from './setbacks.ts';
import type { StatusBoard } from './status-board.ts';
import type {
  ClusterIdentity,
  EndpointMemory,
  Graces,
  KnownSubstrate,
  MemberEvent,
  MemberMesh,
  Observation,
  Plan,
  Step,
  SubstrateMember,
  SubstrateMembers,
  SubstrateMemory,
  SubstrateWish,
} from './types.ts';

/** All have defaults. */
export interface ReconcilerOptions {
  /**
   * What tells this cluster's substrate from others'. Without it the substrate is known as this cluster's only while this
   * process lives.
   */
  readonly identity?: ClusterIdentity | undefined;
  readonly adoptSwarm?: boolean;
  /** Labels that name failure domains, the widest first; managers are spread over them. */
  readonly spreadBy?: readonly string[] | undefined;
  /** CIDR that cluster networks take their subnets from. */
  readonly pool?: string | undefined;
  readonly graces?: Partial<Graces>;
  /** Milliseconds between rounds while nothing changes. */
  readonly idleMs?: number;
}

export interface ReconcilerDeps {
  readonly members: SubstrateMembers;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Where members reach each other if not by their own addresses. */
  readonly mesh?: MemberMesh | undefined;
  readonly memory?: SubstrateMemory | undefined;
  readonly endpoints?: EndpointMemory | undefined;
  /** Whether a client stopped a container, by the engine's ID, that did not run: it is not started again. */
  readonly isStopped?: ((engineId: string) => boolean) | undefined;
  /** Why no new quorum may be made from one survivor now, in words. Asked right before one is made; default: it may. */
  readonly objection?: ((signal: AbortSignal) => Promise<string | undefined>) | undefined;
  /** Where every round's outcome is published. */
  readonly board: StatusBoard;
}

const DEFAULT_GRACES: Graces = {
  quorumMs: 15_000,
  electionMs: 90_000,
  managerMs: 30_000,
  promotionMs: 30_000,
  strayMs: 60_000,
  joinMs: 60_000,
  orphanMs: 600_000,
  // Engines look for lost ones and tell each other all they know every 30 s.
  bridgeMs: 15_000,
  deafMs: 90_000,
};
const JOIN_BACKOFF = { baseMs: 5_000, maxMs: 600_000 } as const;
const MANAGER_BACKOFF = { baseMs: 120_000, maxMs: 3_600_000 } as const;
/**
 * How long no manager is asked after most of them went unhealthy, some seven seconds after they were lost: it takes one up to 20 s to notice that the
 * leader is gone, and some ten more to say so at once.
 */
const QUIET_MS = 24_000;
const PENDING_MS = 500;
/** How long an objection stands before it is asked for again. */
const OBJECTION_MS = 3_000;
const IDLE_MS = 15_000;
const BACKOFF = { baseMs: 1_000, maxMs: 60_000 } as const;

/**
 * The loop that forms, extends and repairs the substrate: observe, plan, execute, and again when something changed or some
 * time has passed.
 */
export class Reconciler {
  readonly #deps: ReconcilerDeps;
  readonly #options: ReconcilerOptions;
  readonly #graces: Graces;
  readonly #identity: ClusterIdentity;
  readonly #spreadBy: readonly string[];
  readonly #setbacks: MemberSetbacks;
  readonly #observer: Observer;
  readonly #executor: Executor;
  readonly #repairs: Repairs;
  readonly #kept: KeptEndpoints;
  readonly #report: RoundReport;
  #known: KnownSubstrate | undefined;
  /** Whether what is remembered was read in this run. */
  #hasLoaded = false;
  /** Swarm node IDs of the managers of the last round. */
  #managerIds: ReadonlySet<string> = new Set();
  #objected: string | undefined;
  #objectedMs = 0;
  #failedRounds = 0;
  readonly #rest: Rest;

  constructor(deps: ReconcilerDeps, options: ReconcilerOptions) {
    this.#deps = deps;
    this.#rest = new Rest(deps.clock);
    this.#options = options;
    this.#graces = { ...DEFAULT_GRACES, ...options.graces };
    this.#identity = options.identity ?? nameless();
    this.#spreadBy = options.spreadBy ?? DEFAULT_SPREAD_BY;
    this.#setbacks = {
      joins: new Setbacks(deps.clock, JOIN_BACKOFF),
      managers: new Setbacks(deps.clock, MANAGER_BACKOFF),
    };
    this.#observer = new Observer(
      { setbacks: this.#setbacks, clock: deps.clock, mesh: deps.mesh },
      { identity: this.#identity, spreadBy: this.#spreadBy, quietMs: QUIET_MS },
    );
    this.#kept = new KeptEndpoints({ ...deps, memory: deps.endpoints });
    this.#report = new RoundReport({ ...deps, joins: this.#setbacks.joins, kept: this.#kept });
    const onLeaving = (member: SubstrateMember, signal: AbortSignal): Promise<void> => this.#kept.note(member, signal);
    this.#executor = new Executor({ ...deps, onLeaving }, { mark: this.#identity.id, pool: options.pool });
    this.#repairs = new Repairs({ ...deps, kept: this.#kept, isStopped: deps.isStopped ?? (() => false) });
  }

  /** Goes round until aborted. One run at a time; each begins with what is remembered then, which another manager may have written. */
  async run(signal: AbortSignal): Promise<void> {
    this.#hasLoaded = false;
    while (!signal.aborted) {
      let delayMs: number = BACKOFF.baseMs;
      try {
        delayMs = await this.#round(signal);
      } catch (error) {
        if (signal.aborted) return;
        this.#failedRounds += 1;
        delayMs = backoffMs(this.#failedRounds, BACKOFF);
        this.#deps.logger.warn({ err: error }, 'substrate: round failed');
      }
      await this.#rest.over(delayMs, signal);
    }
  }

  /** What is remembered of the substrate; undefined before the first round. */
  get known(): KnownSubstrate | undefined {
    return this.#known;
  }

  /** Whether a manager that is remembered has a leader; reads what is remembered anew, which another manager may have written. */
  async seesLeader(signal: AbortSignal): Promise<boolean> {
    const known = (await this.#deps.memory?.load()) ?? this.#known;
    return seesLeader(this.#deps.members.nodes, known, this.#identity.marks, signal);
  }

  /** Lets the next round begin at once. */
  kick(): void {
    this.#rest.wake();
  }

  /** Takes what happened to a member. */
  onEvent({ kind, node, event }: MemberEvent): void {
    if (kind.startsWith('node-')) {
      this.#observer.forget(node.id);
      this.#repairs.suspect(node.id);
      this.#setbacks.joins.wake(node.id);
    } else if (kind !== 'engine-event' || event?.Type !== 'node') {
      return;
    }
    this.kick();
  }

  /** One round; resolves with how long to wait for the next unless woken. */
  async #round(signal: AbortSignal): Promise<number> {
    this.#rest.begin();
    const known = await this.#load();
    const { nodes } = this.#deps.members;
    const observed = await this.#observer.observe(nodes, known, signal);
    const { observation, plan } = await this.#planned(observed, signal);
    await this.#remember(plan);
    this.#wakeJoins(plan);
    this.#report.plan(plan);
    const members = new Map(nodes.map((node) => [node.id, node]));
    const results = await this.#executor.run({ plan, observation, members, signal });
    this.#take(results);
    const [manager] = this.#deps.board.current.managers;
    if (results.length === 0 && manager) {
      await this.#repairs.run(manager, plan, members, signal);
      this.#report.active(plan);
    }
    return this.#delayAfter(plan, results);
  }

  /** A new quorum is planned only when nothing speaks against it at this moment. */
  async #planned(observation: Observation, signal: AbortSignal): Promise<{ observation: Observation; plan: Plan }> {
    const wish: SubstrateWish = {
      identity: this.#identity,
      adoptSwarm: this.#options.adoptSwarm ?? false,
      spreadBy: this.#spreadBy,
      graces: this.#graces,
    };
    const plan = planSubstrate(observation, wish);
    if (!plan.steps.some(({ kind }) => kind === 'force-new-cluster')) return { observation, plan };
    const objected = { ...observation, objection: await this.#objection(signal) };
    return { observation: objected, plan: planSubstrate(objected, wish) };
  }

  async #objection(signal: AbortSignal): Promise<string | undefined> {
    const { clock, objection } = this.#deps;
    const isFresh = clock.elapsed() - this.#objectedMs < OBJECTION_MS;
    if (this.#objected !== undefined && isFresh) return this.#objected;
    this.#objected = await objection?.(signal);
    this.#objectedMs = clock.elapsed();
    signal.throwIfAborted();
    return this.#objected;
  }

  async #load(): Promise<KnownSubstrate> {
    const loaded = this.#hasLoaded ? undefined : await this.#deps.memory?.load();
    if (!this.#hasLoaded) await this.#kept.load();
    this.#hasLoaded = true;
    this.#known = loaded ?? this.#known ?? { swarmId: undefined, nodes: [] };
    return this.#known;
  }

  #delayAfter(plan: Plan, results: readonly StepResult[]): number {
    // A join that failed rests by itself and holds up no other engine.
    const hasFailed = results.some(({ step, failure }) => failure !== undefined && step.kind !== 'join');
    this.#failedRounds = hasFailed ? this.#failedRounds + 1 : 0;
    if (hasFailed) return backoffMs(this.#failedRounds, BACKOFF);
    if (results.some(({ failure }) => failure === undefined)) return 0;
    if (plan.isPending) return PENDING_MS;
    const idleMs = jitterMs(this.#options.idleMs ?? IDLE_MS, 0.1);
    // Without a manager nothing is repaired.
    const repairsMs = this.#deps.board.current.managers.length > 0 ? this.#repairs.nextMs() : undefined;
    return Math.min(idleMs, this.#setbacks.joins.nextMs() ?? idleMs, repairsMs ?? idleMs);
  }

  #take(results: readonly StepResult[]): void {
    for (const { step, failure } of results) {
      if (step.kind === 'set-role' && failure === undefined) this.#letRest(step);
      if (!('memberId' in step)) continue;
      this.#observer.forget(step.memberId);
      this.#repairs.suspect(step.memberId);
      // One that failed without an answer may be carried out all the same.
      if (step.kind === 'force-new-cluster' && !(failure instanceof EngineAnswerError))
        this.#repairs.cut(step.memberId);
      if (failure !== undefined) this.#setbacks.joins.add(step.memberId, failureOfStep(step.kind, failure));
    }
    this.#report.failures();
  }

  /** Who failed as a manager, or managed for a moment's sake, does not manage for a while. */
  #letRest({ failedId, bridgeId }: Extract<Step, { kind: 'set-role' }>): void {
    if (failedId !== undefined) this.#setbacks.managers.add(failedId, 'it did not become a manager');
    if (bridgeId !== undefined) this.#setbacks.managers.add(bridgeId, 'it managed for a moment');
  }

  /** Another manager is another way in. */
  #wakeJoins({ swarm }: Plan): void {
    const reachable = (swarm?.nodes ?? []).filter(({ reachability }) => reachability === 'reachable');
    const managerIds = new Set(reachable.map(({ nodeId }) => nodeId));
    if ([...managerIds].some((nodeId) => !this.#managerIds.has(nodeId))) this.#setbacks.joins.wake();
    this.#managerIds = managerIds;
  }

  async #remember(plan: Plan): Promise<void> {
    if (!plan.swarm) return;
    const known = { swarmId: plan.swarm.swarmId, nodes: rememberedNodes(plan, plan.swarm, this.#known?.nodes ?? []) };
    if (JSON.stringify(known) === JSON.stringify(this.#known)) return;
    this.#known = known;
    await this.#deps.memory?.save(known);
  }
}

/** An identity for the life of this process. */
function nameless(): ClusterIdentity {
  const id = randomBytes(8).toString('hex');
  return { id, marks: new Set([id]) };
}
