import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../common/clock.ts';

/** Somebody who logged in. */
export interface Session {
  /** Whether it may change anything. */
  readonly actions: boolean;
  /** When it ends at the latest, in milliseconds since the epoch. */
  readonly endsMs: number;
}

/** What a browser gets at its login; the manager keeps digests alone. */
export interface Credentials {
  /** Goes into a cookie that scripts cannot read. */
  readonly cookie: string;
  /** Is sent by scripts with each call. */
  readonly token: string;
  readonly session: Session;
}

interface Kept extends Session {
  readonly token: Buffer;
  lastMs: number;
}

interface Link {
  readonly actions: boolean;
  readonly untilMs: number;
}

/** Links that were made and not used yet; of more the oldest are void. */
const MAX_LINKS = 32;
const MAX_SESSIONS = 128;
export const LINK_MS = 120_000;
/** A session ends after so long without a call or a stream, and after so long in any case. */
const IDLE_MS = 2 * 3_600_000;
const LONGEST_MS = 24 * 3_600_000;

/** Who is logged in, in memory alone: a manager that starts anew knows nobody. */
export class Sessions {
  readonly #clock: Clock;
  /** By the digests of their secrets: nothing here is compared with what was sent, and nothing here lets anybody in. */
  readonly #links = new Map<string, Link>();
  readonly #sessions = new Map<string, Kept>();
  #onEnd: (session: Session) => void = () => undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Sets who is told of a session that ended. */
  set onEnd(listener: (session: Session) => void) {
    this.#onEnd = listener;
  }

  /** A secret that is good for one login, for {@link LINK_MS}. */
  makeLink(actions: boolean): string {
    const now = this.#clock.now();
    for (const [digest, { untilMs }] of this.#links) if (untilMs <= now) this.#links.delete(digest);
    const secret = newSecret();
    this.#links.set(digestOf(secret), { actions, untilMs: now + LINK_MS });
    dropOldest(this.#links, MAX_LINKS);
    return secret;
  }

  /** Logs in with a link, which is used up; undefined for one that is not known, too old, or was used. */
  login(secret: string): Credentials | undefined {
    const digest = digestOf(secret);
    const link = this.#links.get(digest);
    const now = this.#clock.now();
    this.#links.delete(digest);
    if (!link || link.untilMs <= now) return undefined;
    this.#sweep(now);
    const [cookie, token] = [newSecret(), newSecret()];
    const session: Kept = {
      actions: link.actions,
      endsMs: now + LONGEST_MS,
      token: Buffer.from(digestOf(token)),
      lastMs: now,
    };
    this.#sessions.set(digestOf(cookie), session);
    for (const oldest of dropOldest(this.#sessions, MAX_SESSIONS)) this.#onEnd(oldest);
    return { cookie, token, session };
  }

  /** The session of a cookie and the token that belongs to it; undefined for anything else. */
  find(cookie: string, token: string): Session | undefined {
    const digest = digestOf(cookie);
    const session = this.#sessions.get(digest);
    const now = this.#clock.now();
    if (!session || !timingSafeEqual(session.token, Buffer.from(digestOf(token)))) return undefined;
    if (hasEnded(session, now)) {
      this.#sessions.delete(digest);
      this.#onEnd(session);
      return undefined;
    }
    session.lastMs = now;
    return session;
  }

  /** Notes that a session is in use without a call: its page is open. */
  touch(session: Session): void {
    (session as Kept).lastMs = this.#clock.now();
  }

  end(session: Session): void {
    for (const [digest, each] of this.#sessions) if (each === session) this.#sessions.delete(digest);
    this.#onEnd(session);
  }

  /** Ends those whose time is over. */
  sweep(): void {
    this.#sweep(this.#clock.now());
  }

  #sweep(now: number): void {
    for (const [digest, session] of this.#sessions) {
      if (!hasEnded(session, now)) continue;
      this.#sessions.delete(digest);
      this.#onEnd(session);
    }
  }
}

function hasEnded({ endsMs, lastMs }: Kept, now: number): boolean {
  return now >= endsMs || now - lastMs >= IDLE_MS;
}

/** 256 bits. */
function newSecret(): string {
  return randomBytes(32).toString('base64url');
}

function digestOf(secret: string): string {
  return createHash('sha256').update(secret).digest('hex');
}

function dropOldest<T>(map: Map<string, T>, most: number): readonly T[] {
  const dropped: T[] = [];
  for (const [key, value] of map) {
    if (map.size <= most) break;
    map.delete(key);
    dropped.push(value);
  }
  return dropped;
}
