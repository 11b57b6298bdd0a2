import type { Duplex } from 'node:stream';
import { headerOf, type ResponseHead } from '../engine/response-head.ts';
import { readBody } from './body.ts';
import type { Call } from './call.ts';
import { takeSocket } from './client-socket.ts';
import { EngineStream } from './engine-stream.ts';
import { formatHead, repeatedHeaders, requestHeaders } from './forwarding.ts';
import type { ProxyTarget } from './proxy.ts';
import { lingeringEnd } from './refusal.ts';
import { pipeAnswer, pump } from './relay.ts';

/** Largest body of a request that becomes a raw stream (exec options), in bytes. */
const MAX_BODY_BYTES = 1024 * 1024;

/**
 * Asks an engine to turn the call into a raw stream and joins client and engine: bytes both ways, half-close both ways,
 * back-pressure, and the end of one is the end of the other. An engine that refuses (404, 409) or answers plainly (a
 * detached exec) is passed on as an ordinary answer. `path` is with query and without version.
 */
export async function hijackToNode(call: Call, node: ProxyTarget, path: string): Promise<void> {
  const body = await readBody(call, MAX_BODY_BYTES);
  const stream = await EngineStream.send(node.client, {
    method: call.req.method ?? 'POST',
    path,
    api: call.api,
    headers: {
      ...requestHeaders(call.req.headers),
      ...repeatedHeaders(call.req),
      // Clients from before upgrades (API < 1.20) get the raw stream behind a plain 200.
      Connection: 'Upgrade',
      Upgrade: call.upgrade?.protocol ?? 'tcp',
      ...(body.length > 0 || call.req.method === 'POST' ? { 'Content-Length': String(body.length) } : {}),
    },
    body,
    signal: call.signal,
  });
  try {
    const head = await stream.head(call.signal);
    if (!isRawStream(head)) return await pipeAnswer(call, stream, head);
    const client = await takeSocket(call);
    client.write(headFor(call, head));
    await join(client, call.upgrade?.head, stream, call.signal);
  } finally {
    stream.destroy();
  }
}

/** 101, or what engines answer without an upgrade: 200 with neither length nor chunks. */
function isRawStream(head: ResponseHead): boolean {
  if (head.statusCode === 101) return true;
  const isFramed = headerOf(head.rawHeaders, 'content-length') ?? headerOf(head.rawHeaders, 'transfer-encoding');
  return head.statusCode === 200 && isFramed === undefined;
}

function headFor(call: Call, head: ResponseHead): string {
  if (head.statusCode !== 101) return formatHead(call.res, head, []);
  if (!call.upgrade) return formatHead(call.res, { ...head, statusCode: 200, statusText: 'OK' }, []);
  const protocol = headerOf(head.rawHeaders, 'upgrade') ?? call.upgrade.protocol;
  return formatHead(call.res, head, ['Connection: Upgrade', `Upgrade: ${protocol}`]);
}

/** Joins client and engine until both connections are closed. `early` are the client's bytes read already. */
async function join(
  client: Duplex,
  early: Buffer | undefined,
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
  if (early && early.length > 0) engine.write(early);
  pump(client, engine);
  const end = await stream.relayTo(client);
  if (end === 'ended') client.end();
  else if (end === 'cut') client.destroy();
  await closed;
  signal.removeEventListener('abort', onAbort);
}

/** Not `once` of node:events, which rejects when a connection is reset. */
function closeOf(socket: Duplex): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once('close', () => resolve());
  });
}
