import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gzipSync } from 'node:zlib';

export interface ListRequest {
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingHttpHeaders;
}

/** What a provider answers: text or JSON. */
export interface ListAnswer {
  readonly status?: number;
  readonly content: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

type Trouble =
  | { readonly kind: 'throttled' | 'down'; left: number; readonly retryAfter?: string }
  | { readonly kind: 'html' | 'other-json' | 'endless' | 'cut'; left: number };

/** An HTTP server that publishes prices in a provider's format, compressed for those who take it, and can be made to misbehave. */
export interface ListServer {
  readonly url: string;
  readonly requests: readonly ListRequest[];
  /** The next `count` answers are of this kind; `retryAfter` goes with refusals. */
  trouble(kind: Trouble['kind'], count: number, retryAfter?: string): void;
  /** How many answers were compressed. */
  readonly compressed: () => number;
  close(): Promise<void>;
}

/** Starts on a free port; a path that `answer` does not know is 404. */
export async function startListServer(answer: (request: ListRequest) => ListAnswer | undefined): Promise<ListServer> {
  const requests: ListRequest[] = [];
  let planned: Trouble | undefined;
  let compressed = 0;
  const server = createServer((incoming, outgoing) => {
    const { pathname, searchParams } = new URL(incoming.url ?? '/', 'http://list.test');
    const request = { path: decodeURIComponent(pathname), query: searchParams, headers: incoming.headers };
    requests.push(request);
    const trouble = planned !== undefined && planned.left-- > 0 ? planned : undefined;
    if (trouble?.kind === 'throttled' || trouble?.kind === 'down') {
      const retry = trouble.retryAfter === undefined ? {} : { 'retry-after': trouble.retryAfter };
      outgoing.writeHead(trouble.kind === 'throttled' ? 429 : 503, retry).end('slow down');
    } else if (trouble?.kind === 'html') {
      outgoing.writeHead(200, { 'content-type': 'text/html' }).end('<html>Please sign in to the network</html>\n');
    } else if (trouble?.kind === 'other-json') {
      outgoing.writeHead(200, { 'content-type': 'application/json' }).end('{"status":"ok","items":null}');
    } else if (trouble?.kind === 'endless') {
      const piece = Buffer.alloc(64 * 1024, ' x\n');
      const more = (): void => {
        while (!outgoing.destroyed) if (!outgoing.write(piece)) return;
      };
      outgoing.writeHead(200, { 'content-type': 'application/json' });
      outgoing.on('drain', more);
      more();
    } else {
      const {
        status = 200,
        content,
        headers = {},
      } = answer(request) ?? { status: 404, content: { error: 'not found' } };
      const text = typeof content === 'string' ? content : JSON.stringify(content);
      if (trouble?.kind === 'cut') {
        outgoing.writeHead(status, { ...headers, 'content-length': String(Buffer.byteLength(text)) });
        outgoing.write(text.slice(0, text.length / 2), () => outgoing.destroy());
      } else if (/\bgzip\b/.test(String(incoming.headers['accept-encoding']))) {
        compressed += 1;
        outgoing.writeHead(status, { ...headers, 'content-encoding': 'gzip' }).end(gzipSync(text));
      } else {
        outgoing.writeHead(status, headers).end(text);
      }
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    trouble: (kind, left, retryAfter) => {
      planned = (retryAfter === undefined ? { kind, left } : { kind, left, retryAfter }) as Trouble;
    },
    compressed: () => compressed,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
