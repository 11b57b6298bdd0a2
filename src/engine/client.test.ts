import { afterEach, describe, expect, test } from 'vitest';
import { FakeEngine } from '../../simulator/fake-engine.ts';
import { RawServer } from '../../test/fakes/raw-server.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { EngineClient } from './client.ts';
import { tcpConnector } from './connectors/socket.ts';
import { EngineAnswerError, type EngineRequest, messageOf } from './exchange.ts';
import { headerOf } from './http/response-head.ts';

const LIST = { method: 'GET', path: '/containers/json' } as const;

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function clientOf(address: string, connections = 16): EngineClient {
  const [host = '', port = ''] = address.split(':');
  const client = new EngineClient(tcpConnector(host, Number(port)), { connections });
  closing.push(() => client.close());
  return client;
}

async function engineAndClient(connections = 16): Promise<{ engine: FakeEngine; client: EngineClient }> {
  const engine = await FakeEngine.start();
  closing.push(() => engine.close());
  return { engine, client: clientOf(engine.address, connections) };
}

async function answering(text: string): Promise<EngineClient> {
  const server = await RawServer.start((socket) => socket.once('data', () => socket.write(text)));
  closing.push(() => server.close());
  return clientOf(server.address);
}

describe('a buffered call', () => {
  test('gives statuses of 400 and more as answers', async () => {
    const { engine, client } = await engineAndClient();
    engine.lie('GET /containers/json', 409, { message: 'no' });
    const answer = await client.request(LIST);
    expect([answer.statusCode, messageOf(answer.body)]).toEqual([409, 'no']);
  });

  test('uses the connection of the one before', async () => {
    const engine = await FakeEngine.start();
    const [host = '', port = ''] = engine.address.split(':');
    const connector = tcpConnector(host, Number(port));
    let connections = 0;
    const client = new EngineClient({
      ...connector,
      connect: (...args) => {
        connections += 1;
        return connector.connect(...args);
      },
    });
    closing.push(
      () => engine.close(),
      () => client.close(),
    );
    for (let call = 0; call < 5; call++) await client.request(LIST);
    expect(connections).toBe(1);
  });

  test('has a connection of its own while there may be more, and shares them again', async () => {
    const { engine, client } = await engineAndClient(3);
    const finish = engine.stall('GET /info');
    const info = { method: 'GET', path: '/info' } as const;
    const calls = Array.from({ length: 5 }, () => client.request(info));
    await waitUntil(() => engine.requestsTo('GET /info').length === 3);
    finish();
    for (const { statusCode } of await Promise.all(calls)) expect(statusCode).toBe(200);
    for (let call = 0; call < 5; call++) await client.request(LIST);
    expect(engine.openConnections).toBe(3);
  });

  test('as JSON rejects with the status and words of the engine', async () => {
    const { engine, client } = await engineAndClient();
    engine.lie('GET /containers/json', 409, { message: 'no' });
    const error: unknown = await client.json(LIST).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(EngineAnswerError);
    expect(error).toMatchObject({ status: 409, message: 'no' });
  });

  test('as JSON names what is no JSON', async () => {
    const { engine, client } = await engineAndClient();
    engine.lie('GET /containers/json', 200, '<html>');
    await expect(client.json(LIST)).rejects.toThrow('/containers/json with something that is not JSON');
  });

  test('speaks the version asked for, within what the engine knows', async () => {
    const { engine, client } = await engineAndClient();
    await client.request(LIST);
    client.negotiate('1.41', '1.45');
    await client.request(LIST);
    for (const api of ['1.24', '1.43', '1.51'] as const) await client.request({ ...LIST, api });
    await client.request({ method: 'GET', path: '/_ping', isUnversioned: true });
    expect(engine.requests.map(({ target }) => target.split('/')[1])).toEqual([
      'v1.40',
      'v1.45',
      'v1.41',
      'v1.43',
      'v1.45',
      '_ping',
    ]);
  });

  test('sends a body as JSON', async () => {
    const { engine, client } = await engineAndClient();
    const body = JSON.stringify({ Image: 'busybox' });
    const made = await client.json<{ Id: string }>({ method: 'POST', path: '/containers/create?name=web', body });
    expect(engine.state.find(made.Id)?.image).toBe('busybox');
    expect(engine.requests[0]?.fields).toMatchObject({ host: 'docker', 'content-type': 'application/json' });
  });

  test.each(['hang', 'drop'] as const)('ends in time when the engine does not answer (%s)', async (kind) => {
    const { engine, client } = await engineAndClient();
    await client.request(LIST);
    await engine.apply({ kind });
    await expect(client.request({ ...LIST, timeoutMs: 100 })).rejects.toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: `GET /containers/json on engine tcp://${engine.address}: no answer within 100 ms`,
    });
  });

  test('ends in time also when it waits for a connection', async () => {
    const { engine, client } = await engineAndClient(1);
    const finish = engine.stall('GET /info');
    const slow = client.request({ method: 'GET', path: '/info' });
    await expect(client.request({ ...LIST, timeoutMs: 50 })).rejects.toThrow('no answer within 50 ms');
    finish();
    expect((await slow).statusCode).toBe(200);
    // What was given up is not sent later.
    await client.request({ method: 'GET', path: '/version' });
    expect(engine.requestsTo('GET /containers/json')).toEqual([]);
  });

  test('fails when nobody listens', async () => {
    const { engine, client } = await engineAndClient();
    await engine.apply({ kind: 'refuse' });
    await expect(client.request(LIST)).rejects.toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: expect.stringContaining('ECONNREFUSED'),
    });
  });

  test('is aborted before, while it waits and while it runs', async () => {
    const { engine, client } = await engineAndClient(1);
    const finish = engine.stall('GET /info');
    await expect(client.request({ ...LIST, signal: AbortSignal.abort(new Error('early')) })).rejects.toThrow('early');
    const stop = new AbortController();
    const running = client.request({ method: 'GET', path: '/info', signal: stop.signal, timeoutMs: 0 });
    await waitUntil(() => engine.requestsTo('GET /info').length === 1);
    const waiting = client.request({ ...LIST, signal: stop.signal });
    stop.abort(new Error('gone'));
    await expect(running).rejects.toThrow('gone');
    await expect(waiting).rejects.toThrow('gone');
    finish();
    expect((await client.request(LIST)).statusCode).toBe(200);
    expect(engine.requestsTo('GET /containers/json')).toHaveLength(1);
  });

  test('is cut off when the answer is too large', async () => {
    const { engine, client } = await engineAndClient(1);
    engine.lie('GET /containers/json', 200, `"${'x'.repeat(100_000)}"`);
    await expect(client.request({ ...LIST, maxBytes: 10_000 })).rejects.toThrow('the answer is larger than');
    expect((await client.request({ ...LIST, maxBytes: 200_000 })).body.length).toBe(100_002);
  });

  test('fails when the connections are dropped, and the next one connects anew', async () => {
    const { engine, client } = await engineAndClient();
    const finish = engine.stall('GET /info');
    const lost = client.request({ method: 'GET', path: '/info' });
    const outcome = expect(lost).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' });
    await waitUntil(() => engine.requestsTo('GET /info').length === 1);
    client.dropConnections();
    await outcome;
    finish();
    expect((await client.request(LIST)).statusCode).toBe(200);
  });

  test.each([
    ['without a word', ''],
    ['within its answer', 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhell'],
  ])('fails when the engine closes the connection %s', async (_when, text) => {
    const server = await RawServer.start((socket) => socket.once('data', () => socket.end(text)));
    closing.push(() => server.close());
    await expect(clientOf(server.address).request(LIST)).rejects.toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: `GET /containers/json on engine tcp://${server.address}: the engine closed the connection`,
    });
  });

  test('is answered by an engine that closes the connection with each answer', async () => {
    const answer = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n[]';
    const server = await RawServer.start((socket) => socket.once('data', () => socket.end(answer)));
    closing.push(() => server.close());
    const client = clientOf(server.address, 1);
    const answers = await Promise.all([client.request(LIST), client.request(LIST), client.request(LIST)]);
    expect(answers.map(({ body }) => body.toString())).toEqual(['[]', '[]', '[]']);
    expect(server.accepted).toBe(3);
  });

  test('does not take for its answer what the engine sent before it was asked', async () => {
    const answer = (text: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${text.length}\r\n\r\n${text}`;
    const server = await RawServer.start((socket) =>
      socket.on('data', () => socket.write(answer('[1]') + answer('[2]'))),
    );
    closing.push(() => server.close());
    const client = clientOf(server.address, 1);
    for (let call = 0; call < 3; call++) expect((await client.request(LIST)).body.toString()).toBe('[1]');
    expect(server.accepted).toBe(3);
  });

  test('fails like the others that wait when nobody listens any more', async () => {
    const { engine, client } = await engineAndClient(2);
    await engine.apply({ kind: 'refuse' });
    const calls = await Promise.allSettled(Array.from({ length: 6 }, () => client.request(LIST)));
    expect(calls.map(({ status }) => status)).toEqual(Array(6).fill('rejected'));
  });

  test('carries headers and bodies as they are', async () => {
    const { engine, client } = await engineAndClient();
    const headers = { 'Content-Type': 'text/plain', 'X-Registry-Auth': 'bäh' };
    await client.request({ method: 'POST', path: '/containers/x/wait', headers, body: Buffer.from('ä') });
    await client.request({ method: 'POST', path: '/containers/x/wait' });
    expect(engine.requests.map(({ fields }) => [fields['content-length'], fields['content-type']])).toEqual([
      ['2', 'text/plain'],
      ['0', undefined],
    ]);
    expect(engine.requests[0]?.fields['x-registry-auth']).toBe('bäh');
    await expect(client.request({ method: 'GET', path: '/x\r\ny' })).rejects.toThrow('cannot be asked for');
  });

  test('fails after close', async () => {
    const { engine, client } = await engineAndClient();
    await client.request(LIST);
    await client.close();
    await client.close();
    await expect(client.request(LIST)).rejects.toMatchObject({ code: 'ENGINE_UNREACHABLE' });
    await waitUntil(() => engine.openConnections === 0);
  });
});

describe('pipelined calls', () => {
  const inspects = (count: number): EngineRequest[] =>
    Array.from({ length: count }, (_, i) => ({ method: 'GET', path: `/containers/c${i}/json`, isPipelined: true }));

  test('share one connection, and each gets its own answer', async () => {
    const engine = await FakeEngine.start({ containers: 40 });
    closing.push(() => engine.close());
    const client = clientOf(engine.address);
    const ids = [...engine.state.containers.keys()];
    const calls = ids.map((id) =>
      client.json<{ Id: string }>({ method: 'GET', path: `/containers/${id}/json`, isPipelined: true }),
    );
    expect((await Promise.all(calls)).map(({ Id }) => Id)).toEqual(ids);
    expect(engine.openConnections).toBe(1);
  });

  test('do not make another call wait', async () => {
    const { engine, client } = await engineAndClient();
    const finish = engine.stall('GET /info');
    const slow = client.request({ method: 'GET', path: '/info', isPipelined: true });
    const behind = client.request({ ...LIST, isPipelined: true });
    expect((await client.request(LIST)).statusCode).toBe(200);
    finish();
    expect((await Promise.all([slow, behind])).map(({ statusCode }) => statusCode)).toEqual([200, 200]);
    expect(engine.openConnections).toBe(2);
  });

  test('do not wait for those of an earlier turn', async () => {
    const { engine, client } = await engineAndClient();
    const finish = engine.stall('GET /volumes');
    const slow = client.request({ method: 'GET', path: '/volumes', isPipelined: true });
    await waitUntil(() => engine.requestsTo('GET /volumes').length === 1);
    expect((await client.request({ ...LIST, isPipelined: true })).statusCode).toBe(200);
    finish();
    expect((await slow).statusCode).toBe(200);
  });

  test('let another call in between when there is only one connection', async () => {
    const { engine, client } = await engineAndClient(1);
    const calls = [
      ...inspects(3).map((call) => client.request(call)),
      client.request(LIST),
      ...inspects(3).map((call) => client.request(call)),
    ];
    await Promise.all(calls);
    expect(engine.requests.map(({ path }) => path).indexOf('/containers/json')).toBe(3);
    expect(engine.openConnections).toBe(1);
  });

  test('are answered also by an engine that closes the connection with each answer', async () => {
    const answer = 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\n[]';
    const server = await RawServer.start((socket) => socket.once('data', () => socket.end(answer)));
    closing.push(() => server.close());
    const client = clientOf(server.address, 4);
    const answers = await Promise.all(inspects(6).map((call) => client.request(call)));
    expect(answers.map(({ body }) => body.toString())).toEqual(Array(6).fill('[]'));
  });

  test('outlive one that is given up', async () => {
    const { engine, client } = await engineAndClient();
    engine.stall('GET /info');
    const given = client.request({ method: 'GET', path: '/info', isPipelined: true, timeoutMs: 50 });
    const behind = client.request({ ...LIST, isPipelined: true });
    await expect(given).rejects.toThrow('no answer within 50 ms');
    expect((await behind).statusCode).toBe(200);
  });
});

describe('a raw exchange', () => {
  test('has head and rest, and its stream goes on', async () => {
    const client = await answering(
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 101 UPGRADED\r\nX-One: a\r\nx-two:b\r\n\r\nrest',
    );
    const exchange = await client.open({ method: 'POST', path: '/x', headers: { Upgrade: 'tcp' } });
    expect(exchange).toMatchObject({
      statusCode: 101,
      statusText: 'UPGRADED',
      rawHeaders: ['X-One', 'a', 'x-two', 'b'],
    });
    expect(exchange.rest.toString()).toBe('rest');
    expect(headerOf(exchange.rawHeaders, 'x-two')).toBe('b');
    expect(exchange.socket.isPaused()).toBe(true);
    exchange.socket.destroy();
  });

  test.each([
    ['SSH-2.0-OpenSSH_9\r\n\r\n', 'did not answer in HTTP: "SSH-2.0-OpenSSH_9"'],
    [`HTTP/1.1 200 OK\r\nX: ${'x'.repeat(70_000)}`, 'head over 64 KiB'],
  ])('refuses %.20j', async (text, message) => {
    const client = await answering(text);
    await expect(client.open({ method: 'GET', path: '/x', headers: {} })).rejects.toThrow(message);
  });

  test('fails when the engine closes without a word', async () => {
    const server = await RawServer.start((socket) => socket.once('data', () => socket.end()));
    closing.push(() => server.close());
    const opened = clientOf(server.address).open({ method: 'GET', path: '/x', headers: {} });
    await expect(opened).rejects.toThrow('closed the connection before it answered');
  });

  test('is given up with its signal, and outlives dropped connections', async () => {
    const { engine, client } = await engineAndClient();
    engine.stall('GET /info');
    const stop = new AbortController();
    const waiting = client.open({ method: 'GET', path: '/info', headers: {}, signal: stop.signal });
    const outcome = expect(waiting).rejects.toThrow('enough');
    await waitUntil(() => engine.requestsTo('GET /info').length === 1);
    stop.abort(new Error('enough'));
    await outcome;
    const events = await client.open({ method: 'GET', path: '/events', headers: {} });
    const unanswered = expect(client.open({ method: 'GET', path: '/info', headers: {} })).rejects.toThrow(
      'was lost before it answered',
    );
    await waitUntil(() => engine.requestsTo('GET /info').length === 2);
    client.dropConnections();
    await unanswered;
    expect(events.socket.destroyed).toBe(false);
    await client.close();
    expect(events.socket.destroyed).toBe(true);
  });
});

test.each([
  ['{"message":"no such thing"}', 'no such thing'],
  ['plain words\n', 'plain words'],
  ['{"message":5}', '{"message":5}'],
  ['', 'the engine gave no reason'],
])('the message of %j', (body, message) => {
  expect(messageOf(Buffer.from(body))).toBe(message);
});
