import { once } from 'node:events';
import http from 'node:http';
import https from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { ApiFixture } from '../../test/fakes/api-fixture.ts';
import { FakeManager } from '../../test/fakes/fake-manager.ts';
import { type TestCertificates, testCertificates } from '../../test/fakes/scripted-engine.ts';
import { createAuthority, loadAuthority } from '../pki/authority.ts';
import type { KeyPair } from '../pki/certificate.ts';
import { sendJson, sendStatus } from './answer.ts';
import type { Call, RouteHandlers } from './call.ts';
import { agentRoutes } from './routes/agents.ts';

const ping: RouteHandlers = { 'GET /_ping': async (call) => sendJson(call.res, 200, '"pong"') };
const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const each of open.splice(0)) await each.close();
});

async function serve(options: Partial<Parameters<typeof ApiFixture.start>[0]> = {}): Promise<ApiFixture> {
  const fixture = await ApiFixture.start({ connectors: [], handlers: ping, ...options });
  open.push(fixture);
  return fixture;
}

interface Answer {
  readonly status: number | undefined;
  readonly body: string;
}

async function answerOf(req: http.ClientRequest): Promise<Answer> {
  req.end();
  const [answer] = (await once(req, 'response')) as [http.IncomingMessage];
  let body = '';
  for await (const chunk of answer) body += String(chunk);
  return { status: answer.statusCode, body };
}

describe('web pages', () => {
  const get = (fixture: ApiFixture, headers: http.OutgoingHttpHeaders): Promise<Answer> =>
    answerOf(http.request({ host: '127.0.0.1', port: fixture.port, path: '/_ping', agent: false, headers }));

  test('of other sites get 403, and so do names that could be theirs', async () => {
    const fixture = await serve({ allowHosts: ['swarm.example.org'] });
    expect((await get(fixture, { Origin: 'https://evil.example' })).status).toBe(403);
    expect((await get(fixture, { 'Sec-Fetch-Site': 'same-site' })).status).toBe(403);
    const rebound = await get(fixture, { Host: 'rebound.example:2375' });
    expect(rebound).toEqual({
      status: 403,
      body: '{"message":"rebound.example:2375 is not a name of this listener. Use an address, or start it with --allow-host rebound.example"}\n',
    });
    for (const Host of ['localhost', 'docker', 'docker.example.com', 'swarm.example.org:2375']) {
      expect((await get(fixture, { Host })).status).toBe(200);
    }
  });

  test('a page of another site cannot upgrade to a WebSocket', async () => {
    const fixture = await serve({ handlers: {} });
    const headers = { Connection: 'Upgrade', Upgrade: 'websocket', Origin: 'https://evil.example' };
    const path = '/containers/abc/attach/ws?stream=1';
    const answer = await answerOf(http.request({ host: '127.0.0.1', port: fixture.port, path, agent: false, headers }));
    expect(answer.status).toBe(403);
  });

  test('clients of a socket name the host as they like', async () => {
    const socketPath = join(tmpdir(), `enxame-doors-${process.pid}.sock`);
    await serve({ listen: [`unix://${socketPath}`] });
    const ask = (headers: http.OutgoingHttpHeaders): Promise<Answer> =>
      answerOf(http.request({ socketPath, path: '/_ping', agent: false, headers }));
    expect((await ask({ Host: 'made.up' })).status).toBe(200);
    expect((await ask({ Host: 'made.up', Origin: 'https://evil.example' })).status).toBe(403);
  });

  test.each([
    ['POST', '/containers/create?name=other'],
    ['POST', '/containers/web/exec'],
    ['POST', '/containers/web/update'],
    ['POST', '/networks/create'],
    ['POST', '/volumes/create'],
    ['POST', '/commit?container=web'],
  ])('JSON that is not called so is refused as engines do: %s %s', async (method, path) => {
    const manager = await FakeManager.start([{ images: ['redis:latest'] }]);
    open.push(manager);
    await manager.create('web');
    const body = { Image: 'redis', Name: 'x' };
    for (const type of ['text/plain', 'application/x-www-form-urlencoded', '']) {
      const { status, json } = await manager.call(method, path, body, { 'Content-Type': type });
      expect(status).toBe(400);
      expect(json.message).toBe(
        type === ''
          ? 'malformed Content-Type header (): mime: no media type'
          : `unsupported Content-Type header (${type}): must be 'application/json'`,
      );
    }
    const { json } = await manager.call(method, path, body, { 'Content-Type': 'Application/JSON; charset=utf-8' });
    expect(json.message ?? '').not.toContain('Content-Type');
  });
});

describe('TLS clients', () => {
  let certificates: TestCertificates;
  let expired: KeyPair;
  let ofOthers: KeyPair;
  let forServers: KeyPair;

  beforeAll(async () => {
    certificates = await testCertificates();
    forServers = { cert: String(certificates.server.cert), key: String(certificates.server.key) };
    ofOthers = await (await loadAuthority(await createAuthority('other', Date.now()))).issue({
      commonName: 'stranger',
      purposes: ['client'],
    });
    expired = await certificates.authority.issue({ commonName: 'late', purposes: ['client'], days: -1 });
  });

  async function serveTls(): Promise<{ fixture: ApiFixture; lines: Record<string, unknown>[] }> {
    const lines: Record<string, unknown>[] = [];
    const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) });
    return { fixture: await serve({ tls: certificates.server, logger }), lines };
  }

  function get(fixture: ApiFixture, pair: Partial<KeyPair>): Promise<Answer> {
    const { ca } = certificates.client;
    return answerOf(
      https.request({ host: '127.0.0.1', port: fixture.port, path: '/_ping', agent: false, ca, ...pair }),
    );
  }

  test.each([
    ['missing', () => ({}), 'CERTIFICATE_REQUIRED', 'the client shows no certificate'],
    ['expired', () => expired, 'CERTIFICATE_EXPIRED', 'the client certificate "late" expired'],
    ['of another authority', () => ofOthers, 'UNKNOWN_CA', 'the client certificate "stranger" is of another authority'],
    ['not for clients', () => forServers, 'BAD_CERTIFICATE', 'the certificate "server" is not for clients'],
  ])(
    'a certificate that is %s gets the alert of an engine and a line in the log',
    async (_what, pair, alert, reason) => {
      const { fixture, lines } = await serveTls();
      for (let i = 0; i < 2; i++) {
        await expect(get(fixture, pair())).rejects.toMatchObject({ code: expect.stringContaining(alert) });
      }
      expect(lines).toEqual([expect.objectContaining({ client: '127.0.0.1', reason, msg: 'a client was refused' })]);
      const { cert, key } = certificates.client;
      expect((await get(fixture, { cert, key })).status).toBe(200);
    },
  );

  test("a node's certificate lets its agent renew, and nothing else", async () => {
    const forget = async ({ res }: Call): Promise<void> => sendStatus(res, 204);
    const handlers = { 'DELETE /enxame/v1/agents/{id}': forget };
    const fixture = await serve({ tls: certificates.server, handlers });
    const { ca } = certificates.client;
    const ask = (path: string, pair: KeyPair): Promise<Answer> => {
      const tls = { ca, ...pair, ALPNProtocols: ['enxame-agent'] };
      const options = { host: '127.0.0.1', port: fixture.port, path, method: 'DELETE', agent: false };
      return answerOf(https.request({ ...options, ...tls } as https.RequestOptions));
    };
    expect((await ask('/enxame/v1/agents/one', forServers)).status).toBe(204);
    for (const path of ['/containers/x', '/enxame/v1/agents/one/x', '/enxame/v1/agents/../../containers/x'])
      await expect(ask(path, forServers)).rejects.toMatchObject({ code: 'ECONNRESET' });
    const stranger = await loadAuthority(await createAuthority('other', Date.now()));
    const foreign = await stranger.issue({ commonName: 'c', purposes: ['server'], hosts: ['127.0.0.1'] });
    await expect(ask('/enxame/v1/agents/one', foreign)).rejects.toThrow();
  });

  test("a node's certificate speaks for that node alone", async () => {
    const asked: string[] = [];
    const ok = async (id: string): Promise<void> => void asked.push(id);
    const orders = async (id: string): Promise<object> => {
      asked.push(id);
      return {};
    };
    const hosts = new Map([
      ['one', '10.1.1.1'],
      ['two', '10.1.1.2'],
      ['three', 'bee-3.example.org'],
    ]);
    const services = {
      cluster: { node: (id: string) => ({ client: { connector: { host: hosts.get(id) } } }) },
      drills: { assertHeard: () => undefined },
      nodes: { find: (id: string) => ({ id, name: id, node: { id, availability: 'drain' } }) },
      leases: { renew: orders, forget: ok },
    };
    const fixture = await serve({ tls: certificates.server, handlers: agentRoutes, services });
    const { ca } = certificates.client;
    const agentOf = async (host: string): Promise<KeyPair> =>
      certificates.authority.issue({ commonName: host, purposes: ['server'], hosts: [host] });
    const ask = async (method: string, path: string, pair: KeyPair): Promise<number | undefined> => {
      const tls = { ca, ...pair, ALPNProtocols: ['enxame-agent'] };
      const options = {
        host: '127.0.0.1',
        port: fixture.port,
        path: `/enxame/v1/agents/${path}`,
        method,
        agent: false,
      };
      const req = https.request({ ...options, ...tls, headers: { 'Content-Type': 'application/json' } } as never);
      if (method === 'POST') req.write('{"action":"terminate"}');
      return (await answerOf(req)).status;
    };
    const first = await agentOf('10.1.1.1');
    expect(await ask('POST', 'one', first)).toBe(200);
    expect(await ask('DELETE', 'one', first)).toBe(200);
    expect(await ask('POST', 'one/reclaim', first)).toBe(200);
    expect(await ask('POST', 'three', await agentOf('bee-3.example.org'))).toBe(200);
    const own = [...asked];
    for (const other of ['two', 'three', 'unknown']) {
      expect(await ask('POST', other, first)).toBe(403);
      expect(await ask('DELETE', other, first)).toBe(403);
      expect(await ask('POST', `${other}/reclaim`, first)).toBe(403);
    }
    expect(asked).toEqual(own);
  });

  test.each(['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'])(
    'the alert is right with %s',
    async (ciphers) => {
      const { fixture } = await serveTls();
      await expect(get(fixture, { ...ofOthers, ciphers } as KeyPair)).rejects.toMatchObject({
        code: expect.stringContaining('UNKNOWN_CA'),
      });
    },
  );

  test('the names of the certificate are ours where no client certificate is wanted', async () => {
    const pair = await certificates.authority.issue({
      commonName: 's',
      purposes: ['server'],
      hosts: ['127.0.0.1', 'swarm.example.org'],
    });
    const fixture = await serve({ tls: { ...pair, verifyClients: false } });
    const statusOf = async (Host: string): Promise<number | undefined> => {
      const { ca } = certificates.client;
      const options = { host: '127.0.0.1', port: fixture.port, path: '/_ping', agent: false, ca, servername: '' };
      return (await answerOf(https.request({ ...options, headers: { Host } }))).status;
    };
    expect([await statusOf('swarm.example.org:2376'), await statusOf('evil.example')]).toEqual([200, 403]);
  });

  test('with TLS 1.2 a refused client gets nothing either', async () => {
    const { fixture, lines } = await serveTls();
    await expect(get(fixture, { ...ofOthers, maxVersion: 'TLSv1.2' } as unknown as KeyPair)).rejects.toThrow();
    expect(lines).toHaveLength(1);
  });

  test('plain HTTP gets the sentence of an engine', async () => {
    const { fixture, lines } = await serveTls();
    const answer = await answerOf(http.request({ host: '127.0.0.1', port: fixture.port, agent: false }));
    expect(answer).toEqual({ status: 400, body: 'Client sent an HTTP request to an HTTPS server.\n' });
    expect(lines).toEqual([expect.objectContaining({ reason: 'the client speaks HTTP without TLS' })]);
  });

  test('a connection that only looks is nothing to speak of', async () => {
    const { fixture, lines } = await serveTls();
    const socket = connect(fixture.port, '127.0.0.1');
    await once(socket, 'connect');
    expect((socket.address() as AddressInfo).port).toBeGreaterThan(0);
    socket.destroy();
    const { cert, key } = certificates.client;
    expect((await get(fixture, { cert, key })).status).toBe(200);
    expect(lines).toEqual([]);
  });
});
