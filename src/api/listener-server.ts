import { X509Certificate } from 'node:crypto';
import http, { type ServerOptions } from 'node:http';
import https from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { ListenAddress } from '../common/listen-address.ts';
import type { Logger } from '../common/logger.ts';
import { AGENT_PROTOCOL } from '../common/node-certificate.ts';
import { guardTls, isWelcome, sameClient } from '../common/tls-door.ts';
import { hostGuard, refuseForeignPages } from '../common/web-guard.ts';
import type { Dispatcher, Guard } from './dispatcher.ts';
import { rememberSockets } from './leave-http.ts';
import type { Limits } from './limits.ts';
import type { NodeHttp } from './node-http.ts';
import { refuse } from './refusal.ts';
import { refuseOtherCodings, type TransferCodingError } from './transfer-coding.ts';
import { upgradedConnection } from './upgrade.ts';

/** The manager's certificate, and whom it trusts, as PEM text. */
export interface ServerTls {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  readonly ca?: string | Buffer | undefined;
  /** True refuses clients without a certificate signed by `ca` (`--tlsverify`). */
  readonly verifyClients: boolean;
}

/** What the servers of all listeners have in common. */
export interface ListenerOptions {
  readonly tls?: ServerTls | undefined;
  readonly allowHosts?: readonly string[] | undefined;
  readonly limits: Limits;
  readonly logger: Logger;
}

/** Whom a listener lets in: no pages of other sites, and where everybody may ask, no names that could be theirs. */
function guardOf(address: ListenAddress, { tls, allowHosts = [] }: ListenerOptions): Guard {
  const isOpen = address.kind === 'tcp' && !tls?.verifyClients;
  const certificate = isOpen && tls ? new X509Certificate(tls.cert) : undefined;
  const checkHost = isOpen ? hostGuard(address, allowHosts, certificate) : undefined;
  return ({ headers }) => {
    refuseForeignPages(headers);
    checkHost?.(headers.host);
  };
}

/** The server of one listener, not listening yet. */
export function createServer(
  address: ListenAddress,
  { tls, limits, logger }: ListenerOptions,
  dispatcher: Dispatcher,
): http.Server {
  const options: ServerOptions & { shouldUpgradeCallback: (req: http.IncomingMessage) => boolean } = {
    // Node 20 does not know it and leaves all that ask to upgrade to us.
    shouldUpgradeCallback: (req) => dispatcher.acceptUpgrade(req),
    maxHeaderSize: limits.maxHeadBytes,
    headersTimeout: limits.headTimeoutMs,
    // Uploads and hijacked streams take as long as they take; only the head has a deadline.
    requestTimeout: 0,
    // Nothing here depends on the name we are called by: scripts may leave it out.
    requireHostHeader: false,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: Math.min(5_000, limits.headTimeoutMs),
    noDelay: true,
    // A client that vanished (or closed for good while its stream is silent) is noticed within two minutes.
    keepAlive: true,
    keepAliveInitialDelay: 30_000,
  };
  if (address.kind === 'unix' || !tls) {
    const server = http.createServer(options);
    rememberSockets(server, 'connection');
    return server;
  }
  const server = https.createServer({
    ...options,
    cert: tls.cert,
    key: tls.key,
    ca: tls.ca,
    requestCert: tls.verifyClients,
    ALPNProtocols: [AGENT_PROTOCOL, 'http/1.1'],
    // Not by Node, which closes the connection without a word: see guardTls.
    rejectUnauthorized: false,
    minVersion: 'TLSv1.2',
    handshakeTimeout: limits.headTimeoutMs,
  });
  guardTls(server, tls.verifyClients, logger, tls.ca);
  // A client that ends its input (`docker exec -i < file`) still reads; TLS sockets would close both sides.
  server.on('secureConnection', (socket: TLSSocket) => {
    socket.allowHalfOpen = true;
  });
  rememberSockets(server, 'secureConnection');
  return server;
}

/** Hands all requests of a listener to the dispatcher. */
export function serve(
  server: http.Server,
  address: ListenAddress,
  options: ListenerOptions,
  dispatcher: Dispatcher,
  { upgradeBodies }: NodeHttp,
): void {
  const guard = guardOf(address, options);
  const isVerified = server instanceof https.Server && options.tls?.verifyClients === true;
  const answer = (req: http.IncomingMessage, res: http.ServerResponse): void => {
    // Dispatcher.request answers its own errors and never rejects.
    void dispatcher.request(req, res, guard);
  };
  const onRequest = (req: http.IncomingMessage, res: http.ServerResponse): void => {
    if (!isVerified || isWelcome(req)) answer(req, res);
  };
  // Never listens: it answers what Node leaves to us because it asks to upgrade.
  const upgraded = http.createServer({ maxHeaderSize: options.limits.maxHeadBytes, requireHostHeader: false });
  upgraded.on('request', answer).on('checkContinue', answer);
  // With a listener Node leaves `100 Continue` to us: it is sent when a handler reads the body (see body.ts).
  server.on('request', onRequest).on('checkContinue', onRequest);
  for (const each of [server, upgraded]) {
    each.on('clientError', (error, socket) => refuse(error, socket, dispatcher.headers()));
  }
  server.on('upgrade', (req, stream, head) => {
    if (isVerified && !isWelcome(req)) return;
    stream.on('error', () => stream.destroy());
    // The answer before may have set the time that a connection is kept idle.
    req.socket.setTimeout(0);
    // Never rejects.
    void dispatcher.afterEarlier(req.socket).then(() => {
      if (stream.destroyed) return;
      try {
        refuseOtherCodings(req.headers);
      } catch (error) {
        return refuse(error as TransferCodingError, stream, dispatcher.headers());
      }
      const connection = upgradedConnection(req, stream, head, dispatcher.mayHijack(req), upgradeBodies);
      sameClient(req.socket, connection);
      upgraded.emit('connection', connection);
    });
  });
}
