import type { TlsOptions } from 'node:tls';
import type { Container, ContainerSeed } from './container.ts';
import { SimulatedEngine } from './engine.ts';
import { type EngineProfile, EngineState } from './engine-state.ts';
import type { Exchange } from './exchange.ts';
import type { Fault } from './fault.ts';

/** One request as the engine saw it. */
export interface RecordedRequest {
  readonly method: string;
  /** Path without the API version, percent-encoded. */
  readonly path: string;
  /** Path and query exactly as sent. */
  readonly target: string;
  readonly query: URLSearchParams;
  /** Header fields, names in lower case. */
  readonly fields: Readonly<Record<string, string>>;
}

/** How a fake engine begins. */
export interface FakeEngineOptions extends Partial<EngineProfile> {
  readonly host?: string;
  readonly port?: number;
  readonly tls?: TlsOptions;
  /** Containers that are there already; a number makes that many. */
  readonly containers?: number | readonly ContainerSeed[];
  /** Tags; with none at all, create accepts any image. */
  readonly images?: readonly string[];
  readonly volumes?: readonly string[];
  /** Milliseconds its clock is ahead. */
  readonly clockOffsetMs?: number;
}

/** Answers an exchange instead of the engine; false lets the engine answer. May answer later. */
export type Answer = (exchange: Exchange) => boolean | undefined;

interface Rule {
  readonly route: string;
  readonly answer: Answer;
}

/**
 * An engine for tests: a real HTTP server on a port of its own that speaks enough of the Engine API, keeps state, streams
 * events and hijacks, and can be told to stall, drop, lie, refuse or answer late. Close it, or use `await using`.
 */
export class FakeEngine implements AsyncDisposable {
  readonly state: EngineState;
  /** Every request in order of arrival. */
  readonly requests: RecordedRequest[] = [];
  readonly #engine: SimulatedEngine;
  readonly #rules: Rule[] = [];

  private constructor(options: FakeEngineOptions) {
    const { host, port, tls, containers = [], images = [], volumes = [], clockOffsetMs = 0, ...profile } = options;
    this.state = new EngineState(profile, () => Date.now() + clockOffsetMs);
    const seeds = typeof containers === 'number' ? Array.from({ length: containers }, (_, i) => seed(i)) : containers;
    for (const one of seeds) this.state.preload(one);
    for (const tag of images) this.state.addImage(tag);
    for (const name of volumes) this.state.addVolume(name);
    this.#engine = new SimulatedEngine(this.state, {
      ...(host === undefined ? {} : { host }),
      ...(port === undefined ? {} : { port }),
      ...(tls === undefined ? {} : { tls }),
      intercept: (exchange) => this.#intercept(exchange),
    });
  }

  /** Starts one engine; it listens when this resolves. */
  static async start(options: FakeEngineOptions = {}): Promise<FakeEngine> {
    const fake = new FakeEngine(options);
    await fake.#engine.listen();
    return fake;
  }

  /** Starts `count` engines named `node-1`, `node-2`, … */
  static async startMany(count: number, options: FakeEngineOptions = {}): Promise<FakeEngine[]> {
    return Promise.all(
      Array.from({ length: count }, (_, i) => FakeEngine.start({ ...options, name: `node-${i + 1}` })),
    );
  }

  /** `host:port`, as discovery would give it. */
  get address(): string {
    return this.#engine.address;
  }

  get url(): string {
    return `http://${this.address}`;
  }

  get openConnections(): number {
    return this.#engine.openConnections;
  }

  /** Makes the engine refuse, hang, drop or crawl, on open connections too; `{ kind: 'none' }` makes it well again. */
  apply(fault: Fault): Promise<void> {
    return this.#engine.apply(fault);
  }

  /**
   * Answers requests of one route instead of the engine, the latest rule first. @param route `GET /containers/json`, or
   * with one `*` for any text in between or at its end. Returns the function that ends the rule.
   */
  on(route: string, answer: Answer): () => void {
    const rule = { route, answer };
    this.#rules.unshift(rule);
    return () => {
      const at = this.#rules.indexOf(rule);
      if (at !== -1) this.#rules.splice(at, 1);
    };
  }

  /** Answers one route with a fixed status and body: the engine lies. */
  lie(route: string, status: number, body: unknown): () => void {
    return this.on(route, (exchange) => {
      exchange.json(status, typeof body === 'string' ? body : JSON.stringify(body));
      return true;
    });
  }

  /** Never answers one route until the returned function is called, which answers all that wait. */
  stall(route: string): () => void {
    const waiting: (() => void)[] = [];
    const end = this.on(route, (exchange) => waiting.push(this.#later(exchange)) > 0);
    return () => {
      end();
      for (const answer of waiting.splice(0)) answer();
    };
  }

  /**
   * Holds the next request of one route: `held` resolves once it is there, and it is answered after `release`, which also ends the waiting for one.
   */
  hold(route: string): { readonly held: Promise<void>; release(): void } {
    let answer: (() => void) | undefined;
    let end = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      end = this.on(route, (exchange) => {
        end();
        answer = this.#later(exchange);
        resolve();
        return true;
      });
    });
    const release = (): void => {
      end();
      answer?.();
      answer = undefined;
    };
    return { held, release };
  }

  /** Answers one route `ms` milliseconds late. */
  delay(route: string, ms: number): () => void {
    return this.on(route, (exchange) => {
      const timer = setTimeout(this.#later(exchange), ms);
      exchange.onClose(() => clearTimeout(timer));
      return true;
    });
  }

  /** Requests of one route so far; same patterns as {@link on}. */
  requestsTo(route: string): readonly RecordedRequest[] {
    return this.requests.filter((request) => matches(route, request));
  }

  /** Adds a running container as if somebody had started it behind the manager's back, with its events. */
  run(container: ContainerSeed = {}): Container {
    const created = this.state.create(container);
    this.state.start(created);
    return created;
  }

  close(): Promise<void> {
    return this.#engine.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** What answers an exchange later: its body is kept until then. */
  #later(exchange: Exchange): () => void {
    const chunks: Buffer[] = [];
    let hasEnded = false;
    exchange.body = {
      data: (chunk) => void chunks.push(chunk),
      end: () => {
        hasEnded = true;
      },
    };
    return () => {
      exchange.body = undefined;
      this.#engine.answer(exchange);
      const { body } = exchange as { readonly body: Exchange['body'] };
      for (const chunk of chunks) body?.data(chunk);
      if (hasEnded) body?.end();
    };
  }

  #intercept(exchange: Exchange): boolean {
    const { method, path, target, query } = exchange;
    this.requests.push({ method, path, target, query, fields: exchange.head.fields() });
    return this.#rules.some((rule) => matches(rule.route, exchange) && rule.answer(exchange) !== false);
  }
}

function matches(route: string, request: { readonly method: string; readonly path: string }): boolean {
  const line = `${request.method} ${request.path}`;
  const [before = '', after] = route.split('*');
  if (after === undefined) return line === route;
  return line.length >= before.length + after.length && line.startsWith(before) && line.endsWith(after);
}

function seed(index: number): ContainerSeed {
  return { name: `container-${index + 1}`, createdAt: Date.now() - 3_600_000 };
}
