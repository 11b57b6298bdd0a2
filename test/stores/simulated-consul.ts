import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { Wakeups } from '../../src/kv/wakeups.ts';

interface Pair {
  readonly value: string;
  readonly index: number;
  readonly session?: string | undefined;
}

interface Session {
  readonly ttlMs: number;
  readonly lockDelayMs: number;
  readonly behavior: string;
  timer: NodeJS.Timeout;
}

interface Operation {
  readonly Verb: string;
  readonly Key: string;
  readonly Value?: string;
  readonly Index?: number;
  readonly Session?: string;
}

/** Who is let in; everybody by default. */
interface Guard {
  readonly token?: string;
  /** As a proxy in front of it asks. */
  readonly user?: { readonly name: string; readonly password: string };
  readonly tls?: ServerOptions;
}

const MOST_VALUE_BYTES = 512 * 1024;
const MOST_OPERATIONS = 64;

/**
 * As much of Consul's HTTP API as is published about keys, transactions, sessions and blocking queries, with state, in this process: sessions end after
 * half as long again as their time (Consul says up to twice), keys of theirs stay locked for the lock delay, and a token may be asked for.
 */
export class SimulatedConsul {
  readonly #server: ReturnType<typeof createServer>;
  readonly #pairs = new Map<string, Pair>();
  readonly #sessions = new Map<string, Session>();
  readonly #lockedUntil = new Map<string, number>();
  /** When keys were removed last. */
  readonly #tombstones = new Map<string, number>();
  readonly #changed = new Wakeups();
  readonly #guard: Guard;
  #index = 10;

  constructor(guard: Guard = {}) {
    this.#guard = guard;
    const serve = (request: IncomingMessage, response: ServerResponse): void => {
      this.#serve(request, response).catch((error: unknown) => response.writeHead(500).end(String(error)));
    };
    this.#server = guard.tls ? createTlsServer(guard.tls, serve) : createServer(serve);
  }

  async start(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const { timer } of this.#sessions.values()) clearTimeout(timer);
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await text(request);
    const url = new URL(request.url ?? '/', 'http://consul');
    const send = (status: number, value: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json', 'x-consul-index': String(this.#index) });
      response.end(typeof value === 'string' ? value : JSON.stringify(value));
    };
    const { token, user } = this.#guard;
    if (token !== undefined && request.headers['x-consul-token'] !== token)
      return send(403, 'Permission denied: anonymous token lacks permission');
    const basic = user && `Basic ${Buffer.from(`${user.name}:${user.password}`).toString('base64')}`;
    if (basic !== undefined && request.headers.authorization !== basic) return send(401, 'Unauthorized');
    if (Buffer.byteLength(body) > MOST_VALUE_BYTES) return send(413, 'Request body too large');
    const path = decodeURIComponent(url.pathname);
    const call = `${request.method} ${path}`;
    if (call.startsWith('GET /v1/kv/')) return await this.#get(path.slice(7), url.searchParams, send, response);
    if (call.startsWith('DELETE /v1/kv/')) {
      this.#remove(path.slice(7));
      return send(200, 'true');
    }
    if (call.startsWith('PUT /v1/kv/')) {
      this.#put(path.slice(7), body);
      return send(200, 'true');
    }
    if (call === 'PUT /v1/txn') return this.#txn(JSON.parse(body) as readonly { KV: Operation }[], send);
    if (call === 'PUT /v1/session/create')
      return this.#create(JSON.parse(body) as { TTL?: string; LockDelay?: string; Behavior?: string }, send);
    const [, verb, id = ''] = /^PUT \/v1\/session\/(renew|destroy)\/(.+)$/.exec(call) ?? [];
    if (verb === 'destroy') {
      this.#end(id);
      return send(200, 'true');
    }
    if (verb === 'renew') {
      const session = this.#sessions.get(id);
      if (session === undefined) return send(404, `Session id '${id}' not found`);
      this.#schedule(id, session);
      return send(200, [{ ID: id, TTL: `${session.ttlMs / 1000}s` }]);
    }
    send(404, '');
  }

  async #get(
    key: string,
    query: URLSearchParams,
    send: (status: number, value: unknown) => void,
    response: ServerResponse,
  ): Promise<void> {
    const isMany = query.has('recurse') || query.has('keys');
    const found = (): [string, Pair][] =>
      [...this.#pairs]
        .filter(([each]) => (isMany ? each.startsWith(key) : each === key))
        .sort(([a], [b]) => (a < b ? -1 : 1));
    const asked = Number(query.get('index') ?? 0);
    if (asked > 0) {
      const gone = new AbortController();
      response.once('close', () => gone.abort());
      const waitMs = Number((query.get('wait') ?? '300s').replace('s', '')) * 1000;
      const ended = AbortSignal.any([gone.signal, AbortSignal.timeout(waitMs)]);
      const isNewer = (): boolean =>
        found().some(([, { index }]) => index > asked) ||
        [...this.#tombstones].some(([each, index]) => index > asked && (isMany ? each.startsWith(key) : each === key));
      while (!ended.aborted && !isNewer()) await this.#changed.next(ended);
    }
    const pairs = found();
    if (pairs.length === 0) return send(404, '');
    if (query.has('keys'))
      return send(
        200,
        pairs.map(([each]) => each),
      );
    send(
      200,
      pairs.map(([each, pair]) => this.#shown(each, pair)),
    );
  }

  #txn(operations: readonly { KV: Operation }[], send: (status: number, value: unknown) => void): void {
    if (operations.length > MOST_OPERATIONS)
      return send(413, `Transaction contains too many operations (${operations.length} > 64)`);
    const before = new Map(this.#pairs);
    const index = this.#index + 1;
    const Results: unknown[] = [];
    for (const [OpIndex, { KV }] of operations.entries()) {
      const What = this.#apply(KV, index);
      if (What !== undefined) {
        this.#pairs.clear();
        for (const [key, pair] of before) this.#pairs.set(key, pair);
        return send(409, { Results: null, Errors: [{ OpIndex, What }] });
      }
      const pair = this.#pairs.get(KV.Key);
      if (pair && !KV.Verb.startsWith('delete')) Results.push({ KV: { ...this.#shown(KV.Key, pair), Value: null } });
    }
    this.#index = index;
    this.#changed.wake();
    send(200, { Results, Errors: null });
  }

  /** What forbids it. */
  #apply({ Verb, Key, Value = '', Index = 0, Session }: Operation, index: number): string | undefined {
    const pair = this.#pairs.get(Key);
    const value = Buffer.from(Value, 'base64').toString();
    if (Verb === 'check-not-exists') return pair && `key "${Key}" exists`;
    if (Verb === 'check-index')
      return pair?.index === Index ? undefined : `current modify index does not match for "${Key}"`;
    if (Verb === 'cas' || Verb === 'delete-cas') {
      if ((pair?.index ?? 0) !== Index) return `failed to ${Verb} key "${Key}", index is stale`;
    }
    if (Verb.startsWith('delete')) {
      if (this.#pairs.delete(Key)) this.#tombstones.set(Key, index);
    } else if (Verb === 'lock') {
      if (Session === undefined || !this.#sessions.has(Session)) return `invalid session "${Session}"`;
      if (pair?.session !== undefined && pair.session !== Session) return `failed to lock key "${Key}"`;
      if ((this.#lockedUntil.get(Key) ?? 0) > Date.now()) return `failed to lock key "${Key}", lock delay`;
      this.#pairs.set(Key, { value, index, session: Session });
    } else if (Verb === 'set' || Verb === 'cas') this.#pairs.set(Key, { value, index, session: pair?.session });
    else return `unknown verb ${Verb}`;
    return undefined;
  }

  #create(
    asked: { TTL?: string; LockDelay?: string; Behavior?: string },
    send: (status: number, value: unknown) => void,
  ): void {
    const ms = (duration: string): number => Number(/^(\d+(?:\.\d+)?)s$/.exec(duration)?.[1] ?? Number.NaN) * 1000;
    const ttlMs = ms(asked.TTL ?? '');
    if (!(ttlMs >= 10_000 && ttlMs <= 86_400_000))
      return send(400, `Invalid Session TTL '${asked.TTL}', must be between [10s=24h0m0s]`);
    const ID = randomUUID();
    const timer: NodeJS.Timeout = setTimeout(() => undefined, 0);
    const session = { ttlMs, lockDelayMs: ms(asked.LockDelay ?? '15s'), behavior: asked.Behavior ?? 'release', timer };
    this.#sessions.set(ID, session);
    this.#schedule(ID, session);
    send(200, { ID });
  }

  #schedule(id: string, session: Session): void {
    clearTimeout(session.timer);
    session.timer = setTimeout(() => this.#end(id), session.ttlMs * 1.5);
  }

  #end(id: string): void {
    const session = this.#sessions.get(id);
    if (session === undefined) return;
    clearTimeout(session.timer);
    this.#sessions.delete(id);
    for (const [key, pair] of [...this.#pairs]) {
      if (pair.session !== id) continue;
      if (session.lockDelayMs > 0) this.#lockedUntil.set(key, Date.now() + session.lockDelayMs);
      if (session.behavior === 'delete') this.#remove(key);
      else this.#put(key, pair.value);
    }
  }

  #put(key: string, value: string): void {
    this.#index += 1;
    this.#pairs.set(key, { value, index: this.#index });
    this.#changed.wake();
  }

  #remove(key: string): void {
    this.#index += 1;
    if (this.#pairs.delete(key)) this.#tombstones.set(key, this.#index);
    this.#changed.wake();
  }

  #shown(key: string, { value, index, session }: Pair): Record<string, unknown> {
    const Value = value === '' ? null : Buffer.from(value).toString('base64');
    return {
      LockIndex: 0,
      Key: key,
      Flags: 0,
      Value,
      CreateIndex: index,
      ModifyIndex: index,
      ...(session === undefined ? {} : { Session: session }),
    };
  }
}
