import type { Clock } from '../common/clock.ts';
import { ClusterError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { Reconciler, type ReconcilerOptions } from './reconciler.ts';
import { StatusBoard, type StatusWish, type SubstrateStatus, unavailable } from './status-board.ts';
import { removeSwarmNode } from './swarm-api.ts';
import type { SubstrateMember, SubstrateMembers, SubstrateMemory, SubstrateMode } from './types.ts';

/** Options of {@link Substrate}; all have defaults. */
export interface SubstrateOptions extends ReconcilerOptions {
  readonly mode?: SubstrateMode;
}

/** What {@link Substrate} works with. */
export interface SubstrateParts {
  readonly members: SubstrateMembers;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly memory?: SubstrateMemory | undefined;
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
  readonly #stop = new AbortController();
  readonly #unsubscribe: () => void;
  #loop: Promise<void> | undefined;

  constructor({ members, clock, logger, memory }: SubstrateParts, options: SubstrateOptions = {}) {
    this.mode = options.mode ?? 'eager';
    this.#members = members;
    this.#board = new StatusBoard(clock, logger);
    this.#reconciler = new Reconciler({ members, clock, logger, memory, board: this.#board }, options);
    this.#unsubscribe = members.subscribe((event) => this.#reconciler.onEvent(event));
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
    this.#loop ??= this.#reconciler.run(this.#stop.signal);
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
    const nodeId = this.#reconciler.known?.nodes.find(({ memberId }) => memberId === member.id)?.nodeId;
    if (member.isHealthy || nodeId === undefined) return false;
    const manager = await this.manager(signal);
    await removeSwarmNode(manager.client, nodeId, signal);
    this.#reconciler.kick();
    return true;
  }

  /** The member behind a swarm node ID; undefined when it is none. */
  memberOf(nodeId: string): SubstrateMember | undefined {
    const memberId = this.#reconciler.known?.nodes.find((node) => node.nodeId === nodeId)?.memberId;
    return this.#members.nodes.find(({ id }) => id === memberId);
  }

  /** Stops looking after the substrate; the engines keep it. Idempotent. */
  async close(): Promise<void> {
    this.#unsubscribe();
    this.#stop.abort(new Error('the manager stops'));
    await this.#loop;
  }

  /** Waits for a status, looking again at once. */
  async #until(wish: StatusWish, signal: AbortSignal): Promise<void> {
    this.activate();
    if (wish.isReached(this.status)) return;
    this.#reconciler.kick();
    await this.#board.until(wish, signal, this.#stop.signal);
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
    if (this.#members.nodes.every(({ isHealthy }) => !isHealthy)) return 'no engine is healthy';
    return `cluster networks are not ready${problem ? `: ${problem}` : ' yet; try again in a few seconds'}`;
  }
}
