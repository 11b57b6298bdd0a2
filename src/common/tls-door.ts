import { createCipheriv, createHmac, type X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Server } from 'node:https';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { Logger } from './logger.ts';
import { AGENT_PROTOCOL, isOfServer } from './node-certificate.ts';
import { RefusalLog } from './refusal-log.ts';

/** A client gets so long to read why it was refused, in milliseconds. */
const LINGER_MS = 1_000;

/**
 * Looks after the clients of a TLS server made with `rejectUnauthorized: false`: whose certificate is none of ours gets the alert
 * that engines send, who speaks plain HTTP engines' sentence, and the log a line. To be called before anything listens to the server's events.
 * {@link isWelcome} tells requests of refused clients, which may have been sent with the handshake.
 *
 * @param agentsOf an authority whose servers are let in as agents, for {@link isWelcome} to tell what they may ask
 */
export function guardTls(server: Server, verifyClients: boolean, logger: Logger, agentsOf?: string | Buffer): void {
  const connections = new Map<string, Socket>();
  const secrets = new WeakMap<TLSSocket, Buffer>();
  const addresses = new WeakMap<TLSSocket, string | undefined>();
  const log = new RefusalLog(logger);
  server.prependListener('connection', (socket: Socket) => {
    const key = keyOf(socket);
    connections.set(key, socket);
    socket.once('close', () => connections.delete(key));
  });
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    const connection = connections.get(keyOf(socket));
    if (error.code === 'ERR_SSL_HTTP_REQUEST' && connection) answerPlainHttp(connection);
    // Port scans and clients that change their mind.
    if (error.code !== 'ECONNRESET')
      log.refused(connection?.remoteAddress ?? addresses.get(socket), handshakeReason(error));
  });
  // A client that refuses our certificate has left when that is told, and its address with it. With TLS 1.2 no keys come before.
  server.on('keylog', (_line: Buffer, socket: TLSSocket) => {
    if (!addresses.has(socket)) addresses.set(socket, socket.remoteAddress);
  });
  if (!verifyClients) return;
  server.on('keylog', (line: Buffer, socket: TLSSocket) => {
    const [label, , secret] = line.toString().trim().split(' ');
    if (label === 'SERVER_TRAFFIC_SECRET_0' && secret) secrets.set(socket, Buffer.from(secret, 'hex'));
  });
  server.prependListener('secureConnection', (socket: TLSSocket) => {
    const secret = secrets.get(socket);
    secrets.delete(socket);
    if (socket.authorized && socket.getPeerX509Certificate()) {
      welcome.add(socket);
      return;
    }
    const certificate = socket.getPeerX509Certificate();
    if (certificate && socket.alpnProtocol === AGENT_PROTOCOL && isOfServer(certificate, agentsOf, Date.now())) {
      agents.set(socket, certificate);
      return;
    }
    const refusal = refusalOf(socket);
    log.refused(socket.remoteAddress, refusal.reason);
    const connection = connections.get(keyOf(socket));
    // Before anything else was encrypted: it is the first record that the client reads after the handshake.
    if (connection && secret && socket.getProtocol() === 'TLSv1.3') {
      connection.write(alertRecord(secret, socket.getCipher().standardName, refusal.alert));
    }
    const timer = setTimeout(() => socket.destroy(), LINGER_MS);
    timer.unref();
    socket.once('close', () => clearTimeout(timer));
  });
}

/**
 * Connections whose client showed a certificate of ours. `authorized` alone is not enough: Node says it of every TLS 1.3 session that
 * is resumed without a certificate, also of one that was refused before.
 */
const welcome = new WeakSet<object>();

/** Connections of agents, with the certificates of their nodes. */
const agents = new WeakMap<object, X509Certificate>();

/** What an agent may ask for that shows a node's certificate. */
const OF_AGENTS = /^\/enxame\/v1\/agents\/[^/]+(?:\/reclaim|\/dial)?$/;

/** The certificate of the node whose agent asks; undefined for clients. */
export function agentCertificate({ socket }: IncomingMessage): X509Certificate | undefined {
  return agents.get(socket);
}

/** Whether the client of a request showed a certificate that we ask all for: a client's, or that of an agent's node. */
export function isCertified({ socket }: IncomingMessage): boolean {
  return welcome.has(socket) || agents.has(socket);
}

/** Lets what an upgraded connection is read through stand for the connection. */
export function sameClient(connection: object, stand: object): void {
  if (welcome.has(connection)) welcome.add(stand);
  const certificate = agents.get(connection);
  if (certificate) agents.set(stand, certificate);
}

/** Whether a request came from a client that was let in, or is one that agents may make; the others' connections are closed. */
export function isWelcome(req: IncomingMessage): boolean {
  const socket = req.socket as TLSSocket;
  if (welcome.has(socket)) return true;
  if (agents.has(socket) && OF_AGENTS.test(req.url ?? '')) return true;
  socket.destroy();
  return false;
}

function keyOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort} ${socket.localAddress}`;
}

/** In the words of Go's HTTP server. */
function answerPlainHttp(connection: Socket): void {
  const head = 'HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n';
  connection.end(`${head}Client sent an HTTP request to an HTTPS server.\n`);
}

function handshakeReason({ code, message }: NodeJS.ErrnoException): string {
  if (/ALERT_(BAD_CERTIFICATE|CERTIFICATE_UNKNOWN|UNSUPPORTED_CERTIFICATE|UNKNOWN_CA)$/.test(code ?? '')) {
    return 'the client does not trust our certificate';
  }
  return HANDSHAKE_REASONS[code ?? ''] ?? `the TLS handshake failed: ${code ?? message}`;
}

const HANDSHAKE_REASONS: Readonly<Record<string, string>> = {
  ERR_SSL_HTTP_REQUEST: 'the client speaks HTTP without TLS',
  ERR_SSL_WRONG_VERSION_NUMBER: 'the client does not speak TLS',
  ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED: 'the client says that our certificate expired',
  ERR_SSL_UNSUPPORTED_PROTOCOL: 'the client speaks no TLS newer than 1.1',
};

interface Refusal {
  /** RFC 8446 §6. */
  readonly alert: number;
  readonly reason: string;
}

/** As Go's `crypto/tls` chooses alerts for client certificates. */
function refusalOf(socket: TLSSocket): Refusal {
  const { subject } = socket.getPeerCertificate();
  if (!subject) return { alert: 116, reason: 'the client shows no certificate' };
  const name = JSON.stringify(subject.CN ?? '');
  const code = String(socket.authorizationError);
  if (code === 'CERT_HAS_EXPIRED') return { alert: 45, reason: `the client certificate ${name} expired` };
  if (code === 'CERT_NOT_YET_VALID') return { alert: 45, reason: `the client certificate ${name} is not valid yet` };
  if (code === 'INVALID_PURPOSE') return { alert: 42, reason: `the certificate ${name} is not for clients` };
  if (/ISSUER|VERIFY_LEAF|SELF_SIGNED/.test(code)) {
    return { alert: 48, reason: `the client certificate ${name} is of another authority` };
  }
  return { alert: 42, reason: `the client certificate ${name} is not accepted: ${code}` };
}

/**
 * A fatal alert as the first record under the server's application traffic secret (RFC 8446 §5.2, §7.3). OpenSSL would send it,
 * but Node checks certificates when OpenSSL has done the handshake already, and then can only close the connection.
 */
function alertRecord(secret: Buffer, cipher: string, alert: number): Buffer {
  const [hash, aead, keyBytes] = cipherOf(cipher);
  const key = expand(hash, secret, 'key', keyBytes);
  const nonce = expand(hash, secret, 'iv', 12);
  const inner = Buffer.from([2, alert, 21]);
  const head = Buffer.from([23, 3, 3, 0, inner.length + 16]);
  const sealing = createCipheriv(aead as 'aes-128-gcm', key, nonce, { authTagLength: 16 }).setAAD(head, {
    plaintextLength: inner.length,
  });
  const sealed = Buffer.concat([sealing.update(inner), sealing.final()]);
  return Buffer.concat([head, sealed, sealing.getAuthTag()]);
}

type Aead = 'aes-128-gcm' | 'aes-256-gcm' | 'chacha20-poly1305';

function cipherOf(name: string): [hash: string, aead: Aead, keyBytes: number] {
  if (name.includes('CHACHA20')) return ['sha256', 'chacha20-poly1305', 32];
  return name.includes('AES_256') ? ['sha384', 'aes-256-gcm', 32] : ['sha256', 'aes-128-gcm', 16];
}

/** HKDF-Expand-Label with an empty context, for at most one block of the hash. */
function expand(hash: string, secret: Buffer, label: string, bytes: number): Buffer {
  const name = Buffer.from(`tls13 ${label}`);
  const info = Buffer.concat([Buffer.from([0, bytes, name.length]), name, Buffer.from([0, 1])]);
  return createHmac(hash, secret).update(info).digest().subarray(0, bytes);
}
