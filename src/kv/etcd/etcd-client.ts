import { z } from 'zod';
import { HttpServers, type StoreAnswer, type StoreCall, saying, type Verdict } from '../http-servers.ts';
import { storeError } from '../shared/store-errors.ts';
import type { StoreAddress, StoreKind } from '../store-address.ts';

/** Of the JSON gateway (etcd 3.4 and newer: `/v3/…`); keys and values are base64, 64-bit numbers are texts. */
export const ETCD: StoreKind = { scheme: 'etcd', defaultPort: 2379, credentials: 'user' };

const Count = z.coerce.number();
const Header = z.object({ revision: Count });
const Pair = z.object({
  key: z.string(),
  value: z.string().default(''),
  mod_revision: Count,
  lease: z.string().optional(),
});
const Range = z.object({ header: Header, kvs: z.array(Pair).default([]), more: z.boolean().default(false) });
const Txn = z.object({
  header: Header,
  succeeded: z.boolean().default(false),
  responses: z.array(z.object({ response_range: z.object({ kvs: z.array(Pair).default([]) }).optional() })).default([]),
});
const Grant = z.object({ ID: z.string(), TTL: Count });
const KeepAlive = z.object({ result: z.object({ TTL: Count.default(0) }).optional() });
const Failure = z.object({ code: z.number().optional(), message: z.string().optional() });
/** A stream's error is an object, a call's a text. */
const AnyFailure = z.union([Failure, z.object({ error: Failure }).transform(({ error }) => error)]);
const Watched = z.object({
  result: z
    .object({
      created: z.boolean().optional(),
      canceled: z.boolean().optional(),
      events: z.array(z.unknown()).optional(),
    })
    .optional(),
});

export interface EtcdPair {
  readonly key: string;
  readonly value: string;
  readonly revision: number;
  /** The lease it ends with; undefined for none. */
  readonly lease: string | undefined;
}

export interface EtcdCompare {
  readonly key: string;
  /** 0 for a key that is not there. */
  readonly revision: number;
}

export type EtcdOperation =
  | { readonly put: string; readonly value: string; readonly lease?: string | undefined }
  | { readonly get: string }
  | { readonly remove: string };

/** The calls of etcd that we make. They reject with the errors of `store-errors.ts`. */
export class EtcdClient {
  readonly #servers: HttpServers;
  readonly #address: StoreAddress;
  #token: string | undefined;

  constructor(address: StoreAddress) {
    this.#address = address;
    this.#servers = new HttpServers('etcd', address, judge);
  }

  /** The pairs from `key` up to `end` (exclusive), at most `limit`, as of `revision` (now, if absent) and the revision they are as of. */
  async range(
    { key, end, limit, revision }: { key: string; end?: string; limit?: number; revision?: number },
    signal?: AbortSignal,
  ): Promise<{ readonly pairs: readonly EtcdPair[]; readonly more: boolean; readonly revision: number }> {
    const body = {
      key: encoded(key),
      ...(end === undefined ? {} : { range_end: encoded(end) }),
      ...(limit === undefined ? {} : { limit: String(limit) }),
      ...(revision === undefined ? {} : { revision: String(revision) }),
    };
    const answer = await this.#call(Range, '/v3/kv/range', body, { isRepeatable: true, signal });
    return { pairs: answer.kvs.map(toPair), more: answer.more, revision: answer.header.revision };
  }

  /** All operations if all keys are as compared, else none. `ranges` holds the pairs of each `get`, by its place. */
  async txn(
    compares: readonly EtcdCompare[],
    operations: readonly EtcdOperation[],
    options: { readonly isRepeatable: boolean; readonly signal?: AbortSignal },
  ): Promise<{
    readonly succeeded: boolean;
    readonly revision: number;
    readonly pairs: readonly (EtcdPair | undefined)[];
  }> {
    const compare = compares.map(({ key, revision }) => ({
      ...{ key: encoded(key), target: 'MOD', result: 'EQUAL', mod_revision: String(revision) },
    }));
    const body = { compare, success: operations.map(toRequest) };
    const answer = await this.#call(Txn, '/v3/kv/txn', body, options);
    const pairs = answer.responses.map(({ response_range: range }) => range?.kvs[0] && toPair(range.kvs[0]));
    return { succeeded: answer.succeeded, revision: answer.header.revision, pairs };
  }

  /** A new lease; etcd may give it a longer life than asked. */
  async grant(ttlSeconds: number, signal?: AbortSignal): Promise<{ readonly id: string; readonly ttlSeconds: number }> {
    const answer = await this.#call(
      Grant,
      '/v3/lease/grant',
      { TTL: String(ttlSeconds) },
      { isRepeatable: true, signal },
    );
    return { id: answer.ID, ttlSeconds: answer.TTL };
  }

  /** Whether the lease still stood: one that has expired is answered without a time to live. */
  async keepAlive(id: string, signal?: AbortSignal): Promise<boolean> {
    const answer = await this.#call(KeepAlive, '/v3/lease/keepalive', { ID: id }, { isRepeatable: true, signal });
    return (answer.result?.TTL ?? 0) > 0;
  }

  /** Ends a lease and removes its keys; one that is gone is no failure. */
  async revoke(id: string, signal?: AbortSignal): Promise<void> {
    await this.#call(z.unknown(), '/v3/lease/revoke', { ID: id }, { isRepeatable: true, signal }).catch(
      (error: unknown) => {
        if (!isLeaseGone(error)) throw error;
      },
    );
  }

  /**
   * Resolves at the first change of a key (with `end`: of one up to it) after a revision, when that is compacted, when the server has no
   * leader, and when the signal is aborted.
   */
  async changed({ key, end, after }: { key: string; end?: string; after: number }, signal: AbortSignal): Promise<void> {
    const create = {
      ...{ key: encoded(key), start_revision: String(after + 1), filters: [] },
      ...(end === undefined ? {} : { range_end: encoded(end) }),
    };
    const headers = { ...(await this.#headers()), 'grpc-metadata-hasleader': 'true' };
    const body = JSON.stringify({ create_request: create });
    for await (const line of this.#servers.lines({ method: 'POST', path: '/v3/watch', body, headers, signal })) {
      const { result } = readAs(Watched, line);
      if (result === undefined)
        throw storeError('STORE_UNAVAILABLE', `etcd does not tell changes: ${line.slice(0, 200)}`);
      if (result.canceled === true || (result.events?.length ?? 0) > 0) return;
    }
  }

  async close(): Promise<void> {
    await this.#servers.close();
  }

  async #call<T>(
    schema: z.ZodType<T>,
    path: string,
    body: unknown,
    options: Pick<StoreCall, 'isRepeatable' | 'signal'>,
  ): Promise<T> {
    const text = JSON.stringify(body);
    for (let attempt = 1; ; attempt++) {
      const headers = await this.#headers();
      const answer = await this.#servers.call({ method: 'POST', path, body: text, headers, ...options });
      if (answer.status === 200) return readAs(schema, answer.text);
      if (attempt > 1 || !isTokenGone(answer) || this.#address.username === undefined) throw refusal(answer);
      this.#token = undefined;
    }
  }

  async #headers(): Promise<Record<string, string>> {
    const { username, password } = this.#address;
    if (username === undefined) return {};
    this.#token ??= await this.#authenticate(username, password ?? '');
    return { authorization: this.#token };
  }

  async #authenticate(name: string, password: string): Promise<string> {
    const body = JSON.stringify({ name, password });
    const call = { method: 'POST', path: '/v3/auth/authenticate', body, isRepeatable: true } as const;
    const answer = await this.#servers.call(call);
    if (answer.status !== 200) throw refusal(answer);
    return readAs(z.object({ token: z.string() }), answer.text).token;
  }
}

/** The first key after all those that begin with `prefix`. */
export function endOfPrefix(prefix: string): string {
  return prefix.slice(0, -1) + String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}

/** Whether what failed is a lease that does not stand any more. */
export function isLeaseGone(error: unknown): boolean {
  return error instanceof Error && /requested lease not found/.test(error.message);
}

function toRequest(operation: EtcdOperation): unknown {
  if ('get' in operation) return { request_range: { key: encoded(operation.get) } };
  if ('remove' in operation) return { request_delete_range: { key: encoded(operation.remove) } };
  const { put, value, lease } = operation;
  return { request_put: { key: encoded(put), value: encoded(value), ...(lease === undefined ? {} : { lease }) } };
}

function toPair({ key, value, mod_revision: revision, lease }: z.infer<typeof Pair>): EtcdPair {
  return { key: decoded(key), value: decoded(value), revision, lease };
}

/** Codes are those of gRPC; reasons are etcd's own, in words (`rpctypes/error.go`). */
export function judge(answer: StoreAnswer): Verdict {
  if (answer.status === 200) return 'final';
  const { code, message } = failureOf(answer);
  // Full, or busier than it takes: it has not done it.
  if (code === 8) return 'elsewhere';
  if (code === 14 && /no leader|not capable|not supported for learner/.test(message)) return 'elsewhere';
  return code === undefined || [1, 2, 4, 10, 13, 14].includes(code) ? 'unknown' : 'final';
}

function failureOf({ text }: StoreAnswer): { readonly code: number | undefined; readonly message: string } {
  try {
    const { code, message = '' } = AnyFailure.parse(JSON.parse(text));
    return { code, message };
  } catch {
    return { code: undefined, message: '' };
  }
}

function isTokenGone(answer: StoreAnswer): boolean {
  return answer.status === 401 || /invalid auth token|auth revision/.test(failureOf(answer).message);
}

export function refusal(answer: StoreAnswer): Error {
  const { code, message } = failureOf(answer);
  const why = message === '' ? saying(answer) : message.replace(/^etcdserver: /, '');
  if (/too large|too many operations/.test(message))
    return storeError('RECORD_TOO_LARGE', `etcd refuses a write: ${why}`);
  if (/authentication is not enabled/.test(message))
    return storeError('STORE_AUTH', 'etcd has no users: leave out kv.username and kv.password');
  if (/user name is empty/.test(message))
    return storeError('STORE_AUTH', 'etcd asks who we are: give kv.username and kv.password');
  if (code === 7 || code === 16 || /authentication failed|invalid auth/.test(message))
    return storeError('STORE_AUTH', `etcd refuses us: ${why}`);
  return storeError('STORE_REFUSED', `etcd refuses a call: ${why}`);
}

export function readAs<T>(schema: z.ZodType<T>, text: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw storeError('STORE_REFUSED', 'what answers is no etcd 3.4 or newer: its answer cannot be read', error);
  }
}

function encoded(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

function decoded(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8');
}
