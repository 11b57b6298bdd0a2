import http2, { constants, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { answerError } from '../engine/answer-body.ts';
import { EngineClient } from '../engine/client.ts';
import { unixConnector } from '../engine/connectors/socket.ts';
import {
  beginSession,
  DIAL_PROTOCOL,
  ENGINE_AUTHORITY,
  MOST_STREAMS,
  portIn,
  SESSION_MEMORY_MB,
  STREAM_WINDOW,
} from '../engine/dialled/carrier.ts';
import { SharedWindow } from '../engine/dialled/shared-window.ts';
import { PORTS_PATH, type PortsAnswer, VISIT_AUTHORITY } from '../engine/dialled/visits.ts';
import { type Answers, answerManager } from './answers.ts';
import { Flows } from './flows.ts';
import type { NodePorts, Wanted } from './node-ports.ts';
import { PublishedPorts } from './published-ports.ts';
import type { VisitDesk } from './visit-desk.ts';

export interface DialOutDeps {
  /** Connections to it are made with the agent's certificate. */
  readonly manager: EngineClient;
  readonly logger: Logger;
}

export interface DialOutOptions {
  /** The agent's name, as in its entry of discovery and in its certificate. */
  readonly id: string;
  /** Where the engine of this host listens. */
  readonly engineSocket: string;
  /** What the manager may ask of the agent itself; default nothing. */
  readonly answers?: Answers | undefined;
  /** Ports that the manager wants open at this host; default none. */
  readonly ports?: NodePorts | undefined;
}

const NO_ANSWERS: Answers = new Map();

const FIRST_PAUSE_MS = 500;
const LONGEST_PAUSE_MS = 10_000;
/** How long a manager may take to answer, in milliseconds: it may have to find out whether an earlier connection is alive. */
const ANSWER_MS = 15_000;

/**
 * Keeps a connection to one manager, over which the manager calls this host's engine; made anew when it ends. Runs until `signal` is aborted; never
 * rejects.
 */
export async function dialOut(deps: DialOutDeps, options: DialOutOptions, signal: AbortSignal): Promise<void> {
  const { logger } = deps;
  const manager = deps.manager.connector.address;
  const { ports } = options;
  const desk = ports?.desk();
  const answers: Answers = new Map([
    ...(options.answers ?? NO_ANSWERS),
    ...(ports && desk ? [[PORTS_PATH, (question: unknown) => wanted(ports, desk, question)] as const] : []),
  ]);
  let pauseMs = FIRST_PAUSE_MS;
  let told: string | undefined;
  while (!signal.aborted) {
    try {
      const socket = await dial(deps.manager, options.id, signal);
      logger.info({ manager }, 'the manager reaches this engine');
      pauseMs = FIRST_PAUSE_MS;
      told = undefined;
      if (desk) ports?.meet(desk);
      await serveEngine(socket, options.engineSocket, signal, answers, desk);
      if (desk) ports?.lose(desk);
      if (!signal.aborted) logger.warn({ manager }, 'the connection to the manager ended');
    } catch (error) {
      const reason = reasonOf(error);
      if (!signal.aborted)
        logger[reason === told ? 'debug' : 'error']({ manager, reason }, 'the manager cannot be dialled');
      told = reason;
    }
    // Agents that lost the same manager do not come back all at once.
    await sleep(pauseMs * (0.5 + Math.random()), undefined, { signal }).catch(() => undefined);
    pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
  }
}

function wanted(ports: NodePorts, desk: VisitDesk, question: unknown): Promise<PortsAnswer> {
  return ports.want(desk, (question ?? {}) as Wanted);
}

async function dial(manager: EngineClient, id: string, signal: AbortSignal): Promise<Duplex> {
  const exchange = await manager.open({
    method: 'POST',
    path: `/enxame/v1/agents/${encodeURIComponent(id)}/dial`,
    isUnversioned: true,
    headers: { Connection: 'Upgrade', Upgrade: DIAL_PROTOCOL, 'Content-Length': '0' },
    timeoutMs: ANSWER_MS,
    signal,
  });
  if (exchange.statusCode === 101) {
    // A session must not take over a socket that still writes something else.
    await new Promise((resolve) => setImmediate(resolve));
    if (exchange.rest.length > 0) exchange.socket.unshift(exchange.rest);
    return exchange.socket;
  }
  throw await answerError(exchange, AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)]));
}

/**
 * Carries calls to the engine and connections to the ports that it publishes, and answers what the manager asks of the agent, until the connection
 * ends.
 */
export async function serveEngine(
  socket: Duplex,
  engineSocket: string,
  signal: AbortSignal,
  answers: Answers = NO_ANSWERS,
  desk?: VisitDesk,
): Promise<void> {
  const session = http2.performServerHandshake(socket, {
    settings: { initialWindowSize: STREAM_WINDOW, maxConcurrentStreams: MOST_STREAMS },
    maxSessionMemory: SESSION_MEMORY_MB,
  }) as ServerHttp2Session;
  beginSession(session, socket);
  const window = new SharedWindow(session);
  const engine = new EngineClient(unixConnector(engineSocket), { connections: 1 });
  const published = new PublishedPorts(engine);
  const flows = new Flows();
  session.on('stream', (stream, headers) => {
    stream.on('error', () => undefined);
    window.add(stream);
    if (headers[':method'] !== 'CONNECT') return void answerManager(stream, headers, answers); // It never rejects.
    const authority = headers[':authority'] ?? '';
    if (authority === ENGINE_AUTHORITY) return carry(stream, net.connect({ path: engineSocket, allowHalfOpen: true }));
    if (authority === VISIT_AUTHORITY && desk) return desk.add(stream);
    void carryToPort(stream, authority, published, flows); // Never rejects.
  });
  const end = (): void => session.destroy();
  signal.addEventListener('abort', end, { once: true });
  if (signal.aborted) end();
  await new Promise<void>((resolve) => session.once('close', resolve));
  signal.removeEventListener('abort', end);
  published.close();
  await engine.close();
}

/** Never rejects. */
async function carryToPort(
  stream: ServerHttp2Stream,
  authority: string,
  published: PublishedPorts,
  flows: Flows,
): Promise<void> {
  const refuse = (status: number): void => {
    if (!stream.destroyed) stream.respond({ ':status': status }, { endStream: true });
  };
  const asked = portIn(authority);
  if (!asked) return refuse(404);
  try {
    const place = await published.find(asked.host, asked.port, asked.protocol);
    if (!place) return refuse(404);
    if (asked.protocol === 'udp') return flows.carry(stream, place);
    if (!stream.destroyed) carry(stream, net.connect({ ...place, allowHalfOpen: true, noDelay: true }));
  } catch {
    refuse(502); // Its engine does not answer.
  }
}

/** Joins a stream of the manager and a connection on this host: bytes and half-close both ways, and a cut is a cut. */
function carry(stream: ServerHttp2Stream, there: net.Socket): void {
  stream.once('close', () => {
    // After an orderly end what was received may still be on its way.
    if (stream.rstCode !== constants.NGHTTP2_NO_ERROR || !stream.readableEnded) breakOff(there);
  });
  there.once('connect', () => {
    if (stream.destroyed) return;
    stream.respond({ ':status': 200 });
    stream.pipe(there);
    there.pipe(stream);
  });
  there.on('error', () => {
    if (stream.destroyed) return;
    if (stream.headersSent) stream.close(constants.NGHTTP2_CONNECT_ERROR);
    else stream.respond({ ':status': 502 }, { endStream: true });
  });
  there.once('close', () => {
    if (!there.readableEnded && !stream.destroyed && stream.headersSent) stream.close(constants.NGHTTP2_CONNECT_ERROR);
  });
}

/** A unix socket knows no reset. */
function breakOff(socket: net.Socket): void {
  if (socket.remoteFamily === undefined) socket.destroy();
  else socket.resetAndDestroy();
}
