import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../../common/logger.ts';
import { webFetch } from '../../common/web.ts';
import { EngineClient } from '../../engine/client.ts';
import { tcpConnector } from '../../engine/connectors/socket.ts';
import { askMetadata, type ReclaimSource } from './source.ts';
import { RECLAIM_SOURCES } from './sources.ts';
import { watchReclaim } from './watch.ts';

const open: Server[] = [];
const clients: EngineClient[] = [];

afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  for (const server of open.splice(0)) server.close();
});

type Answer = (request: IncomingMessage, response: ServerResponse, body: string) => void;

async function serve(answer: Answer): Promise<number> {
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (data) => (body += String(data)));
    request.on('end', () => answer(request, response, body));
  });
  open.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function source(name: string): ReclaimSource {
  return { ...(RECLAIM_SOURCES[name] as ReclaimSource), everyMs: 5 };
}

async function look(name: string, answer: Answer): Promise<unknown> {
  const base = `http://127.0.0.1:${await serve(answer)}`;
  return source(name).look(askMetadata(base, webFetch({}), new AbortController().signal));
}

const AT = '2026-11-30T12:00:00Z';

/** Speaks as EC2's metadata service in its second version; `action` undefined: no notice. */
function ec2(action: string | undefined): Answer {
  return ({ method, url, headers }, response) => {
    if (method === 'PUT' && url === '/latest/api/token' && headers['x-aws-ec2-metadata-token-ttl-seconds'])
      return response.end('TOKEN');
    if (headers['x-aws-ec2-metadata-token'] !== 'TOKEN') return response.writeHead(401).end();
    if (url !== '/latest/meta-data/spot/instance-action' || !action) return response.writeHead(404).end('not found');
    return response.end(JSON.stringify({ action, time: AT }));
  };
}

describe('a notice', () => {
  it.each([
    { name: 'amazonec2', what: 'none', answer: ec2(undefined), expected: undefined },
    {
      name: 'amazonec2',
      what: 'one',
      answer: ec2('terminate'),
      expected: { action: 'terminate', atMs: Date.parse(AT) },
    },
    {
      name: 'azure',
      what: 'none',
      answer: ((_, response) => response.end('{"DocumentIncarnation":1,"Events":[{"EventType":"Reboot"}]}')) as Answer,
      expected: undefined,
    },
    {
      name: 'azure',
      what: 'one',
      answer: (({ headers }, response) =>
        headers.metadata === 'true'
          ? response.end(
              JSON.stringify({ Events: [{ EventType: 'Preempt', NotBefore: 'Mon, 30 Nov 2026 12:00:00 GMT' }] }),
            )
          : response.writeHead(400).end()) as Answer,
      expected: { action: 'Preempt', atMs: Date.parse(AT) },
    },
    { name: 'google', what: 'none', answer: ((_, response) => response.end('FALSE')) as Answer, expected: undefined },
    {
      name: 'google',
      what: 'one',
      answer: (({ headers }, response) =>
        response.end(headers['metadata-flavor'] === 'Google' ? 'TRUE\n' : '')) as Answer,
      expected: { action: 'preempted' },
    },
  ])('of $name: $what', async ({ name, answer, expected }) => {
    expect(await look(name, answer)).toEqual(expected);
  });

  it('of a service that fails is none, and an error', async () => {
    for (const name of ['amazonec2', 'azure', 'google'])
      await expect(look(name, (_, response) => response.writeHead(500).end('oops'))).rejects.toThrow(/answers 500/);
  });
});

it('is told to a manager until one takes it, and so is each further one', async () => {
  let asked = 0;
  const stop = new AbortController();
  const metadata = await serve((request, response, body) => {
    asked += 1;
    // The service is down at first, then silent, then it speaks.
    if (asked < 4) return response.writeHead(503).end();
    // Each question is two requests. The notice stands for a while, is withdrawn, and comes once more.
    const isNotice = (asked > 8 && asked < 20) || asked > 28;
    if (asked > 40) stop.abort();
    return ec2(isNotice ? 'stop' : undefined)(request, response, body);
  });
  const engine = await serve((_, response) => response.end('{"ID":"engine-1"}'));
  const told: string[] = [];
  const manager = await serve(({ method, url }, response, body) => {
    told.push(`${method} ${url} ${body}`);
    response
      .writeHead(told.length === 1 ? 503 : 200, { 'Content-Type': 'application/json' })
      .end('{"message":"not now"}');
  });
  const [a, b] = [engine, manager].map((port) => new EngineClient(tcpConnector('127.0.0.1', port)));
  if (!a || !b) throw new Error('no clients');
  clients.push(a, b);
  const deps = { engine: a, managers: [b], logger: silentLogger() };
  await watchReclaim(deps, source('amazonec2'), `http://127.0.0.1:${metadata}`, stop.signal);
  const call = `POST /enxame/v1/agents/engine-1/reclaim {"action":"stop","at":"2026-11-30T12:00:00.000Z"}`;
  expect(told).toEqual([call, call, call]);
});

it('is waited for no longer than the agent runs', async () => {
  const metadata = await serve((_, response) => response.end('FALSE'));
  const stop = new AbortController();
  const engine = new EngineClient(tcpConnector('127.0.0.1', 9));
  clients.push(engine);
  const watching = watchReclaim(
    { engine, managers: [], logger: silentLogger() },
    source('google'),
    `http://127.0.0.1:${metadata}`,
    stop.signal,
  );
  stop.abort();
  await expect(watching).resolves.toBeUndefined();
});
