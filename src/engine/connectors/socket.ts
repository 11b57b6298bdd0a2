import { readFile } from 'node:fs/promises';
import net from 'node:net';
import type { Duplex } from 'node:stream';
import tls from 'node:tls';
import { EngineError, reasonOf } from '../../common/errors.ts';
import type { Connector } from './connector.ts';

/** Client certificate and trust for engines over TLS, as PEM text. */
export interface EngineTls {
  readonly ca?: string | Buffer;
  readonly cert?: string | Buffer;
  readonly key?: string | Buffer;
  /** False skips the check of the engine's certificate (`--tls` without `--tlsverify`). */
  readonly verify: boolean;
  /** A name that the other side's certificate must hold for; default: the host that is connected to. */
  readonly name?: string;
  /** Protocols to ask for (ALPN), the first that the other side has; default none. */
  readonly protocols?: readonly string[];
}

/** Plain TCP; `lookup` resolves the host instead of the system's own way. */
export function tcpConnector(host: string, port: number, lookup?: net.LookupFunction): Connector {
  const address = `tcp://${joinHostPort(host, port)}`;
  return socketConnector(
    address,
    host,
    (reader) => net.connect({ host, port, allowHalfOpen: true, noDelay: true, ...(lookup && { lookup }), ...reader }),
    'connect',
  );
}

/** TLS 1.2 or newer over TCP; sessions are resumed so that later streams are cheap. `lookup` as for {@link tcpConnector}. */
export function tlsConnector(host: string, port: number, options: EngineTls, lookup?: net.LookupFunction): Connector {
  const address = `tls://${joinHostPort(host, port)}`;
  const context = contextOf(options);
  let session: Buffer | undefined;
  const open = (reader: Reader): tls.TLSSocket => {
    const socketOptions: tls.ConnectionOptions & { allowHalfOpen: boolean } = {
      host,
      port,
      secureContext: context,
      rejectUnauthorized: options.verify,
      allowHalfOpen: true,
      ...(net.isIP(options.name ?? host) ? {} : { servername: options.name ?? host }),
      ...(options.protocols && { ALPNProtocols: [...options.protocols] }),
      ...(session ? { session } : {}),
      ...(lookup && { lookup }),
      ...reader,
    };
    const socket = tls.connect(socketOptions);
    socket.setNoDelay(true);
    endsBetweenReads(socket);
    socket.on('session', (ticket) => {
      session = ticket;
    });
    return socket;
  };
  return socketConnector(address, host, open, 'secureConnect');
}

/**
 * Ends the socket's own direction in a turn of its own. Node hands records on one by one, and what promises do then runs before the next one;
 * OpenSSL takes a record that was received but not read yet when the end is sent (`SSL_shutdown`) for an error, and the socket is silent for ever.
 */
function endsBetweenReads(socket: tls.TLSSocket): void {
  const final = socket._final.bind(socket);
  socket._final = (callback) => void setImmediate(() => final(callback));
}

/** One for all engines that share certificates: reading them takes a millisecond and some 40 KB each time. */
const contexts = new WeakMap<EngineTls, tls.SecureContext>();

function contextOf(options: EngineTls): tls.SecureContext {
  const known = contexts.get(options);
  if (known) return known;
  const { ca, cert, key } = options;
  const context = tls.createSecureContext({ ca, cert, key, minVersion: 'TLSv1.2' });
  contexts.set(options, context);
  return context;
}

/** A unix socket on this machine. */
export function unixConnector(path: string): Connector {
  const open = (reader: Reader): net.Socket => net.connect({ path, allowHalfOpen: true, ...reader });
  return socketConnector(`unix://${path}`, '127.0.0.1', open, 'connect');
}

type Reader = { readonly onread?: net.OnReadOpts };

function socketConnector(
  address: string,
  host: string,
  open: (reader: Reader) => net.Socket,
  ready: 'connect' | 'secureConnect',
): Connector {
  const sockets = new Set<net.Socket>();
  let closed = false;
  return {
    address,
    host,
    connect(timeoutMs, signal, reader) {
      if (closed) return Promise.reject(new EngineError(`connect to engine ${address}: connector is closed`));
      const socket = open(reader ? { onread: reader } : {});
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      return whenReady(socket, ready, address, timeoutMs, signal);
    },
    async close() {
      closed = true;
      for (const socket of sockets) socket.destroy();
    },
  };
}

function whenReady(
  socket: net.Socket,
  ready: string,
  address: string,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => {
      settle();
      socket.on('error', () => socket.destroy());
      socket.destroy();
      reject(
        new EngineError(`connect to engine ${address}: ${reasonOf(error)}${hintFor(error)}`, connectCode(error), error),
      );
    };
    const onClose = (): void => fail(new Error('connection closed during the handshake'));
    const onAbort = (): void => fail(signal?.reason ?? new Error('aborted'));
    const timer = setTimeout(() => fail(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    const settle = (): void => {
      clearTimeout(timer);
      socket.off('error', fail).off('close', onClose).off(ready, onReady);
      signal?.removeEventListener('abort', onAbort);
    };
    const onReady = (): void => {
      settle();
      resolve(socket);
    };
    socket.on('error', fail).on('close', onClose).on(ready, onReady);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function connectCode(error: unknown): string {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? '';
  if (/CERT|TLS|SSL|SELF_SIGNED|UNABLE_TO_VERIFY/.test(code)) return 'ENGINE_TLS';
  return 'ENGINE_UNREACHABLE';
}

/** What to look at next, as a question; empty where the error says it itself. */
function hintFor(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return ' (is it the address in the engine’s certificate?)';
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'EPROTO') return ' (does the engine speak TLS at this port?)';
  if (connectCode(error) === 'ENGINE_TLS') return ' (is the engine’s certificate signed by --tlscacert?)';
  return '';
}

/** `host:port`, with brackets around an IPv6 address. */
export function joinHostPort(host: string, port: number): string {
  return net.isIPv6(host) ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Reads the PEM files named by `--tlscacert`, `--tlscert` and `--tlskey`. */
export async function readEngineTls(files: {
  ca?: string;
  cert?: string;
  key?: string;
  verify: boolean;
}): Promise<EngineTls> {
  const read = (path: string | undefined): Promise<Buffer | undefined> =>
    path ? readFile(path) : Promise.resolve(undefined);
  const [ca, cert, key] = await Promise.all([read(files.ca), read(files.cert), read(files.key)]);
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }), verify: files.verify };
}
