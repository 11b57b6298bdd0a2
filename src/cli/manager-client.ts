import { constants } from 'node:buffer';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Clock } from '../common/clock.ts';
import { ClusterError, EngineError, NotFoundError, reasonOf, UsageError } from '../common/errors.ts';
import { readTlsFiles } from '../common/tls-files.ts';
import { VERSION } from '../common/version.ts';
import { bodyOf } from '../engine/answer-body.ts';
import { EngineClient } from '../engine/client.ts';
import type { Connector } from '../engine/connectors/connector.ts';
import { type EngineTls, tcpConnector, tlsConnector, unixConnector } from '../engine/connectors/socket.ts';
import type { RawRequest } from '../engine/exchange.ts';
import { ByteCollector } from '../engine/http/byte-collector.ts';
import { CLOSED_UNANSWERED, NOT_HTTP } from '../engine/http/response-head.ts';
import type { CommandContext } from './command.ts';
import { contextEndpoint } from './docker-endpoint.ts';
import type { Io } from './io.ts';

/** Docker's flags for the address of the manager. */
export interface ManagerFlags {
  readonly host?: string;
  readonly context?: string;
  readonly tls?: boolean;
  readonly tlsverify?: boolean;
  readonly tlscacert?: string;
  readonly tlscert?: string;
  readonly tlskey?: string;
}

/** Where `enxame manage` listens by default. */
const DEFAULT_HOST = 'tcp://127.0.0.1:2375';
const TIMEOUT_MS = 30_000;
/** The listing of some hundred thousand containers, 512 MiB: what Node takes as one text. */
const MAX_ANSWER_BYTES = constants.MAX_STRING_LENGTH;

/** Help of the commands that ask a running manager. */
export const MANAGER_HELP: string = `
The address is the first of -H, --context, $DOCKER_HOST, $DOCKER_CONTEXT, the choice of 'docker context use', and
${DEFAULT_HOST}. Certificates come from the context; without one from the flags, or from $DOCKER_CERT_PATH (ca.pem, cert.pem,
key.pem) with $DOCKER_TLS_VERIFY.`;

/** Adds the flags of {@link ManagerFlags}. */
export function addManagerFlags(command: Command): Command {
  return command
    .option('-H, --host <address>', 'address of the manager ($DOCKER_HOST)')
    .option('--context <name>', 'docker context of the manager ($DOCKER_CONTEXT)')
    .option('--tls', 'use TLS without verifying the manager')
    .option('--tlsverify', 'use TLS and verify the manager ($DOCKER_TLS_VERIFY)')
    .option('--tlscacert <file>', 'certificate authority of the manager')
    .option('--tlscert <file>', 'client certificate')
    .option('--tlskey <file>', 'key of the certificate');
}

/** Asks one manager. */
export interface ManagerClient {
  /** Its address, for messages. */
  readonly address: string;
  /** The JSON it answers to `GET path`. Throws a {@link ClusterError} of one line that says what to do. */
  get<T>(path: string, signal: AbortSignal): Promise<T>;
  /**
   * The body of the answer to `GET path`, as it comes and without an end in time. Throws as {@link get} does, and when it breaks off;
   * it ends in silence when the signal is aborted.
   */
  stream(path: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>>;
  /**
   * The JSON it answers to `POST path` with a JSON body; undefined for an empty answer. Throws as {@link get} does, and when it is silent for
   * longer than `patienceMs` (30 s).
   */
  post<T = void>(path: string, body: unknown, signal: AbortSignal, patienceMs?: number): Promise<T>;
  /** `DELETE path`. Throws as {@link get} does. */
  delete(path: string, signal: AbortSignal): Promise<void>;
}

/** The client for what flags and environment say. Throws a {@link UsageError} when they cannot be used. */
export async function managerClient(
  flags: ManagerFlags,
  context: Pick<CommandContext, 'env' | 'clock'>,
): Promise<ManagerClient> {
  const target = await targetOf(flags, context.env);
  const { address } = target;
  const ask = (
    method: string,
    path: string,
    signal: AbortSignal,
    body?: string,
    patienceMs?: number,
  ): Promise<Answer> =>
    exchange(target, { method, path, isUnversioned: true, ...contentOf(body), signal }, context.clock, patienceMs);
  return {
    address,
    get: async <T>(path: string, signal: AbortSignal) => parse<T>(await ask('GET', path, signal), target, path),
    stream: (path, signal) => openStream(target, path, signal, context.clock),
    post: async <T>(path: string, body: unknown, signal: AbortSignal, patienceMs?: number) => {
      const answer = await ask('POST', path, signal, JSON.stringify(body), patienceMs);
      if (answer.statusCode >= 400 || answer.body !== '') return parse<T>(answer, target, path);
      return undefined as T;
    },
    delete: async (path, signal) => {
      const answer = await ask('DELETE', path, signal);
      if (answer.statusCode >= 400) parse(answer, target, path);
    },
  };
}

interface Target {
  readonly address: string;
  readonly place: Place;
  /** Undefined: no TLS. */
  readonly tls: EngineTls | undefined;
}

type Place = { readonly socketPath: string } | { readonly host: string; readonly port: number };

/** In docker's order; the source of the address (-H, a context) is the source of the certificates too. */
async function targetOf(flags: ManagerFlags, env: Io['env']): Promise<Target> {
  if (flags.host && flags.context) throw new UsageError('-H and --context exclude each other');
  const isContext = Boolean(flags.context) || (!flags.host && !env.DOCKER_HOST);
  const endpoint = isContext ? await contextEndpoint(flags.context, env) : undefined;
  if (endpoint === undefined) {
    const address = flags.host || env.DOCKER_HOST || DEFAULT_HOST;
    return { address, place: placeOf(address), tls: await tlsOf(flags, env, /^https:/i.test(address)) };
  }
  const { context, host, tls, skipsVerification } = endpoint;
  const isTls = tls !== undefined || skipsVerification || /^https:/i.test(host);
  return {
    address: host,
    place: placeOf(host, ` (docker's context "${context}")`),
    tls: isTls && !host.startsWith('unix:') ? { ...tls, verify: !skipsVerification } : undefined,
  };
}

function placeOf(address: string, source: string = ''): Place {
  if (address.startsWith('unix://') && address.length > 'unix://'.length) return { socketPath: address.slice(7) };
  const match = /^(?:(?:tcp|https?):\/\/)?(?:\[([^\]]+)\]|([^:/[\]]*)):(\d{1,5})\/?$/i.exec(address);
  const port = Number(match?.[3]);
  if (!match || port < 1 || port > 65_535) {
    throw new UsageError(
      `"${address}"${source} is not the address of a manager. Write tcp://10.0.0.1:3376, 10.0.0.1:3376 or unix:///run/enxame.sock`,
      'BAD_ADDRESS',
    );
  }
  return { host: match[1] ?? (match[2] || '127.0.0.1'), port };
}

/** As docker does: any of the flags or the environment asks for TLS, and files not named are looked for in one folder. */
async function tlsOf(flags: ManagerFlags, env: Io['env'], isHttps: boolean): Promise<EngineTls | undefined> {
  const isVerified = flags.tlsverify ?? Boolean(env.DOCKER_TLS_VERIFY);
  const isNamed = flags.tlscacert !== undefined || flags.tlscert !== undefined || flags.tlskey !== undefined;
  if (!isVerified && !flags.tls && !isNamed && !isHttps) return undefined;
  const folder = env.DOCKER_CERT_PATH || join(env.HOME || homedir(), '.docker');
  const isFolderUsed = isVerified && !isNamed;
  const material = await readTlsFiles({
    ca: flags.tlscacert ?? (isFolderUsed ? join(folder, 'ca.pem') : undefined),
    cert: flags.tlscert ?? (isFolderUsed ? join(folder, 'cert.pem') : undefined),
    key: flags.tlskey ?? (isFolderUsed ? join(folder, 'key.pem') : undefined),
  });
  return { ...material, verify: isVerified || !flags.tls };
}

interface Answer {
  readonly statusCode: number;
  readonly body: string;
}

/** Opens an endless answer on a connection of its own; the manager may be silent for 30 s before its head. */
async function openStream(
  target: Target,
  path: string,
  signal: AbortSignal,
  clock: Clock,
): Promise<AsyncIterable<Buffer>> {
  const client = new EngineClient(connectorOf(target), { connectTimeoutMs: TIMEOUT_MS });
  const silence = new AbortController();
  const timer = clock.timer(() => silence.abort(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
  timer.start(TIMEOUT_MS);
  try {
    const either = AbortSignal.any([signal, silence.signal]);
    const request = { method: 'GET', path, isUnversioned: true, headers: HEADERS, signal: either } as const;
    const answer = await client.open(request);
    if (answer.statusCode < 400) return piecesOf(client, bodyOf(answer, signal), signal);
    const body = new ByteCollector();
    for await (const piece of bodyOf(answer, either)) if (body.length < MAX_ERROR_BYTES) body.add(piece);
    parse({ statusCode: answer.statusCode, body: body.take().toString() }, target, path);
    throw failure(`${target.address} refused ${path}`);
  } catch (error) {
    await client.close();
    throw error instanceof ClusterError && !(error instanceof EngineError) ? error : explain(error, target);
  } finally {
    timer.stop();
  }
}

const MAX_ERROR_BYTES = 64 * 1024;

async function* piecesOf(
  client: EngineClient,
  body: AsyncIterable<Buffer>,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  try {
    yield* body;
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await client.close();
  }
}

/** One request over a connection of its own. The manager may be silent for so long at most, before its answer and within it. */
async function exchange(
  target: Target,
  request: RawRequest,
  clock: Clock,
  patienceMs: number = TIMEOUT_MS,
): Promise<Answer> {
  const client = new EngineClient(connectorOf(target), { connectTimeoutMs: TIMEOUT_MS });
  const silence = new AbortController();
  const timer = clock.timer(() => silence.abort(new Error(`no answer within ${patienceMs / 1000} s`)));
  const either = AbortSignal.any([...(request.signal ? [request.signal] : []), silence.signal]);
  timer.start(patienceMs);
  try {
    const answer = await client.open({ ...request, signal: either });
    const body = new ByteCollector();
    for await (const piece of bodyOf(answer, either)) {
      timer.start(patienceMs);
      body.add(piece);
      if (body.length > MAX_ANSWER_BYTES) throw new Error('the answer is larger than 512 MiB');
    }
    return { statusCode: answer.statusCode, body: body.take().toString() };
  } catch (error) {
    throw explain(error, target);
  } finally {
    timer.stop();
    await client.close();
  }
}

const HEADERS = { 'User-Agent': `enxame/${VERSION}`, Accept: 'application/json', Connection: 'close' };

function contentOf(body: string | undefined): Pick<RawRequest, 'headers' | 'body'> {
  if (body === undefined) return { headers: HEADERS };
  const length = String(Buffer.byteLength(body));
  return { headers: { ...HEADERS, 'Content-Type': 'application/json', 'Content-Length': length }, body };
}

function connectorOf({ place, tls }: Target): Connector {
  if ('socketPath' in place) return unixConnector(place.socketPath);
  return tls ? tlsConnector(place.host, place.port, tls) : tcpConnector(place.host, place.port);
}

function parse<T>({ statusCode, body }: Answer, { address }: Target, path: string): T {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch (error) {
    if (GO_WANTS_TLS.test(body)) throw wantsTls(address, error);
    const seen = body.trim().slice(0, 80);
    throw failure(`${address} does not answer like a manager (${statusCode}: ${JSON.stringify(seen)})`, error);
  }
  if (statusCode < 400) return value as T;
  const message = (value as { readonly message?: unknown }).message;
  if (statusCode === 404 && message === 'page not found')
    throw failure(`${address} is no manager of this version: it does not know ${path.split('?')[0]}`);
  // What it refuses it explains itself; what fails there is told with where.
  const isRefused = statusCode < 500 || statusCode === 503;
  const text =
    isRefused && typeof message === 'string' ? message : `the manager at ${address} failed: ${message ?? statusCode}`;
  throw statusCode === 404 ? new NotFoundError(text) : failure(text);
}

/** What Go's HTTP servers, engines among them, answer to plain HTTP at a TLS address. */
const GO_WANTS_TLS = /^Client sent an HTTP request to an HTTPS server/;

const NOBODY: ReadonlySet<string> = new Set(['ECONNREFUSED', 'ENOENT', 'EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT']);

function explain(thrown: unknown, { address, tls }: Target): ClusterError {
  // What the system or OpenSSL said, rather than what the client of engines makes of it.
  const error = thrown instanceof EngineError && thrown.cause instanceof Error ? thrown.cause : thrown;
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  const isTls = tls !== undefined;
  if (NOBODY.has(code)) {
    return failure(
      `no manager answers at ${address} (${code}). Start one with 'enxame manage DISCOVERY', or give its address with -H or $DOCKER_HOST`,
      error,
    );
  }
  if (isTls && /WRONG_VERSION|PACKET_LENGTH|EPROTO/.test(code))
    return failure(`${address} does not speak TLS. Leave out --tlsverify, or give the manager's TLS address`, error);
  if (!isTls && (code === 'ECONNRESET' || code === CLOSED_UNANSWERED || code === NOT_HTTP))
    return wantsTls(address, error);
  if (code === CLOSED_UNANSWERED)
    return failure(`${address} closed the connection. Does it accept --tlscert and --tlskey?`, error);
  if (/CERT|SELF_SIGNED|UNABLE_TO|ALTNAME|SSL|TLS/.test(code))
    return failure(
      `TLS with ${address}: ${reasonOf(error)}. Check --tlscacert, --tlscert and --tlskey, or $DOCKER_CERT_PATH`,
      error,
    );
  return failure(`ask ${address}: ${reasonOf(error).replace(/\bthe engine\b/, 'the manager')}`, error);
}

function wantsTls(address: string, cause: unknown): ClusterError {
  return failure(`${address} does not speak plain HTTP. Does it want TLS? Try --tlsverify`, cause);
}

function failure(message: string, cause?: unknown): ClusterError {
  return new ClusterError(message, { code: 'MANAGER', status: 502, cause });
}
