import type { RateLimit } from './limits.ts';

const MAX_BUCKETS = 20_000;

interface Bucket {
  level: number;
  at: number;
}

/** Token buckets, one per client. Bounded: with too many clients the one unseen longest starts afresh. */
export class RateLimiter {
  readonly #limit: RateLimit;
  readonly #now: () => number;
  // Oldest use first: a bucket moves to the end whenever it is used.
  readonly #buckets = new Map<string, Bucket>();

  constructor(limit: RateLimit, now: () => number) {
    this.#limit = limit;
    this.#now = now;
  }

  /** Takes one permission of `client`: 0 when granted, else the whole seconds until the next one. */
  take(client: string): number {
    const bucket = this.#refilled(client);
    if (bucket.level >= 1) {
      bucket.level -= 1;
      return 0;
    }
    return Math.max(1, Math.ceil((1 - bucket.level) / this.#limit.perSecond));
  }

  #refilled(client: string): Bucket {
    const { burst, perSecond } = this.#limit;
    const now = this.#now();
    const bucket = this.#buckets.get(client) ?? { level: burst, at: now };
    const seconds = Math.max(0, now - bucket.at) / 1000;
    bucket.level = Math.min(burst, bucket.level + seconds * perSecond);
    bucket.at = now;
    this.#buckets.delete(client);
    this.#buckets.set(client, bucket);
    if (this.#buckets.size > MAX_BUCKETS) this.#forgetOldest();
    return bucket;
  }

  #forgetOldest(): void {
    const [oldest] = this.#buckets.keys();
    if (oldest !== undefined) this.#buckets.delete(oldest);
  }
}

/** What counts as one client: an IPv4 address, or an IPv6 network of 64 bits, since one host has all of that. */
export function clientOf(remoteAddress: string | undefined): string {
  if (remoteAddress === undefined) return 'local';
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(remoteAddress);
  if (mapped?.[1] !== undefined) return mapped[1];
  if (!remoteAddress.includes(':')) return remoteAddress;
  return ipv6Network(remoteAddress.replace(/%.*$/, ''));
}

function ipv6Network(address: string): string {
  const [head = '', tail] = address.split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const missing = tail === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array.from({ length: Math.max(0, missing) }, () => '0'), ...after];
  return `${groups.slice(0, 4).join(':')}::/64`;
}
