import pLimit from 'p-limit';
import type { Clock } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import { repairAttachments } from './attachments.ts';
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

  constructor(deps: RepairsDeps) {
    this.#logger = deps.logger;
    this.#revival = new Revival(deps);
    this.#kept = deps.kept;
  }

  /** The next round compares a member's attachments with the swarm's. */
  suspect(memberId: string): void {
    this.#suspects.add(memberId);
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
    const repairs = [...new Set([...this.#suspects, ...this.#revival.waiting, ...this.#kept.due])].map((memberId) =>
      limit(async () => {
        const member = members.get(memberId);
        const nodeId = active.get(memberId);
        if (!member) this.#suspects.delete(memberId);
        if (!member?.isHealthy || nodeId === undefined) return;
        if (this.#suspects.delete(memberId))
          await repairAttachments({ manager, member, nodeId, logger: this.#logger, signal });
        if (this.#kept.due.has(memberId)) await this.#kept.restore(manager, member, signal);
        await this.#revival.revive(member, signal);
      }),
    );
    await Promise.all(repairs);
  }
}
