import { sharedStop } from '../common/abort.ts';
import type { Clock } from '../common/clock.ts';
import { ClusterError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { Reconciler, type ReconcilerDeps, type ReconcilerOptions } from './reconciler.ts';
import { Releases } from './releases.ts';
import { StatusBoard, type StatusWish, type SubstrateStatus, unavailable } from './status-board.ts';
import type {
  EndpointMemory,
  MemberMesh,
  SubstrateMember,
  SubstrateMembers,
  SubstrateMemory,
  SubstrateMode,
} from './types.ts';

/** All have defaults. */
export interface SubstrateOptions extends ReconcilerOptions {
  readonly mode?: SubstrateMode;
}

export interface SubstrateDeps {
  readonly members: SubstrateMembers;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly mesh?: MemberMesh | undefined;
  readonly memory?: SubstrateMemory | undefined;
  readonly endpoints?: EndpointMemory | undefined;
  readonly isStopped?: ((engineId: string) => boolean) | undefined;
  readonly objection?: ReconcilerDeps['objection'];
}

/**
 * Docker's swarm mode under the cluster's engines, on which cluster networks stand: formed, extended and repaired by one
 * loop of observe, plan, execute. Clients never see it.
 */
export class Substrate {
  readonly mode: SubstrateMode;
  readonly #members: SubstrateMembers;
  readonly #board: StatusBoard;
  readonly #reconciler: Reconciler;
  readonly #releases: Releases;
  readonly #closed = sharedStop();
  readonly #unsubscribe: () => void;
  /** Whether this manager looks after the substrate. */
  #isOn = false;
  /** Whether cluster networks were needed: until then, lazy mode waits. */
  #isNeeded: boolean;
  #looking: Promise<boolean> | undefined;
  /** Resolves when the last run has ended. */
  #ending: Promise<void> = Promise.resolve();
  #loop: { readonly stop: AbortController; readonly ended: Promise<void> } | undefined;

  constructor(deps: SubstrateDeps, options: SubstrateOptions = {}) {
    const { members, clock, logger } = deps;
    this.mode = options.mode ?? 'eager';
    this.#members = members;
    this.#board = new StatusBoard(clock, logger);
    this.#reconciler = new Reconciler({ ...deps, board: this.#board }, options);
    const kick = (): void => this.#reconciler.kick();
    this.#releases = new Releases({ manager: (signal) => this.manager(signal), clock, kick });
    const ends = [members.subscribe((event) => this.#reconciler.onEvent(event)), deps.mesh?.subscribe(kick)];
    this.#unsubscribe = () => {
      for (const end of ends) end?.();
    };
    this.#isNeeded = this.mode === 'eager';
  }

  /** Begins to look after the substrate: at once in eager mode, else with the first need. Idempotent; may follow {@link stop}. */
  start(): void {
    this.#isOn = true;
    this.#run();
  }

  /**
   * Leaves the substrate alone; the engines keep it, and the status stays that of the last round, without its problems: what became of them
   * is not seen from here. Resolves when nothing of a round is under way any more. Idempotent.
   */
  async stop(): Promise<void> {
    this.#isOn = false;
    const loop = this.#loop;
    this.#loop = undefined;
    if (!loop) return;
    loop.stop.abort(new Error('the manager stops looking after cluster networks'));
    await loop.ended;
    this.#board.publish({ ...this.status, problems: new Map(), notices: [] });
  }

  get status(): SubstrateStatus {
    return this.#board.current;
  }

  /** Calls `listener` after every round that changed something, until the returned function is called. */
  subscribe(listener: (status: SubstrateStatus) => void): () => void {
    return this.#board.subscribe(listener);
  }

  /** Says that cluster networks are needed: lazy mode waits for that. Idempotent; a need from before {@link start} counts then. */
  activate(): void {
    this.#isNeeded = true;
    this.#run();
  }

  /** Why a member takes no part in cluster networks; undefined when it does or soon will. */
  problem(memberId: string): string | undefined {
    return this.status.problems.get(memberId);
  }

  /**
   * Resolves with a substrate manager as soon as there is one; forms the substrate if need be. Rejects with 503 and the
   * reason after `timeoutMs`, or at once when the engines are another cluster's.
   */
  async manager(signal: AbortSignal, timeoutMs: number = 30_000): Promise<SubstrateMember> {
    this.#assertOn();
    const isReached = ({ managers, guestOf }: SubstrateStatus): boolean => managers.length > 0 || guestOf !== undefined;
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
   * Ends the attachments of a member that is lost, so that networks and addresses can be freed of it: it is taken out of the swarm, made a
   * worker first when it managed. That fences nothing: cut off, its containers run on. It joins again when it returns, and what ran on is
   * attached again before it counts as taking part. May be called for many of its containers at once. Resolves with false when it is not
   * down, or no swarm node of ours. Rejects with 503, having changed nothing, when too few managers are left.
   */
  async release(member: SubstrateMember, signal: AbortSignal): Promise<boolean> {
    const nodeId = this.#reconciler.known?.nodes.find(({ memberId }) => memberId === member.id)?.nodeId;
    if (member.isHealthy || nodeId === undefined) return false;
    await this.#releases.run(nodeId, signal);
    return true;
  }

  /** Whether this manager, whatever its role, sees a manager of the substrate that has a leader. Asks those that are remembered. */
  seesLeader(signal: AbortSignal): Promise<boolean> {
    this.#looking ??= this.#reconciler.seesLeader(signal).finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  /** The member behind a swarm node ID; undefined when it is none. */
  memberOf(nodeId: string): SubstrateMember | undefined {
    const memberId = this.#reconciler.known?.nodes.find((node) => node.nodeId === nodeId)?.memberId;
    return this.#members.nodes.find(({ id }) => id === memberId);
  }

  /** Stops for good, and rejects every wait for the substrate. Idempotent. */
  async close(): Promise<void> {
    this.#unsubscribe();
    this.#closed.abort(new Error('the manager stops'));
    this.#releases.close();
    await this.stop();
  }

  #run(): void {
    if (!this.#isOn || !this.#isNeeded || this.mode === 'off' || this.#loop || this.#closed.signal.aborted) return;
    const stop = sharedStop();
    // A round of an earlier run may still be ending.
    const ended = this.#ending.then(() => this.#reconciler.run(stop.signal));
    this.#loop = { stop, ended };
    this.#ending = ended;
  }

  /** Waits for a status, looking again at once. */
  async #until(wish: StatusWish, signal: AbortSignal): Promise<void> {
    this.activate();
    if (wish.isReached(this.status)) return;
    this.#reconciler.kick();
    await this.#board.until(wish, signal, this.#closed.signal);
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
    const { guestOf } = this.status;
    if (!this.#isOn) return 'this manager does not look after cluster networks at present';
    if (guestOf !== undefined)
      return `the engines belong to cluster ${guestOf}, whose networks this manager leaves alone; to manage that cluster, start the manager with --cluster ${guestOf}`;
    const [problem] = this.status.problems.values();
    if (this.#members.nodes.every(({ isHealthy }) => !isHealthy)) return 'no engine is healthy';
    return `cluster networks are not ready${problem ? `: ${problem}` : ' yet; try again in a few seconds'}`;
  }
}
