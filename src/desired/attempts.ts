import { randomUUID } from 'node:crypto';
import { BoundedSet } from '../common/bounded-set.ts';
import type { RecordStore } from '../kv/record-store.ts';

/** What an attempt's label says: whose container it is, and for which copy of a record it was made. */
export interface AttemptMark {
  readonly cluster: string;
  readonly incarnation: string;
  readonly attempt: string;
}

const KEY = 'incarnation';
/** Creates whose end is not known are few, and resolved in a moment. */
const MAX_GIVEN_UP = 4_096;
/** So are marks that no record knows, of containers that stay. */
const MAX_ADMITTED = 4_096;

/**
 * Marks of the copies that this state asks engines for. A state has an incarnation of its own, from its first opening on: a restored or a
 * new one begins another, so that it never takes containers for leftovers which another state knows.
 */
export class Attempts {
  readonly cluster: string;
  readonly incarnation: string;
  readonly #underWay = new Set<string>();
  readonly #givenUp = new BoundedSet<string>(MAX_GIVEN_UP);
  readonly #admitted = new BoundedSet<string>(MAX_ADMITTED);
  /** This manager resolves what interrupted creates left. Another one hears of a create's end a little later, or never while the store is down. */
  areResolvedHere = false;

  constructor(cluster: string, incarnation: string = random()) {
    this.cluster = cluster;
    this.incarnation = incarnation;
  }

  /** Those of a state; `cluster` is the cluster's lasting ID. */
  static async open(records: RecordStore, cluster: string): Promise<Attempts> {
    const found = await records.get(KEY);
    if (found) return new Attempts(cluster, found.value);
    const attempts = new Attempts(cluster);
    try {
      await records.write([{ key: KEY, value: attempts.incarnation, expected: 'absent' }]);
      return attempts;
    } catch (error) {
      // Of managers that start at once one was faster.
      const theirs = await records.get(KEY);
      if (!theirs) throw error;
      return new Attempts(cluster, theirs.value);
    }
  }

  /** A new attempt: 32 hexadecimal digits. */
  next(): string {
    return random();
  }

  /** This process carries it out from now on. */
  begin(attempt: string): void {
    this.#underWay.add(attempt);
  }

  end(attempt: string): void {
    this.#underWay.delete(attempt);
  }

  /** Whether a create or a move of this process has an attempt under way: what engines show of it is not to be judged yet. */
  isUnderWay(attempt: string): boolean {
    return this.#underWay.has(attempt);
  }

  /** Its client was told that nothing was made; whether that is so nobody knows. */
  giveUp(attempt: string): void {
    this.#givenUp.add(attempt);
  }

  /** Something is there that no record knows, and stays. */
  admit(attempt: string): void {
    this.#givenUp.delete(attempt);
    this.#admitted.add(attempt);
  }

  isAdmitted(attempt: string): boolean {
    return this.#admitted.has(attempt);
  }

  isGivenUp(attempt: string): boolean {
    return this.#givenUp.has(attempt);
  }

  /** The label of a container that is made for an attempt. */
  labelOf(attempt: string): string {
    return `${this.cluster}/${this.incarnation}/${attempt}`;
  }

  /** Whether a container was made for this state's records. */
  isOurs({ cluster, incarnation }: AttemptMark): boolean {
    return cluster === this.cluster && incarnation === this.incarnation;
  }
}

/** What a label says; undefined for one that no manager wrote. */
export function readAttempt(label: string | undefined): AttemptMark | undefined {
  const [cluster, incarnation, attempt, ...more] = label?.split('/') ?? [];
  if (!cluster || !incarnation || attempt === undefined || more.length > 0) return undefined;
  return /^[0-9a-f]{32}$/.test(attempt) ? { cluster, incarnation, attempt } : undefined;
}

/** From Node's pool: `randomBytes` asks the system each time, some 25 µs; it has to be unique, not secret. */
function random(): string {
  return randomUUID().replaceAll('-', '');
}
