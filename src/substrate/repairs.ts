import pLimit from 'p-limit';
import type { Clock } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import { detachRunning, repairAttachments } from './attachments.ts';
import type { KeptEndpoints } from './kept-endpoints.ts';
import { Revival } from './revival.ts';
import type { Plan, SubstrateMember } from './types.ts';

export interface RepairsDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether a client stopped a container, by the engine's ID, that did not run: it is not started again. */
  readonly isStopped: (engineId: string) => boolean;
  readonly kept: KeptEndpoints;
}

const AT_ONCE = 16;

/** Mends attachments that the swarm lost while their containers ran on, and starts containers that found no network. */
export class Repairs {
  readonly #logger: Logger;
  readonly #revival: Revival;
  readonly #kept: KeptEndpoints;
  /** Members whose containers' attachments are to be compared with the swarm's, because either may have lost some. */
  readonly #suspects = new Set<string>();
  /** Members whose gossip began anew with nothing of what runs there. */
  readonly #cut = new Set<string>();

  constructor(deps: RepairsDeps) {
    this.#logger = deps.logger;
    this.#revival = new Revival(deps);
    this.#kept = deps.kept;
  }

  /** The next round compares a member's attachments with the swarm's. */
  suspect(memberId: string): void {
    this.#suspects.add(memberId);
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
    const due = [this.#revival.nextMs(), this.#kept.nextMs()].flatMap((each) => each ?? []);
    return due.length === 0 ? undefined : Math.min(...due);
  }

  /** Repairs members that need it, by way of a manager of the swarm. */
  async run(
    manager: SubstrateMember,
    { active }: Plan,
    members: ReadonlyMap<string, SubstrateMember>,
    signal: AbortSignal,
  ): Promise<void> {
    const limit = pLimit(AT_ONCE);
    const repairs = [...this.#memberIds()].map((memberId) =>
      limit(async () => {
        const member = members.get(memberId);
        const nodeId = active.get(memberId);
        if (!member) this.#suspects.delete(memberId);
        if (!member) this.#cut.delete(memberId);
        if (!member?.isHealthy || nodeId === undefined) return;
        if (this.#cut.has(memberId)) await this.#detach(member, signal);
        if (this.#suspects.delete(memberId))
          await repairAttachments({ manager, member, nodeId, logger: this.#logger, signal });
        if (this.#kept.due.has(memberId)) await this.#kept.restore(manager, member, signal);
        await this.#revival.revive(member, signal);
      }),
    );
    await Promise.all(repairs);
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
