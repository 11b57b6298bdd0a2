import type { Duplex } from 'node:stream';
import { ClusterError } from '../common/errors.ts';
import { headerOf, type ResponseHead } from '../engine/http/response-head.ts';
import { acceptBody } from './body.ts';
import type { Call } from './call.ts';
import { socketForAnswer } from './client-socket.ts';
import { EngineStream } from './engine-stream.ts';
import { formatHead, repeatedHeaders, requestHeaders } from './forwarding.ts';
import type { ProxyTarget } from './proxy.ts';
import { lingeringEnd } from './refusal.ts';
import { pipeAnswer, pump } from './relay.ts';
import { parsedInput, type RawClient, type RequestInput } from './request-input.ts';

/** What an engine gets of the body of a request that becomes a raw stream. */
export type HijackBody = 'forwarded' | 'dropped';

/**
 * Asks an engine to turn the call into a raw stream and joins client and engine: bytes both ways, half-close both ways,
 * back-pressure, and the end of one is the end of the other. An engine that refuses (404, 409) or answers plainly (a
 * detached exec) is passed on as an ordinary answer. `path` is with query and without version. A body that an engine does not read
 * must be dropped: it would be the first input of the stream.
 */
export async function hijackToNode(
  call: Call,
  node: ProxyTarget,
  path: string,
  wanted: HijackBody = 'dropped',
): Promise<void> {
  const input = call.upgrade?.input ?? parsedInput(call.req, () => acceptBody(call));
  const body = wanted === 'forwarded' ? await readOptions(input) : '';
  const stream = await openRaw(call, node, path, body);
  try {
    const head = await stream.head(call.signal);
    if (!isRawStream(head)) return await pipeAnswer(call, stream, head);
    // A pipelined request waits for its turn.
    await socketForAnswer(call);
    const client = input.take();
    client.socket.write(headFor(call, head));
    await join(client, stream, call.signal);
  } finally {
    stream.destroy();
  }
}

/** Asks an engine to turn the call into a raw stream. */
export function openRaw(call: Call, node: ProxyTarget, path: string, body: string = ''): Promise<EngineStream> {
  return EngineStream.send(node.client, {
    method: call.req.method ?? 'POST',
    path,
    api: call.api,
    headers: {
      ...requestHeaders(call.req.headers),
      ...repeatedHeaders(call.req),
      // Clients from before upgrades (API < 1.20) get the raw stream behind a plain 200.
      Connection: 'Upgrade',
      Upgrade: call.upgrade?.protocol ?? 'tcp',
      ...(call.req.method === 'POST' ? { 'Content-Length': String(Buffer.byteLength(body)) } : {}),
    },
    body,
    signal: call.signal,
  });
}

/** Without white space around: engines stop reading behind the JSON, and would take a line end for input. */
async function readOptions(input: RequestInput): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new LateBodyError()), BODY_TIMEOUT_MS);
  });
  try {
    return (await Promise.race([input.body(), late])).toString().trim();
  } finally {
    clearTimeout(timer);
  }
}

/** Options did not come in time (408). Node 26 says nothing of malformed chunks behind a request to upgrade. */
class LateBodyError extends ClusterError {
  constructor() {
    super('the request body did not come in time', { code: 'BODY_LATE', status: 408 });
  }
}

/** For exec options, which clients send at once. */
const BODY_TIMEOUT_MS = 10_000;

/** 101, or what engines answer without an upgrade: 200 with neither length nor chunks. */
export function isRawStream(head: ResponseHead): boolean {
  if (head.statusCode === 101) return true;
  return head.statusCode === 200 && head.framing.kind === 'until closed';
}

export function headFor(call: Call, head: ResponseHead): string {
  if (head.statusCode !== 101) return formatHead(call.res, head, []);
  if (!call.upgrade) return formatHead(call.res, { ...head, statusCode: 200, statusText: 'OK' }, []);
  const protocol = headerOf(head.rawHeaders, 'upgrade') ?? call.upgrade.protocol;
  return formatHead(call.res, head, ['Connection: Upgrade', `Upgrade: ${protocol}`]);
}

/** Joins client and engine until both connections are closed. */
async function join(
  { socket: client, early, strip }: RawClient,
  stream: EngineStream,
  signal: AbortSignal,
): Promise<void> {
  const engine = stream.socket;
  const onAbort = (): void => {
    stream.destroy();
    lingeringEnd(client);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  client.once('close', () => stream.destroy());
  const closed = closeOf(client);
  if (early.length > 0) engine.write(early);
  pump(client, engine, strip);
  const end = await stream.relayTo(client);
  if (end === 'ended') client.end();
  else if (end === 'cut') client.destroy();
  await closed;
  signal.removeEventListener('abort', onAbort);
}

/** Not `once` of node:events, which rejects when a connection is reset. */
export function closeOf(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once('close', () => resolve());
  });
}
