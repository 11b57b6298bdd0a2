import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { TLSSocket } from 'node:tls';
import { isOfServer } from '../common/node-certificate.ts';
import type { TlsMaterial } from '../common/tls-files.ts';
import { EngineClient } from '../engine/client.ts';
import { type EngineTls, tcpConnector, tlsConnector } from '../engine/connectors/socket.ts';

const PATH = '/enxame/v1/agent';
/** Agents asked at most; of a larger cluster more than half may be out of reach of this. */
const MAX_PEERS = 1_000;

/** Tells other agents whether this one hears a manager. Close it. */
export interface PeerDoor {
  /** Where it listens. */
  readonly port: number;
  close(): Promise<void>;
}

/** `port` 0: any that is free; `host` undefined: all addresses. Rejects when the port cannot be had there. */
export async function openPeerDoor(
  { port, host }: { readonly port: number; readonly host?: string },
  tls: TlsMaterial | undefined,
  hears: () => boolean,
): Promise<PeerDoor> {
  const answer = (req: http.IncomingMessage, res: http.ServerResponse): void => {
    if (req.socket instanceof TLSSocket && !isKnown(req.socket, tls?.ca)) return void req.socket.destroy();
    const isAsked = req.method === 'GET' && req.url === PATH;
    res.writeHead(isAsked ? 200 : 404, { 'Content-Type': 'application/json', Connection: 'close' });
    res.end(isAsked ? JSON.stringify({ hears: hears() }) : '{"message":"no such page"}');
  };
  const server =
    tls?.cert === undefined
      ? http.createServer(answer)
      : https.createServer({ ...tls, requestCert: true, rejectUnauthorized: false, minVersion: 'TLSv1.2' }, answer);
  server.listen({ port, host });
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' ? (address?.port ?? 0) : 0,
    close: async () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** A client of the authority, or a node that it gave a certificate to. */
function isKnown(socket: TLSSocket, ca: Buffer | undefined): boolean {
  const certificate = socket.getPeerX509Certificate();
  return certificate !== undefined && (socket.authorized || isOfServer(certificate, ca, Date.now()));
}

/** What other agents say: how many were reached, and whether one of them hears a manager. */
export interface PeerNews {
  readonly reached: number;
  readonly isManagerHeard: boolean;
}

/** Asks agents at `host:port`, or at `name@host:port` where their certificates hold for that name and not for the address. */
export async function askPeers(
  peers: readonly string[],
  tls: EngineTls | undefined,
  timeoutMs: number,
): Promise<PeerNews> {
  const answers = await Promise.all(peers.slice(0, MAX_PEERS).map((peer) => askPeer(peer, tls, timeoutMs)));
  return {
    reached: answers.filter((answer) => answer !== undefined).length,
    isManagerHeard: answers.includes(true),
  };
}

/** Undefined when it is not reached. */
async function askPeer(peer: string, tls: EngineTls | undefined, timeoutMs: number): Promise<boolean | undefined> {
  const [, name, bare = '', port] = /^(?:([^@]+)@)?(.*):(\d+)$/.exec(peer) ?? [];
  const host = bare.replace(/^\[|\]$/g, '');
  const connector = tls
    ? tlsConnector(host, Number(port), name === undefined ? tls : { ...tls, name })
    : tcpConnector(host, Number(port));
  const client = new EngineClient(connector, { connections: 1 });
  try {
    const ask = { method: 'GET', path: PATH, isUnversioned: true, timeoutMs, maxBytes: 1024 };
    return (await client.json<{ readonly hears?: unknown }>(ask)).hears === true;
  } catch {
    return undefined;
  } finally {
    await client.close().catch(() => undefined);
  }
}
