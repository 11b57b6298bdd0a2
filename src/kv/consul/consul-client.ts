import { z } from 'zod';
import { HttpServers, type StoreAnswer, type StoreCall, saying, type Verdict } from '../http-servers.ts';
import { storeError } from '../shared/store-errors.ts';
import type { StoreAddress, StoreKind } from '../store-address.ts';

export const CONSUL: StoreKind = { scheme: 'consul', defaultPort: 8500, credentials: 'token' };

/** Sessions live ten seconds at least, a day at most, and end up to as long again after that. */
export const SHORTEST_TTL_MS = 10_000;
const LONGEST_TTL_MS = 86_400_000;

const Pair = z.object({
  Key: z.string(),
  Value: z.string().nullish(),
  ModifyIndex: z.number(),
  Session: z.string().optional(),
});
const Txn = z.object({ Results: z.array(z.object({ KV: Pair.optional() })).nullish() });

export interface ConsulPair {
  readonly key: string;
  readonly value: string;
  readonly index: number;
  /** That holds it; undefined for none. */
  readonly session: string | undefined;
}

/** One operation of a transaction (`KV` of `/v1/txn`). */
export interface ConsulOperation {
  readonly Verb: 'set' | 'cas' | 'lock' | 'delete' | 'delete-cas' | 'check-index' | 'check-not-exists';
  readonly Key: string;
  readonly Value?: string;
  readonly Index?: number;
  readonly Session?: string;
}

/** What was found, and the index that a blocking query goes on from. */
export interface ConsulFound {
  readonly pairs: readonly ConsulPair[];
  readonly index: number;
}

/** The calls of Consul's HTTP API that we make. They reject with the errors of `store-errors.ts`. */
export class ConsulClient {
  readonly #servers: HttpServers;
  readonly #headers: Readonly<Record<string, string>>;

  constructor(address: StoreAddress) {
    const { username, password = '', token } = address;
    this.#servers = new HttpServers('Consul', address, judge);
    this.#headers = {
      ...(token === undefined ? {} : { 'x-consul-token': token }),
      ...(username === undefined
        ? {}
        : { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` }),
    };
  }

  /** A pair, or with `isFolder` all whose keys begin so. */
  async get(key: string, isFolder: boolean = false, signal?: AbortSignal): Promise<ConsulFound> {
    return await this.#read(key, isFolder ? 'recurse&consistent' : 'consistent', 0, signal);
  }

  /** The keys that begin with a text, in their order. */
  async keys(prefix: string): Promise<readonly string[]> {
    const answer = await this.#ask('GET', `${pathOf(prefix)}?keys&consistent`, { isRepeatable: true });
    return answer.status === 404 ? [] : readAs(z.array(z.string()), answer.text);
  }

  /** Waits until something below a key is newer than `index`, at most for `waitMs` or a little more. */
  async wait(
    key: string,
    { index, waitMs, isFolder }: { index: number; waitMs: number; isFolder: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const seconds = Math.max(1, Math.ceil(waitMs / 1000));
    // The server adds up to a sixteenth of the time.
    const query = `${isFolder ? 'keys&' : ''}index=${index}&wait=${seconds}s`;
    await this.#ask('GET', `${pathOf(key)}?${query}`, { isRepeatable: true, waitMs: seconds * 1_100, signal }).catch(
      (error: unknown) => {
        if (!signal.aborted) throw error;
      },
    );
  }

  /** All operations or none; undefined when one did not hold. */
  async txn(
    operations: readonly ConsulOperation[],
    isRepeatable: boolean,
  ): Promise<readonly (ConsulPair | undefined)[] | undefined> {
    const body = JSON.stringify(
      operations.map(({ Value, ...rest }) => ({
        KV: { ...rest, ...(Value === undefined ? {} : { Value: encoded(Value) }) },
      })),
    );
    const answer = await this.#ask('PUT', '/v1/txn', { body, isRepeatable });
    if (answer.status === 409) return undefined;
    return (readAs(Txn, answer.text).Results ?? []).map(({ KV }) => KV && toPair(KV));
  }

  /** A session whose keys are removed with it. A later holder has not to wait: it is told by the keys' index. */
  async createSession(ttlMs: number): Promise<{ readonly id: string; readonly ttlMs: number }> {
    const ms = Math.min(LONGEST_TTL_MS, Math.max(SHORTEST_TTL_MS, Math.ceil(ttlMs / 1000) * 1000));
    const body = JSON.stringify({ Name: 'enxame', TTL: `${ms / 1000}s`, Behavior: 'delete', LockDelay: '0s' });
    const answer = await this.#ask('PUT', '/v1/session/create', { body, isRepeatable: true });
    return { id: readAs(z.object({ ID: z.string() }), answer.text).ID, ttlMs: ms };
  }

  /** Whether the session still stood. */
  async renewSession(id: string): Promise<boolean> {
    return (await this.#ask('PUT', `/v1/session/renew/${id}`, { isRepeatable: true })).status !== 404;
  }

  async destroySession(id: string): Promise<void> {
    await this.#ask('PUT', `/v1/session/destroy/${id}`, { isRepeatable: true });
  }

  async remove(key: string): Promise<void> {
    await this.#ask('DELETE', pathOf(key), { isRepeatable: true });
  }

  async close(): Promise<void> {
    await this.#servers.close();
  }

  async #read(key: string, query: string, waitMs: number, signal: AbortSignal | undefined): Promise<ConsulFound> {
    const answer = await this.#ask('GET', `${pathOf(key)}?${query}`, { isRepeatable: true, waitMs, signal });
    const pairs = answer.status === 404 ? [] : readAs(z.array(Pair), answer.text).map(toPair);
    return { pairs, index: Number(answer.headers['x-consul-index'] ?? 0) };
  }

  async #ask(
    method: StoreCall['method'],
    path: string,
    options: Omit<StoreCall, 'method' | 'path' | 'headers'>,
  ): Promise<StoreAnswer> {
    const answer = await this.#servers.call({ method, path, headers: this.#headers, ...options });
    if (answer.status === 200 || answer.status === 404 || answer.status === 409) return answer;
    if (answer.status === 401 || answer.status === 403)
      throw storeError('STORE_AUTH', `Consul refuses us: ${saying(answer)}. Give kv.token ($ENXAME_KV_TOKEN)`);
    if (answer.status === 413) throw storeError('RECORD_TOO_LARGE', `Consul refuses a write: ${saying(answer)}`);
    throw storeError('STORE_REFUSED', `Consul refuses a call: ${saying(answer)}`);
  }
}

function judge(answer: StoreAnswer): Verdict {
  if (answer.status === 429 || /no cluster leader/i.test(answer.text)) return 'elsewhere';
  return answer.status >= 500 ? 'unknown' : 'final';
}

function pathOf(key: string): string {
  return `/v1/kv/${key.split('/').map(encodeURIComponent).join('/')}`;
}

function toPair({ Key, Value, ModifyIndex, Session }: z.infer<typeof Pair>): ConsulPair {
  const value = Buffer.from(Value ?? '', 'base64').toString('utf8');
  return { key: Key, value, index: ModifyIndex, session: Session || undefined };
}

function readAs<T>(schema: z.ZodType<T>, text: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    throw storeError('STORE_REFUSED', 'what answers is no Consul: its answer cannot be read', error);
  }
}

function encoded(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}
