import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** A request at a provider's API, read whole. */
export interface CloudRequest {
  readonly method: string;
  readonly url: URL;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** The provider's answer. */
export interface CloudAnswer {
  readonly status: number;
  readonly body?: string | undefined;
  readonly headers?: Readonly<Record<string, string>>;
}

/** One provider's API: what it answers, and how it says no. */
export interface CloudApi {
  answer(request: CloudRequest): CloudAnswer | Promise<CloudAnswer>;
  /** Whether the request would change something. */
  isChange(request: CloudRequest): boolean;
  /** A refusal that nobody repeats. */
  refusal(request: CloudRequest): CloudAnswer;
  /** "Too many requests". */
  throttled(request: CloudRequest): CloudAnswer;
}

/** An HTTP server on loopback that speaks a provider's API and can be made to fail. */
export interface HttpCloud {
  readonly url: string;
  /** All requests so far. */
  readonly requests: readonly CloudRequest[];
  /** The n-th change from now on (1: the next) is refused. */
  failAt(change: number): void;
  /** The n-th change from now on is made, but its answer is lost. */
  loseAnswerAt(change: number): void;
  /** The next `count` requests are answered with "too many requests". */
  throttle(count: number): void;
  close(): Promise<void>;
}

/** PEM texts to serve HTTPS with. */
export interface CloudCertificate {
  readonly cert: string;
  readonly key: string;
}

/** Starts the API on a free port. */
export async function startHttpCloud(api: CloudApi, tls?: CloudCertificate): Promise<HttpCloud> {
  const requests: CloudRequest[] = [];
  const trouble = { failIn: 0, loseIn: 0, throttle: 0 };
  const respond = async (request: CloudRequest): Promise<CloudAnswer | 'lost'> => {
    requests.push(request);
    if (trouble.throttle > 0) {
      trouble.throttle -= 1;
      return api.throttled(request);
    }
    if (!api.isChange(request)) return await api.answer(request);
    if (trouble.failIn > 0 && --trouble.failIn === 0) return api.refusal(request);
    const answer = await api.answer(request);
    return trouble.loseIn > 0 && --trouble.loseIn === 0 ? 'lost' : answer;
  };
  const listener = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    // Whatever goes wrong here is the test's to see.
    void serve(incoming, outgoing, respond).catch((error: unknown) => {
      process.stderr.write(`test cloud: ${String((error as Error)?.stack ?? error)}\n`);
      outgoing.destroy();
    });
  };
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    failAt: (change) => {
      trouble.failIn = change;
    },
    loseAnswerAt: (change) => {
      trouble.loseIn = change;
    },
    throttle: (count) => {
      trouble.throttle = count;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

async function serve(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  respond: (request: CloudRequest) => Promise<CloudAnswer | 'lost'>,
): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const answer = await respond({
    method: incoming.method ?? 'GET',
    url: new URL(incoming.url ?? '/', 'http://cloud.test'),
    headers: incoming.headers,
    body: Buffer.concat(chunks).toString(),
  });
  if (answer === 'lost') {
    outgoing.destroy();
    return;
  }
  outgoing.writeHead(answer.status, answer.headers).end(answer.body);
}
