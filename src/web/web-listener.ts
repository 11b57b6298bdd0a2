import { X509Certificate } from 'node:crypto';
import http, { type IncomingMessage, type RequestListener, type ServerOptions, type ServerResponse } from 'node:http';
import https from 'node:https';
import type { Duplex } from 'node:stream';
import { isLoopback, type ListenAddress } from '../common/listen-address.ts';
import { listenOn } from '../common/listener.ts';
import type { Logger } from '../common/logger.ts';
import { guardTls, isWelcome } from '../common/tls-door.ts';
import type { TlsServerOptions } from '../common/tls-files.ts';
import { hostGuard, refuseForeignPages } from '../common/web-guard.ts';
import { endUpgrade } from './end-upgrade.ts';

/** What answers at one path of the listener, to GET and HEAD. What it throws is logged and answered with 500. */
export interface WebResource {
  /** The whole path, without a query. */
  readonly path: string;
  answer(req: IncomingMessage, res: ServerResponse): Promise<void>;
}

/** What answers everything that is asked for at a listener, and decides itself who may ask. */
export interface WebSite {
  /** Of every answer, those of the listener itself included; default none. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Of the request's connection: what it throws is logged and answered with 500. */
  answer(req: IncomingMessage, res: ServerResponse): Promise<void>;
  /** A request to leave HTTP (a WebSocket). It owns the socket. */
  upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void;
  /** Whether a page of another site may ask for this: it links to it. */
  isLinkable(req: IncomingMessage): boolean;
}

export interface WebListenerOptions {
  readonly address: ListenAddress;
  /** The flag that chooses the address, for messages. */
  readonly flag: string;
  /** Used where others than this machine can reach the listener; loopback addresses and unix sockets stay plain. */
  readonly tls?: TlsServerOptions | undefined;
  readonly allowHosts?: readonly string[] | undefined;
  /** What there is: some resources, or a site with ways of its own. */
  readonly serves: readonly WebResource[] | WebSite;
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

/** Scrapers are few; a browser opens six. */
const MAX_CONNECTIONS = 128;
const MAX_SITE_CONNECTIONS = 1_024;

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
  const { serves } = options;
  server.maxConnections = isSite(serves) ? MAX_SITE_CONNECTIONS : MAX_CONNECTIONS;
  const guard = guardOf(options, tls);
  server.on('request', answerer(options, tls, guard));
  // The server lets go of them: nothing else would end them with it.
  const upgraded = new Set<Duplex>();
  if (isSite(serves)) {
    const upgrade = upgrader(serves, tls, guard);
    server.on('upgrade', (req, socket, head) => {
      upgraded.add(socket);
      socket.once('close', () => upgraded.delete(socket));
      upgrade(req, socket, head);
    });
  }
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
        for (const socket of upgraded) socket.destroy();
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

/** Throws for requests that come from pages of other sites, or ask by a name that could be theirs. */
type Guard = (req: IncomingMessage) => void;

function guardOf(options: WebListenerOptions, tls: TlsServerOptions | undefined): Guard {
  const { address, allowHosts = [], serves } = options;
  const isAsked = address.kind === 'tcp' && !tls?.requestCert;
  const certificate = tls && isAsked ? new X509Certificate(tls.cert) : undefined;
  const checkHost = isAsked ? hostGuard(address, allowHosts, certificate) : () => undefined;
  return (req) => {
    checkHost(req.headers.host);
    if (!(isSite(serves) && serves.isLinkable(req))) refuseForeignPages(req.headers);
  };
}

function answerer(options: WebListenerOptions, tls: TlsServerOptions | undefined, guard: Guard): RequestListener {
  const { serves, logger } = options;
  const answer = isSite(serves)
    ? (req: IncomingMessage, res: ServerResponse) => serves.answer(req, res)
    : answererOf(serves);
  const headers = isSite(serves) ? Object.entries(serves.headers ?? {}) : [];
  return (req, res) => {
    if (tls?.requestCert && !isWelcome(req)) return;
    req.on('error', () => undefined);
    res.on('error', (error) => logger.debug({ err: error }, 'an answer could not be written'));
    res.setHeader('X-Content-Type-Options', 'nosniff');
    for (const [name, value] of headers) res.setHeader(name, value);
    try {
      guard(req);
    } catch (error) {
      req.resume();
      return refuse(res, 403, (error as Error).message);
    }
    answer(req, res).catch((error: unknown) => {
      logger.error({ err: error, path: pathOf(req) }, 'a request of an operator failed');
      if (res.headersSent) res.destroy();
      else refuse(res, 500, 'it failed: the log of the manager says why');
    });
  };
}

function answererOf(resources: readonly WebResource[]): WebSite['answer'] {
  const byPath = new Map(resources.map((resource) => [resource.path, resource]));
  return async (req, res) => {
    // Bodies are not read: what is asked here is asked by its path.
    req.resume();
    const resource = byPath.get(pathOf(req));
    if (!resource) return refuse(res, 404, `no such page; there is ${[...byPath.keys()].join(', ')}`);
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.setHeader('Allow', 'GET, HEAD');
      return refuse(res, 405, 'only GET and HEAD');
    }
    await resource.answer(req, res);
  };
}

type OnUpgrade = (req: IncomingMessage, socket: Duplex, head: Buffer) => void;

function upgrader(site: WebSite, tls: TlsServerOptions | undefined, guard: Guard): OnUpgrade {
  return (req, socket, head) => {
    socket.on('error', () => socket.destroy());
    if (tls?.requestCert && !isWelcome(req)) return;
    try {
      guard(req);
    } catch (error) {
      return endUpgrade(socket, 403, 'text/plain; charset=utf-8', `${(error as Error).message}\n`, site.headers);
    }
    site.upgrade(req, socket, head);
  };
}

function isSite(serves: WebListenerOptions['serves']): serves is WebSite {
  return 'answer' in serves;
}

function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split('?', 1)[0] ?? '/';
}

function refuse(res: ServerResponse, status: number, message: string): void {
  res.writeHead(status, { 'Content-Type': 'text/plain; charset=utf-8' });
  res.end(`${message}\n`);
}
