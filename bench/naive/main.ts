import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { Engines } from './engines.ts';

/**
 * The simplest manager there can be: it knows nothing and asks every engine every time. It shows what the benchmark's
 * parts need of a manager, lets them be tested, and is the other end of the scale.
 */
const [port = '', nodesFile = ''] = process.argv.slice(2);
const engines = new Engines(readFileSync(nodesFile, 'utf8').trim().split('\n'));

async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const path = (request.url ?? '/').replace(/^\/v1\.\d+/, '');
  if (path === '/info') return sendJson(response, await info());
  if (path.startsWith('/containers/json')) return sendJson(response, await merged(path));
  if (path.startsWith('/events')) return events(response);
  const address = path.startsWith('/containers/create') ? engines.next() : await engines.holderOf(containerOf(path));
  if (address === undefined) return sendJson(response, '{"message":"no such container"}', 404);
  const upstream = await engines.open(address, request.method ?? 'GET', path, request.headers, 0, request);
  response.writeHead(upstream.statusCode ?? 502, upstream.headers);
  upstream.pipe(response);
}

async function info(): Promise<string> {
  const answers = (await engines.getAll('/info')).map(
    (one) => JSON.parse(one?.body ?? '{}') as { Containers?: number },
  );
  const rows = answers.map(({ Containers }) => ['  └ Status', Containers === undefined ? 'Unhealthy' : 'Healthy']);
  return JSON.stringify({
    Containers: answers.reduce((sum, one) => sum + (one.Containers ?? 0), 0),
    SystemStatus: rows,
  });
}

async function merged(path: string): Promise<string> {
  const lists = (await engines.getAll(path)).map((one) => one?.body.trim().slice(1, -1) ?? '');
  return `[${lists.filter((list) => list !== '').join(',')}]`;
}

async function events(response: ServerResponse): Promise<void> {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  const streams = await Promise.allSettled(
    engines.addresses.map((address) => engines.open(address, 'GET', '/events', {}, 0)),
  );
  for (const stream of streams) {
    if (stream.status === 'rejected') continue;
    stream.value.on('data', (chunk) => response.write(chunk));
    stream.value.on('error', () => undefined);
    response.on('close', () => stream.value.destroy());
  }
}

async function join(request: IncomingMessage, client: Socket): Promise<void> {
  const path = (request.url ?? '/').replace(/^\/v1\.\d+/, '');
  const [host, enginePort] = ((await engines.holderOf(containerOf(path))) ?? '').split(':');
  const engine = connect({ host, port: Number(enginePort), allowHalfOpen: true });
  engine.on('error', () => client.destroy());
  client.on('error', () => engine.destroy());
  engine.write(
    `POST ${path} HTTP/1.1\r\nHost: engine\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n`,
  );
  client.pipe(engine).pipe(client);
}

function containerOf(path: string): string {
  return (path.split('/')[2] ?? '').replace(/\?.*/, '');
}

function sendJson(response: ServerResponse, body: string, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) });
  response.end(body);
}

const server = createServer((request, response) => {
  answer(request, response).catch((error: unknown) =>
    sendJson(response, JSON.stringify({ message: String(error) }), 502),
  );
});
server.on(
  'upgrade',
  (request: IncomingMessage, socket: Socket) => void join(request, socket).catch(() => socket.destroy()),
);
server.listen(Number(port), '127.0.0.1');
process.on('SIGTERM', () => process.exit(0));
