import pLimit from 'p-limit';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { detachLost, detachRunning, type RepairRequest } from './attachments.ts';
import type { KeptEndpoints } from './kept-endpoints.ts';
import { Revival } from './revival.ts';
import { Setbacks } from './setbacks.ts';
import type { Plan, SubstrateMember } from './types.ts';

export interface RepairsDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether a client stopped a container, by the engine's ID, that did not run: it is not started again. */
  readonly isStopped: (engineId: string) => boolean;
  readonly kept: KeptEndpoints;
}

const AT_ONCE = 16;
const BACKOFF = { baseMs: 1_000, maxMs: 60_000 } as const;

/** Mends attachments that the swarm lost while their containers ran on, and starts containers that found no network. */
export class Repairs {
  readonly #logger: Logger;
  readonly #revival: Revival;
  readonly #kept: KeptEndpoints;
  /** Members whose containers' attachments are to be compared with the swarm's, because either may have lost some. */
  readonly #suspects = new Set<string>();
  /** Members whose gossip began anew with nothing of what runs there. */
  readonly #cut = new Set<string>();
  readonly #setbacks: Setbacks;
  /** Members that took no part in the last run: something becomes of them before they are tried again. */
  #absent: ReadonlySet<string> = new Set();

  constructor(deps: RepairsDeps) {
    this.#logger = deps.logger;
    this.#revival = new Revival(deps);
    this.#kept = deps.kept;
    this.#setbacks = new Setbacks(deps.clock, BACKOFF);
  }

  /** The next round compares a member's attachments with the swarm's. */
  suspect(memberId: string): void {
    this.#suspects.add(memberId);
    this.#setbacks.wake(memberId);
  }

  /**
   * The next round in which a member takes part connects all its running containers anew: a survivor that made a new quorum forgets
   * in its gossip where they are, whether or not the swarm still holds their attachments.
   */
  cut(memberId: string): void {
    this.#cut.add(memberId);
  }

  /** Milliseconds until containers are tried again; undefined when none waits. */
  nextMs(): number | undefined {
    const absent = new Set([...this.#absent, ...this.#setbacks.resting().keys()]);
    const all = [this.#revival.nextMs(absent), this.#kept.nextMs(absent), this.#setbacks.nextMs()];
    const due = all.flatMap((each) => each ?? []);
    return due.length === 0 ? undefined : Math.min(...due);
  }

  /** Repairs members that need it, by way of a manager of the swarm; those where it fails after a rest again. Rejects only when aborted. */
  async run(
    manager: SubstrateMember,
    { active }: Plan,
    members: ReadonlyMap<string, SubstrateMember>,
    signal: AbortSignal,
  ): Promise<void> {
    const limit = pLimit(AT_ONCE);
    const resting = this.#setbacks.resting();
    const absent = new Set<string>();
    this.#absent = absent;
    const repairs = [...this.#memberIds()].map((memberId) =>
      limit(async () => {
        const member = members.get(memberId);
        const nodeId = active.get(memberId);
        if (!member) this.#forget(memberId);
        if (!member?.isHealthy || nodeId === undefined) return void absent.add(memberId);
        if (resting.has(memberId)) return;
        try {
          await this.#repair({ manager, member, nodeId, signal });
          this.#setbacks.clear(memberId);
        } catch (error) {
          if (signal.aborted) return;
          const reason = reasonOf(error);
          this.#setbacks.add(memberId, reason);
          this.#logger.warn({ engine: member.name, reason }, 'substrate: an engine’s attachments are repaired later');
        }
      }),
    );
    await Promise.all(repairs);
    signal.throwIfAborted();
  }

  async #repair(request: RepairRequest): Promise<void> {
    const { manager, member, signal } = request;
    const { id } = member;
    if (this.#cut.has(id)) await this.#detach(member, signal);
    const compared = await this.#compare(request);
    if (this.#kept.due.has(id)) await this.#kept.restore(manager, member, signal);
    await this.#revival.revive(member, signal);
    if (compared.error !== undefined) throw compared.error;
  }

  /**
   * Lets go of what the swarm does not hold; it is noted first, and connected again as what {@link KeptEndpoints} has. What goes wrong here
   * keeps nothing else of the member waiting.
   */
  async #compare(request: RepairRequest): Promise<{ readonly error?: unknown }> {
    const { member, signal } = request;
    const { id } = member;
    if (!this.#suspects.delete(id)) return {};
    try {
      await detachLost(request, () => this.#kept.note(member, signal));
      return {};
    } catch (error) {
      this.#suspects.add(id);
      return { error };
    }
  }

  #forget(memberId: string): void {
    this.#suspects.delete(memberId);
    this.#cut.delete(memberId);
    this.#setbacks.clear(memberId);
  }

  #memberIds(): ReadonlySet<string> {
    return new Set([...this.#cut, ...this.#suspects, ...this.#revival.waiting, ...this.#kept.due]);
  }

  /** Notes durably what is connected first: then it is connected again, whatever happens. */
  async #detach(member: SubstrateMember, signal: AbortSignal): Promise<void> {
    await this.#kept.note(member, signal);
    await detachRunning(member, signal);
    this.#cut.delete(member.id);
  }
}
