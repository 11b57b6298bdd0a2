import { once } from 'node:events';
import http, { type IncomingMessage, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { ClusterError } from '../common/errors.ts';
import { leaveHttp, rememberSockets } from './leave-http.ts';

/**
 * Where the body of a request to upgrade is when Node emits `upgrade`. `request`: Node reads it, as the documentation says since
 * Node 26, and the stream begins behind it. `stream`: the stream begins behind the head, body first (Node 20 to 24).
 */
export type UpgradeBodies = 'request' | 'stream';

/** How this Node's HTTP server does what its documentation leaves open or what differs between its versions. */
export interface NodeHttp {
  readonly upgradeBodies: UpgradeBodies;
}

let known: Promise<NodeHttp> | undefined;

/**
 * Tries out once how this Node's HTTP server hands connections over. Rejects with one clear line when that is in no way we know:
 * attach and exec would lose what clients type, or hang.
 */
export function checkNodeHttp(): Promise<NodeHttp> {
  known ??= check();
  return known;
}

async function check(): Promise<NodeHttp> {
  const upgradeBodies = await tryUpgrade();
  if (!upgradeBodies || !(await tryLeaving())) throw unknownNode();
  return { upgradeBodies };
}

function unknownNode(): ClusterError {
  const message = `the HTTP server of Node ${process.version} hands connections over in a way Enxame does not know: use a version named in the README`;
  return new ClusterError(message, { code: 'UNKNOWN_NODE', status: 500 });
}

const HEAD = 'POST / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nTransfer-Encoding: chunked\r\n\r\n';
const BODY = '4\r\nbody\r\n0\r\n\r\n';
const BEHIND = 'behind';

/** Asks a server in memory to upgrade, with a body, and looks where the body is. */
async function tryUpgrade(): Promise<UpgradeBodies | undefined> {
  const server = http.createServer();
  const asked = once(server, 'upgrade') as Promise<[IncomingMessage, Duplex, Buffer]>;
  const connection = new Bytes();
  server.emit('connection', connection);
  connection.push(HEAD + BODY + BEHIND);
  const [req, , behind] = await asked;
  const chunks: Buffer[] = [];
  for await (const chunk of req) chunks.push(chunk as Buffer);
  connection.destroy();
  const [inRequest, inStream] = [Buffer.concat(chunks).toString(), behind.toString()];
  if (inRequest === 'body' && inStream === BEHIND) return 'request';
  return inRequest === '' && inStream === BODY + BEHIND ? 'stream' : undefined;
}

class Bytes extends Duplex {
  override _read(): void {}

  override _write(_chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    callback();
  }
}

/** Takes a real connection out of HTTP behind a request and has a word both ways. */
async function tryLeaving(): Promise<boolean> {
  const server = http.createServer((req, res) => {
    leaveHttp(req.socket);
    req.socket.on('data', (bytes: Buffer) => req.socket.end(`heard ${bytes.toString()}`));
    req.socket.write('speak');
    res.on('error', () => {});
  });
  rememberSockets(server, 'connection');
  try {
    const client = await dial(server);
    client.write('POST / HTTP/1.1\r\nHost: x\r\n\r\n');
    const heard = await Promise.race([conversation(client), bound()]);
    client.destroy();
    return heard === `speakheard GET / ${BEHIND}`;
  } finally {
    server.close();
  }
}

async function dial(server: Server): Promise<Socket> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect({ host: '127.0.0.1', port: (server.address() as AddressInfo).port, allowHalfOpen: true });
  await once(client, 'connect');
  return client;
}

async function conversation(client: Socket): Promise<string> {
  let heard = '';
  for await (const bytes of client) {
    heard += (bytes as Buffer).toString();
    // What looks like a request is none any more.
    if (heard === 'speak') client.write(`GET / ${BEHIND}`);
  }
  return heard;
}

/** A connection that hangs says as much as a wrong word. */
async function bound(): Promise<undefined> {
  await new Promise((resolve) => setTimeout(resolve, HANGS_MS).unref());
  return undefined;
}

const HANGS_MS = 20_000;
