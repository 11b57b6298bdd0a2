import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import type { ServerTls } from '../../src/api/server.ts';
import type { Connector } from '../../src/engine/connectors/connector.ts';
import { type EngineTls, tcpConnector, tlsConnector } from '../../src/engine/connectors/socket.ts';
import { type Authority, createAuthority, loadAuthority } from '../../src/pki/authority.ts';

/** Certificates for a mutual-TLS test: the same ones for engine, manager and client. */
export interface TestCertificates {
  readonly authority: Authority;
  readonly server: ServerTls & { readonly ca: string };
  readonly client: EngineTls & { readonly ca: string; readonly cert: string; readonly key: string };
}

export async function testCertificates(): Promise<TestCertificates> {
  const authority = await loadAuthority(await createAuthority('test', Date.now()));
  const server = await authority.issue({
    commonName: 'server',
    purposes: ['server'],
    hosts: ['127.0.0.1', 'localhost'],
  });
  const client = await authority.issue({ commonName: 'client', purposes: ['client'] });
  return {
    authority,
    server: { ...server, ca: authority.cert, verifyClients: true },
    client: { ...client, ca: authority.cert, verify: true },
  };
}

/** What the engine does; paths carry the API version. */
export interface Script {
  readonly onRequest?: (req: http.IncomingMessage, res: http.ServerResponse) => void;
  /** The body and what follows are in `head` and on the socket, whatever Node does. */
  readonly onUpgrade?: (req: http.IncomingMessage, socket: Duplex, head: Buffer) => void;
}

/** Since Node 26 the body of a request to upgrade is read by Node; before that this is empty. */
async function bodyReadByNode(req: http.IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** An HTTP server whose every move a test scripts, with a view of its connections. */
export class ScriptedEngine implements AsyncDisposable {
  readonly connector: Connector;
  readonly sockets: Set<Socket> = new Set<Socket>();
  readonly #server: http.Server;

  private constructor(server: http.Server, connector: Connector) {
    this.#server = server;
    this.connector = connector;
    server.on('connection', (socket: Socket) => {
      this.sockets.add(socket);
      socket.on('error', () => socket.destroy());
      socket.once('close', () => this.sockets.delete(socket));
    });
  }

  static async start(script: Script, certificates?: TestCertificates): Promise<ScriptedEngine> {
    const server = certificates
      ? https.createServer({ ...certificates.server, requestCert: true, rejectUnauthorized: true })
      : http.createServer();
    server.on('secureConnection', (socket: TLSSocket) => {
      socket.allowHalfOpen = true;
    });
    server.on('request', script.onRequest ?? ((_req, res) => void res.writeHead(404).end()));
    const { onUpgrade } = script;
    if (onUpgrade) {
      server.on('upgrade', (req, socket, head) => {
        void bodyReadByNode(req).then((body) => onUpgrade(req, socket, Buffer.concat([body, head])));
      });
    }
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const connector = certificates
      ? tlsConnector('127.0.0.1', port, certificates.client)
      : tcpConnector('127.0.0.1', port);
    return new ScriptedEngine(server, connector);
  }

  get openConnections(): number {
    return this.sockets.size;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.sockets) socket.destroy();
    this.#server.close();
    await this.connector.close();
  }
}
