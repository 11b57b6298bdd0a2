import http2, { type ClientHttp2Session, type ClientHttp2Stream } from 'node:http2';
import type { Duplex } from 'node:stream';
import { EngineError, reasonOf } from '../../common/errors.ts';
import { FairBeginnings } from '../../common/fair-beginnings.ts';
import type { Connector } from '../connectors/connector.ts';
import {
  beginSession,
  ENGINE_AUTHORITY,
  MOST_STREAMS,
  portAuthority,
  SESSION_MEMORY_MB,
  STREAM_WINDOW,
} from './carrier.ts';
import { MOST_FLOWS } from './datagrams.ts';
import { type AgentAnswer, askAgent } from './questions.ts';
import { SharedWindow } from './shared-window.ts';
import { VISIT_AUTHORITY } from './visits.ts';

/** An agent that has dialled in. */
export interface DialledAgent {
  readonly id: string;
  /** Where its connection comes from, as this manager sees it: behind NAT the address of the router. */
  readonly from: string;
  /** Unix time in milliseconds. */
  readonly sinceMs: number;
  /** Streams in use. */
  readonly streams: number;
}

/** How long an earlier connection of the same agent has to show that it is alive, in milliseconds. */
const TWIN_MS = 3_000;
/** How long a call waits for an agent that has not dialled in, in milliseconds: one that is restarted is back sooner. */
const PATIENCE_MS = 3_000;
/** UDP flows that begin at one node: a stream each, which a flood of datagrams from ever other ports would ask for. */
const FLOWS_PER_SECOND = 512;

interface Dialled {
  readonly session: ClientHttp2Session;
  readonly from: string;
  readonly sinceMs: number;
  readonly streams: Set<ClientHttp2Stream>;
  readonly window: SharedWindow;
}

/** What a stream leads to. */
interface Destination {
  /** For messages. */
  readonly name: string;
  readonly authority: string;
}

/** Agents that dialled this manager, and the streams to their engines. */
export class DialledAgents {
  readonly #agents = new Map<string, Dialled>();
  readonly #now: () => number;
  #isRevoked: (id: string) => boolean = () => false;
  /** Calls that wait for an agent. */
  readonly #waiting = new Map<string, Set<() => void>>();

  readonly #listeners = new Set<(id: string) => void>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Calls for agents that may not dial fail at once and say so. */
  refuse(isRevoked: (id: string) => boolean): void {
    this.#isRevoked = isRevoked;
  }

  list(): readonly DialledAgent[] {
    return [...this.#agents].map(([id, { from, sinceMs, streams }]) => ({ id, from, sinceMs, streams: streams.size }));
  }

  /**
   * Whether another connection of this agent is alive: a second host that has its key. One that died without a word is given up. Never rejects.
   */
  async hasTwin(id: string): Promise<boolean> {
    const known = this.#agents.get(id);
    if (!known) return false;
    if (await answers(known.session)) return true;
    known.session.destroy(new Error('its agent dialled anew'));
    this.#forget(id, known);
    return false;
  }

  /** Takes over the connection of an agent, which serves HTTP/2 on it from now on. Resolves when it has ended; never rejects. */
  async serve(id: string, socket: Duplex, from: string, signal: AbortSignal): Promise<void> {
    const session = http2.connect('http://engine', {
      createConnection: () => socket,
      settings: { enablePush: false, initialWindowSize: STREAM_WINDOW },
      maxSessionMemory: SESSION_MEMORY_MB,
      peerMaxConcurrentStreams: MOST_STREAMS,
    });
    const agent: Dialled = {
      session,
      from,
      sinceMs: this.#now(),
      streams: new Set(),
      window: new SharedWindow(session),
    };
    beginSession(session, socket);
    this.#agents.get(id)?.session.destroy();
    this.#agents.set(id, agent);
    for (const resolve of this.#waiting.get(id) ?? []) resolve();
    for (const listener of this.#listeners) listener(id);
    const end = (): void => session.destroy();
    signal.addEventListener('abort', end, { once: true });
    if (signal.aborted) end();
    await new Promise<void>((resolve) => session.once('close', resolve));
    signal.removeEventListener('abort', end);
    this.#forget(id, agent);
  }

  /**
   * Puts a question to an agent itself, JSON for JSON. Resolves with what it answers, also when that is a refusal; 404 from one that knows nothing
   * about `path`. Rejects when it has not dialled in, or does not answer in time.
   */
  async ask(id: string, path: string, question: unknown, timeoutMs: number, signal: AbortSignal): Promise<AgentAnswer> {
    const agent = this.#present(id);
    if (!agent) throw new EngineError(`ask agent ${id}: it has not dialled in`);
    return await askAgent(agent.session, path, question, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
  }

  /** Opens a stream that waits at an agent for a connection that it takes at a port. Rejects when the agent does not know of ports. */
  async openVisit(id: string, timeoutMs: number): Promise<Duplex> {
    return await this.#open(id, { name: `agent ${id}`, authority: VISIT_AUTHORITY }, timeoutMs);
  }

  /** Tells of each agent that has dialled in from now on. Returns what ends it. */
  subscribe(listener: (id: string) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Ends the connection of an agent, if it has one. */
  end(id: string): void {
    this.#agents.get(id)?.session.destroy();
  }

  /** Reaches the engine of an agent over the connection that it has at the time of each call. */
  connectorFor(id: string): Connector {
    const streams = new Set<Duplex>();
    const address = `agent://${id}`;
    let isClosed = false;
    let flows = 0;
    const beginnings = new FairBeginnings(FLOWS_PER_SECOND, () => performance.now());
    const open = async (to: Destination, timeoutMs: number, signal?: AbortSignal): Promise<Duplex> => {
      const closed = (): EngineError => new EngineError(`connect to ${to.name}: connector is closed`);
      if (isClosed) throw closed();
      const stream = await this.#open(id, to, timeoutMs, signal);
      if (isClosed) {
        stream.destroy();
        throw closed();
      }
      streams.add(stream);
      stream.once('close', () => streams.delete(stream));
      return stream;
    };
    return {
      address,
      host: id,
      connect: (timeoutMs, signal) =>
        open({ name: `engine ${address}`, authority: ENGINE_AUTHORITY }, timeoutMs, signal),
      connectPort: async (host, port, protocol, timeoutMs, client) => {
        const name = `port ${port}/${protocol} of ${address}`;
        const to = { name, authority: portAuthority(host, port, protocol) };
        if (protocol === 'tcp') return await open(to, timeoutMs);
        if (flows >= MOST_FLOWS || !beginnings.admits(`${host} ${port}`, client?.address ?? ''))
          throw new EngineError(`connect to ${name}: too many UDP flows`);
        flows += 1;
        try {
          const stream = await open(to, timeoutMs);
          stream.once('close', () => {
            flows -= 1;
          });
          return stream;
        } catch (error) {
          flows -= 1;
          throw error;
        }
      },
      close: async () => {
        isClosed = true;
        for (const stream of streams) stream.destroy();
      },
    };
  }

  async #open(id: string, to: Destination, timeoutMs: number, signal?: AbortSignal): Promise<Duplex> {
    const failed = (why: string, cause?: unknown): EngineError =>
      new EngineError(`connect to ${to.name}: ${why}`, 'ENGINE_UNREACHABLE', cause);
    if (this.#isRevoked(id)) throw failed(`its agent was revoked: 'enxame agent allow ${id}' lets it in again`);
    const agent = this.#present(id) ?? (await this.#arrival(id, Math.min(timeoutMs, PATIENCE_MS), signal));
    if (signal?.aborted) throw failed(reasonOf(signal.reason), signal.reason);
    if (!agent) throw failed('its agent has not dialled in');
    return await new Promise((resolve, reject) => {
      const stream = agent.session.request({ ':method': 'CONNECT', ':authority': to.authority }, { endStream: false });
      agent.streams.add(stream);
      agent.window.add(stream);
      stream.once('close', () => agent.streams.delete(stream));
      const settle = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', onAbort);
        stream.off('response', onResponse).off('error', onError).off('close', onClose);
      };
      const fail = (why: string, cause?: unknown): void => {
        settle();
        stream.on('error', () => undefined);
        stream.destroy();
        reject(failed(why, cause));
      };
      const onAbort = (): void => fail(reasonOf(signal?.reason), signal?.reason);
      const onError = (error: unknown): void => fail(reasonOf(error), error);
      const onClose = (): void => fail('the connection of its agent ended');
      const onResponse = (headers: { readonly ':status'?: number }): void => {
        const status = headers[':status'];
        if (status !== 200)
          return fail(status === 404 ? 'its agent refuses it' : `its agent does not reach it (${status})`);
        settle();
        stream.on('error', () => stream.destroy());
        resolve(writingBytes(stream));
      };
      const timer = setTimeout(() => fail(`no answer within ${timeoutMs} ms`), timeoutMs);
      signal?.addEventListener('abort', onAbort, { once: true });
      stream.once('response', onResponse).once('error', onError).once('close', onClose);
    });
  }

  #present(id: string): Dialled | undefined {
    const agent = this.#agents.get(id);
    return agent && !agent.session.destroyed && !agent.session.closed ? agent : undefined;
  }

  async #arrival(id: string, timeoutMs: number, signal?: AbortSignal): Promise<Dialled | undefined> {
    if (signal?.aborted) return undefined;
    const waiting = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiting);
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', end);
        waiting.delete(end);
        if (waiting.size === 0) this.#waiting.delete(id);
        resolve();
      };
      const timer = setTimeout(end, timeoutMs);
      signal?.addEventListener('abort', end, { once: true });
      waiting.add(end);
    });
    return this.#present(id);
  }

  #forget(id: string, agent: Dialled): void {
    if (this.#agents.get(id) === agent) this.#agents.delete(id);
  }
}

/**
 * Lets a stream write texts as bytes. Node 20 lets go of the memory of a text while HTTP/2 has yet to send it, and other bytes go out in its place:
 * seen with heads of requests.
 */
function writingBytes(stream: ClientHttp2Stream): ClientHttp2Stream {
  const write = stream.write.bind(stream) as (bytes: unknown, done?: unknown) => boolean;
  const asBytes = (chunk: unknown, encoding?: unknown, done?: unknown): boolean =>
    typeof chunk === 'string'
      ? write(
          Buffer.from(chunk, typeof encoding === 'string' ? (encoding as BufferEncoding) : 'utf8'),
          callbackOf(encoding, done),
        )
      : write(chunk, callbackOf(encoding, done));
  const end = stream.end.bind(stream) as (done?: unknown) => ClientHttp2Stream;
  const endWithBytes = (chunk?: unknown, encoding?: unknown, done?: unknown): ClientHttp2Stream => {
    if (typeof chunk === 'function') return end(chunk);
    if (chunk !== undefined && chunk !== null) asBytes(chunk, encoding);
    return end(callbackOf(encoding, done));
  };
  return Object.assign(stream, { write: asBytes, end: endWithBytes }) as ClientHttp2Stream;
}

function callbackOf(encoding: unknown, done: unknown): unknown {
  return typeof encoding === 'function' ? encoding : done;
}

function answers(session: ClientHttp2Session): Promise<boolean> {
  if (session.destroyed || session.closed) return Promise.resolve(false);
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), TWIN_MS);
    const end = (isAlive: boolean): void => {
      clearTimeout(timer);
      resolve(isAlive);
    };
    session.once('close', () => end(false));
    session.ping((error) => end(!error));
  });
}
