import { X509Certificate } from 'node:crypto';
import http, { type IncomingMessage, type RequestListener, type ServerOptions, type ServerResponse } from 'node:http';
import https from 'node:https';
import { isLoopback, type ListenAddress } from '../common/listen-address.ts';
import { listenOn } from '../common/listener.ts';
import type { Logger } from '../common/logger.ts';
import { guardTls, isWelcome } from '../common/tls-door.ts';
import type { TlsServerOptions } from '../common/tls-files.ts';
import { hostGuard, refuseForeignPages } from '../common/web-guard.ts';

/** What answers at one path of the listener, to GET and HEAD. What it throws is logged and answered with 500. */
export interface WebResource {
  /** The whole path, without a query. */
  readonly path: string;
  answer(req: IncomingMessage, res: ServerResponse): Promise<void>;
}

export interface WebListenerOptions {
  readonly address: ListenAddress;
  /** The flag that chooses the address, for messages. */
  readonly flag: string;
  /** Used where others than this machine can reach the listener; loopback addresses and unix sockets stay plain. */
  readonly tls?: TlsServerOptions | undefined;
  readonly allowHosts?: readonly string[] | undefined;
  readonly resources: readonly WebResource[];
  readonly logger: Logger;
}

/** A listener for what is not Docker's API: programs and browsers of operators. */
export interface WebListener {
  /** Where it listens, the port resolved. */
  readonly address: ListenAddress;
  /** `http://127.0.0.1:9324`, or `unix://…`. */
  readonly url: string;
  /** Ends every connection. Idempotent. */
  close(): Promise<void>;
}

const MAX_CONNECTIONS = 128;

const SERVER_OPTIONS: ServerOptions = {
  maxHeaderSize: 16 * 1024,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  keepAliveTimeout: 75_000,
  requireHostHeader: false,
};

/** Starts the listener; rejects in one clear line when the address cannot be had. */
export async function startWebListener(options: WebListenerOptions): Promise<WebListener> {
  const { address, flag, logger } = options;
  const isOpen = address.kind === 'tcp' && !isLoopback(address.host);
  const tls = isOpen ? options.tls : undefined;
  const server = serverOf(tls, logger);
  server.maxConnections = MAX_CONNECTIONS;
  server.on('request', answerer(options, tls));
  server.on('clientError', (_error, socket) => socket.destroy());
  const listening = await listenOn(server, address, flag);
  let closing: Promise<void> | undefined;
  return {
    address: listening,
    url: listening.text.replace(/^tcp:\/\/(?=:)/, 'tcp://0.0.0.0').replace(/^tcp/, tls ? 'https' : 'http'),
    close: () => {
      closing ??= new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return closing;
    },
  };
}

function serverOf(tls: TlsServerOptions | undefined, logger: Logger): http.Server | https.Server {
  if (!tls) return http.createServer(SERVER_OPTIONS);
  const server = https.createServer({ ...SERVER_OPTIONS, ...tls, rejectUnauthorized: false, minVersion: 'TLSv1.2' });
  guardTls(server, tls.requestCert, logger);
  return server;
}

function answerer(options: WebListenerOptions, tls: TlsServerOptions | undefined): RequestListener {
  const { address, allowHosts = [], resources, logger } = options;
  const byPath = new Map(resources.map((resource) => [resource.path, resource]));
  const isAsked = address.kind === 'tcp' && !tls?.requestCert;
  const certificate = tls && isAsked ? new X509Certificate(tls.cert) : undefined;
  const checkHost = isAsked ? hostGuard(address, allowHosts, certificate) : () => undefined;
  return (req, res) => {
    if (tls?.requestCert && !isWelcome(req)) return;
    req.on('error', () => undefined);
    res.on('error', (error) => logger.debug({ err: error }, 'an answer could not be written'));
    res.setHeader('X-Content-Type-Options', 'nosniff');
    // Bodies are not read: what is asked here is asked by its path.
    req.resume();
    try {
      refuseForeignPages(req.headers);
      checkHost(req.headers.host);
    } catch (error) {
      return refuse(res, 403, (error as Error).message);
    }
    const resource = byPath.get((req.url ?? '/').split('?', 1)[0] ?? '/');
    if (!resource) return refuse(res, 404, `no such page; there is ${[...byPath.keys()].join(', ')}`);
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.setHeader('Allow', 'GET, HEAD');
      return refuse(res, 405, 'only GET and HEAD');
    }
    resource.answer(req, res).catch((error: unknown) => {
      logger.error({ err: error, path: resource.path }, 'a request of an operator failed');
      if (res.headersSent) res.destroy();
      else refuse(res, 500, 'it failed: the log of the manager says why');
    });
  };
}

function refuse(res: ServerResponse, status: number, message: string): void {
  res.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' });
  res.end(`${message}\n`);
}
