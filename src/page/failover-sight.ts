import type { Services } from '../api/call.ts';
import type { FailoverAnswer } from '../api/routes/failover.ts';
import type { StandingSources } from './standing.ts';

/** How long the primary may take to tell, in milliseconds. */
const ASK_MS = 5_000;

/**
 * Which nodes are lost or in a drill, and what the brake holds. Only the primary knows; a replica asks it at each look, one question at a time, and shows
 * what it heard last. While there is no primary nothing is lost: nobody acts on it.
 */
export class FailoverSight {
  readonly #services: Pick<Services, 'failover' | 'drills' | 'toPrimary'>;
  #heard: FailoverAnswer | undefined;
  #isAsking = false;

  constructor(services: Pick<Services, 'failover' | 'drills' | 'toPrimary'>) {
    this.#services = services;
  }

  readonly failover: StandingSources['failover'] = {
    view: () => {
      const { toPrimary, failover } = this.#services;
      if (!toPrimary || toPrimary.isPrimary) this.#heard = undefined;
      // Never rejects.
      else void this.#ask(toPrimary);
      return this.#heard ?? failover.view();
    },
  };

  readonly drills: StandingSources['drills'] = {
    view: () => this.#heard?.drill ?? this.#services.drills.view(),
  };

  async #ask(toPrimary: NonNullable<Services['toPrimary']>): Promise<void> {
    if (this.#isAsking) return;
    this.#isAsking = true;
    const signal = AbortSignal.timeout(ASK_MS);
    try {
      let heard: FailoverAnswer | undefined;
      const path = '/enxame/v1/failover';
      await toPrimary.forward(
        async (primary) => {
          heard = await primary.json<FailoverAnswer>({ method: 'GET', path, signal, timeoutMs: ASK_MS });
        },
        'read',
        signal,
      );
      this.#heard = heard;
    } catch {
      this.#heard = undefined;
    } finally {
      this.#isAsking = false;
    }
  }
}
