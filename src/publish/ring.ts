import type { Target, Targets } from '../relay/target.ts';
import type { Claim } from './claim.ts';

export interface RingDeps {
  /** Whether a copy, by its engine's ID, is about to be stopped. */
  readonly isLeaving: (copyId: string) => boolean;
  /** The clock's elapsed time in milliseconds. */
  readonly nowMs: () => number;
}

/** Containers behind one port, which take turns. */
export class Ring implements Targets {
  readonly claims: Set<Claim> = new Set();
  readonly #deps: RingDeps;
  #order: readonly Claim[] = [];
  #turn = 0;

  constructor(deps: RingDeps) {
    this.#deps = deps;
  }

  join(claim: Claim): void {
    this.claims.add(claim);
    this.#order = [...this.claims];
  }

  leave(claim: Claim): void {
    this.claims.delete(claim);
    this.#order = [...this.claims];
  }

  next(tried: ReadonlySet<string>): Target | undefined {
    const { isLeaving } = this.#deps;
    const count = this.#order.length;
    let poor: number | undefined;
    for (let step = 0; step < count; step++) {
      const at = (this.#turn + step) % count;
      const claim = this.#order[at];
      if (!claim || tried.has(claim.target.id)) continue;
      const rank = claim.rank(isLeaving);
      if (rank === 'well') return this.#choose(at);
      if (rank === 'poorly') poor ??= at;
    }
    return poor === undefined ? this.#last(tried) : this.#choose(poor);
  }

  has(target: Target): boolean {
    const { isLeaving } = this.#deps;
    return this.#order.some(
      (claim) =>
        claim.target.id === target.id && claim.target.port === target.port && claim.rank(isLeaving) !== undefined,
    );
  }

  mayCome(): boolean {
    const nowMs = this.#deps.nowMs();
    return this.#order.some((claim) => claim.mayCome(nowMs));
  }

  hasOther(copyId: string): boolean {
    return this.#order.some((claim) => claim.target.id !== copyId && claim.rank(this.#deps.isLeaving) !== undefined);
  }

  #choose(at: number): Target | undefined {
    this.#turn = at + 1;
    return this.#order[at]?.target;
  }

  /** With no other one and none to come, a copy that is about to be stopped takes what comes until it is. */
  #last(tried: ReadonlySet<string>): Target | undefined {
    if (this.mayCome()) return undefined;
    return this.#order.find((claim) => !claim.isAway && !tried.has(claim.target.id))?.target;
  }
}
