import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { ResponseHead } from '../engine/http/response-head.ts';

/** Headers about one connection, not about the message (RFC 9110 §7.6.1), and those we say ourselves. */
const NOT_FORWARDED = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'upgrade',
  'host',
  'expect',
  'content-length',
  'transfer-encoding',
]);
const OURS = new Set(['api-version', 'docker-experimental', 'ostype', 'server']);

/** A client's headers as an engine should get them: without those of the connection and of the body's framing. */
export function requestHeaders(headers: IncomingHttpHeaders): Record<string, string> {
  const forwarded: Record<string, string> = {};
  for (const name in headers) {
    const value = headers[name];
    if (value !== undefined && !NOT_FORWARDED.has(name)) {
      forwarded[name] = Array.isArray(value) ? value.join(', ') : value;
    }
  }
  return forwarded;
}

/**
 * The client's headers that came several times, each value of its own: BuildKit's sessions name their methods so, and an
 * engine reads joined ones as one method.
 */
export function repeatedHeaders(req: IncomingMessage): Record<string, readonly string[]> {
  const repeated = Object.entries(req.headersDistinct).flatMap(([name, values]) =>
    values && values.length > 1 && !NOT_FORWARDED.has(name) ? [[name, values] as const] : [],
  );
  return Object.fromEntries(repeated);
}

/** Copies an engine's headers to our answer, without those of the connection, the framing, and our own. */
export function copyHeaders(res: ServerResponse, { rawHeaders }: Pick<ResponseHead, 'rawHeaders'>): void {
  for (const [name, value] of pairs(rawHeaders)) {
    const lower = name.toLowerCase();
    if (!NOT_FORWARDED.has(lower) && !OURS.has(lower) && lower !== 'date') res.setHeader(name, value);
  }
}

/**
 * An engine's head as bytes for the client, our headers in place of the engine's; `connection` holds the connection
 * headers. The framing of the body stays, because the body is passed on as it is; the engine's other ways to write it do not.
 */
export function formatHead(res: ServerResponse, head: ResponseHead, connection: readonly string[]): string {
  const lines = [`HTTP/1.1 ${head.statusCode} ${head.statusText}`];
  for (const name of ['Api-Version', 'Docker-Experimental', 'Ostype', 'Server']) {
    const value = res.getHeader(name);
    if (value !== undefined) lines.push(`${name}: ${String(value)}`);
  }
  for (const [name, value] of pairs(head.rawHeaders)) {
    const lower = name.toLowerCase();
    if (!NOT_FORWARDED.has(lower) && !OURS.has(lower)) lines.push(`${name}: ${value}`);
  }
  if (head.framing.kind === 'sized') lines.push(`Content-Length: ${head.framing.length}`);
  if (head.framing.kind === 'chunked') lines.push('Transfer-Encoding: chunked');
  return `${[...lines, ...connection].join('\r\n')}\r\n\r\n`;
}

function* pairs(rawHeaders: readonly string[]): Generator<readonly [name: string, value: string]> {
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    yield [rawHeaders[i] ?? '', rawHeaders[i + 1] ?? ''];
  }
}
