import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { FakeEngine } from './fake-engine.ts';

const open: FakeEngine[] = [];

async function start(options = {}): Promise<FakeEngine> {
  const engine = await FakeEngine.start(options);
  open.push(engine);
  return engine;
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((engine) => engine.close()));
});

const json = async (response: Response): Promise<unknown> => response.json();

describe('FakeEngine', () => {
  test('lists, inspects and counts what was preloaded', async () => {
    const engine = await start({
      name: 'node-1',
      containers: [
        { name: 'web', labels: { app: 'shop' } },
        { name: 'old', state: 'exited' },
      ],
    });
    const list = (await json(await fetch(`${engine.url}/v1.44/containers/json?all=1`))) as { Names: string[] }[];
    expect(list.map((entry) => entry.Names[0]).sort()).toEqual(['/old', '/web']);
    const labelled = `${engine.url}/containers/json?all=1&filters=${encodeURIComponent('{"label":["app=shop"]}')}`;
    expect(await json(await fetch(labelled))).toMatchObject([{ Names: ['/web'], State: 'running' }]);
    expect(await json(await fetch(`${engine.url}/containers/web/json`))).toMatchObject({
      Name: '/web',
      Config: { Labels: { app: 'shop' } },
    });
    expect(await json(await fetch(`${engine.url}/info`))).toMatchObject({
      Name: 'node-1',
      Containers: 2,
      ContainersRunning: 1,
    });
  });

  test('creates, starts, refuses a taken name and removes, with events', async () => {
    const engine = await start();
    const events = await fetch(`${engine.url}/events`);
    const create = (): Promise<Response> =>
      fetch(`${engine.url}/containers/create?name=a`, {
        method: 'POST',
        body: JSON.stringify({ Image: 'x', Labels: { k: 'v' } }),
      });
    const created = (await json(await create())) as { Id: string };
    expect((await create()).status).toBe(409);
    expect((await fetch(`${engine.url}/containers/${created.Id}/start`, { method: 'POST' })).status).toBe(204);
    expect((await fetch(`${engine.url}/containers/a/start`, { method: 'POST' })).status).toBe(304);
    expect((await fetch(`${engine.url}/containers/a?force=1`, { method: 'DELETE' })).status).toBe(204);
    expect((await fetch(`${engine.url}/containers/a/json`)).status).toBe(404);
    await expect(actions(events, 5)).resolves.toEqual(['create', 'start', 'kill', 'die', 'destroy']);
  });

  test('answers pipelined requests in order, also behind a late one', async () => {
    const engine = await start();
    engine.delay('GET /version', 20);
    const [host = '', port = ''] = engine.address.split(':');
    const socket = connect(Number(port), host);
    socket.end('GET /version HTTP/1.1\r\nHost: x\r\n\r\nGET /_ping HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    expect(text.indexOf('ApiVersion')).toBeGreaterThan(0);
    expect(text.indexOf('ApiVersion')).toBeLessThan(text.lastIndexOf('OK'));
    expect(engine.requests.map((request) => request.path)).toEqual(['/version', '/_ping']);
  });

  test('stalls, lies and answers late as told', async () => {
    const engine = await start();
    const endLie = engine.lie('GET /info', 500, { message: 'no' });
    expect((await fetch(`${engine.url}/info`)).status).toBe(500);
    endLie();
    const release = engine.stall('GET /info');
    const stalled = fetch(`${engine.url}/info`);
    await expect.poll(() => engine.requestsTo('GET /info').length).toBe(2);
    release();
    expect((await stalled).status).toBe(200);
  });

  test('refuses and comes back on the same port', async () => {
    const engine = await start();
    const address = engine.address;
    await fetch(`${engine.url}/_ping`);
    await engine.apply({ kind: 'refuse' });
    await expect(fetch(`${engine.url}/_ping`)).rejects.toThrow();
    expect(engine.openConnections).toBe(0);
    await engine.apply({ kind: 'none' });
    expect(engine.address).toBe(address);
    expect((await fetch(`${engine.url}/_ping`)).status).toBe(200);
  });

  test('a hung engine answers what was pending when it comes back', async () => {
    const engine = await start();
    await engine.apply({ kind: 'hang' });
    const pending = fetch(`${engine.url}/_ping`);
    await expect.poll(() => engine.openConnections).toBe(1);
    expect(engine.requests).toEqual([]);
    await engine.apply({ kind: 'none' });
    expect((await pending).status).toBe(200);
  });

  test('an engine that drops packets lets nobody connect, and forgets old connections', async () => {
    const engine = await start();
    await fetch(`${engine.url}/_ping`);
    await engine.apply({ kind: 'drop' });
    const late = fetch(`${engine.url}/_ping`, { signal: AbortSignal.timeout(300) });
    await expect(late).rejects.toThrow('timeout');
    expect(engine.requests).toHaveLength(1);
    await engine.apply({ kind: 'none' });
    await expect.poll(async () => (await fetch(`${engine.url}/_ping`)).status).toBe(200);
  });

  test('wait answers when the container ends', async () => {
    const engine = await start();
    const container = engine.run({ name: 'job' });
    const waiting = await fetch(`${engine.url}/containers/job/wait`, { method: 'POST' });
    engine.state.stop(container, 3, 'die');
    expect(await json(waiting)).toEqual({ StatusCode: 3 });
  });

  test('attach echoes until the client half-closes', async () => {
    const engine = await start();
    engine.run({ name: 'shell' });
    const [host = '', port = ''] = engine.address.split(':');
    const socket = connect(Number(port), host);
    socket.write(
      'POST /containers/shell/attach?stream=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nfirst ',
    );
    socket.end('second');
    let text = '';
    for await (const chunk of socket) text += String(chunk);
    expect(text).toMatch(/^HTTP\/1.1 101 /);
    expect(text.replace(/[^a-z ]/g, '')).toMatch(/first .*second$/);
  });

  test('exec cat gives back a megabyte, byte for byte framed', async () => {
    const engine = await start();
    engine.run({ name: 'box' });
    const body = JSON.stringify({ Cmd: ['cat'] });
    const { Id } = (await json(await fetch(`${engine.url}/containers/box/exec`, { method: 'POST', body }))) as {
      Id: string;
    };
    const [host = '', port = ''] = engine.address.split(':');
    const socket = connect({ port: Number(port), host, allowHalfOpen: true });
    socket.write(
      `POST /exec/${Id}/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 2\r\n\r\n{}`,
    );
    socket.end(Buffer.alloc(1 << 20, 'a'));
    const received: Buffer[] = [];
    for await (const chunk of socket) received.push(chunk as Buffer);
    const bytes = Buffer.concat(received);
    const echoed = demultiplex(bytes.subarray(bytes.indexOf('\r\n\r\n') + 4));
    expect(echoed.equals(Buffer.alloc(1 << 20, 'a'))).toBe(true);
  });
});

async function actions(response: Response, count: number): Promise<string[]> {
  const seen: string[] = [];
  let text = '';
  const reader = response.body?.getReader();
  while (reader !== undefined && seen.length < count) {
    const { value, done } = await reader.read();
    if (done) break;
    text += Buffer.from(value).toString();
    const lines = text.split('\n');
    text = lines.pop() ?? '';
    seen.push(...lines.map((line) => (JSON.parse(line) as { Action: string }).Action));
  }
  await reader?.cancel();
  return seen;
}

function demultiplex(bytes: Buffer): Buffer {
  const payloads: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 4);
    payloads.push(bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  return Buffer.concat(payloads);
}
