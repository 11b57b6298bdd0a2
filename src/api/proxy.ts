import type { EngineClient } from '../engine/client.ts';
import type { EngineAnswer } from '../engine/exchange.ts';
import { headerOf } from '../engine/http/response-head.ts';
import { sendJson } from './answer.ts';
import type { Call } from './call.ts';
import { EngineStream } from './engine-stream.ts';
import { copyHeaders, requestHeaders } from './forwarding.ts';
import { relayAnswer } from './relay.ts';

/** Where a call goes; a cluster node. */
export interface ProxyTarget {
  readonly client: EngineClient;
}

/** What to ask the engine; defaults come from the client's call. */
export interface ProxyOptions {
  /** With query, without version; e.g. `/containers/<engine's ID>/top?ps_args=aux`. */
  readonly path: string;
  readonly method?: string;
  readonly body?: string | Buffer;
  /** Replaces the client's headers. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Bound on the exchange in milliseconds; default 120 s, 0 none. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 120_000;

/** Asks one node and answers the client with what it says; `editBody` may edit the text of an answer below 300. */
export async function proxyToNode(
  call: Call,
  node: ProxyTarget,
  options: ProxyOptions & { readonly editBody?: (text: string) => string },
): Promise<EngineAnswer> {
  const answer = await askNode(call, node, options);
  sendAnswer(call, answer, options.editBody);
  return answer;
}

/** Asks one node on behalf of a client: its method, headers and API version; given up when the client leaves. */
export function askNode(call: Call, node: ProxyTarget, options: ProxyOptions): Promise<EngineAnswer> {
  return node.client.request({
    method: options.method ?? call.req.method ?? 'GET',
    path: options.path,
    api: call.api,
    headers: options.headers ?? requestHeaders(call.req.headers),
    body: options.body,
    signal: call.signal,
    timeoutMs: options.timeoutMs ?? TIMEOUT_MS,
  });
}

/** Answers the client with an engine's answer, errors included; `editBody` as in {@link proxyToNode}. */
export function sendAnswer(call: Call, answer: EngineAnswer, editBody?: (text: string) => string): void {
  const { res } = call;
  copyHeaders(res, answer);
  if (answer.statusCode >= 400 && call.req.method !== 'HEAD') return sendRefusal(call, answer);
  if (editBody && answer.statusCode < 300 && answer.body.length > 0) {
    sendJson(res, answer.statusCode, editBody(answer.body.toString()));
    return;
  }
  const length = headerOf(answer.rawHeaders, 'content-length');
  if (call.req.method === 'HEAD')
    res.writeHead(answer.statusCode, length === undefined ? {} : { 'Content-Length': Number.parseInt(length, 10) });
  else if (answer.statusCode === 204 || answer.statusCode === 304) res.writeHead(answer.statusCode);
  else res.writeHead(answer.statusCode, { 'Content-Length': answer.body.length });
  res.end(call.req.method === 'HEAD' ? undefined : answer.body);
}

/** In an engine's error the container is called as the client called it: the engine was asked by its own ID. */
function sendRefusal(call: Call, answer: EngineAnswer): void {
  const typed = call.route.path.startsWith('/containers/') ? call.params.id : undefined;
  const text = answer.body.toString();
  const engineId = typed === undefined ? undefined : call.services.cluster.findContainer(typed)?.engineId;
  const named =
    typed === undefined || engineId === undefined
      ? text
      : text.replaceAll(engineId, () => JSON.stringify(typed.replace(/^\//, '')).slice(1, -1));
  const bytes = Buffer.from(named);
  call.res.writeHead(answer.statusCode, { 'Content-Length': bytes.length });
  call.res.end(bytes);
}

/** Opens a stream from one node on behalf of a client: a connection of its own, without a deadline. */
export async function openOnNode(call: Call, node: ProxyTarget, options: ProxyOptions): Promise<EngineStream> {
  const { body } = options;
  return EngineStream.send(node.client, {
    method: options.method ?? call.req.method ?? 'GET',
    path: options.path,
    api: call.api,
    headers: {
      ...(options.headers ?? requestHeaders(call.req.headers)),
      ...(body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
      Connection: 'close',
    },
    body,
    signal: call.signal,
  });
}

/** Asks one node and relays its answer as a stream of bytes (logs, export, archive, save, …). */
export async function streamFromNode(call: Call, node: ProxyTarget, options: ProxyOptions): Promise<void> {
  const stream = await openOnNode(call, node, options);
  try {
    await relayAnswer(call, stream, await stream.head(call.signal));
  } finally {
    stream.destroy();
  }
}
