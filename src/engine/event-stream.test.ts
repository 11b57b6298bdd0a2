import { afterEach, describe, expect, test } from 'vitest';
import { FakeEngine } from '../../simulator/fake-engine.ts';
import { RawServer } from '../../test/fakes/raw-server.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { EngineClient } from './client.ts';
import { tcpConnector } from './connectors/socket.ts';
import { type EventStream, openEventStream } from './event-stream.ts';

describe('a subscription', () => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
  });

  function clientOf(address: string): EngineClient {
    const [host = '', port = ''] = address.split(':');
    const client = new EngineClient(tcpConnector(host, Number(port)));
    closing.push(() => client.close());
    return client;
  }

  /** A server that answers with the given bytes and leaves the connection open. */
  async function answering(...bytes: readonly string[]): Promise<EngineClient> {
    const server = await RawServer.start((socket) => {
      socket.once('data', () => {
        for (const piece of bytes) socket.write(piece);
      });
    });
    closing.push(() => server.close());
    return clientOf(server.address);
  }

  test('hears every event as the engine wrote it', async () => {
    const engine = await FakeEngine.start();
    closing.push(() => engine.close());
    const texts: string[] = [];
    await openEventStream(clientOf(engine.address), (text) => texts.push(text), 1_000);
    engine.run({ name: 'web' });
    engine.run({ name: 'db' });
    await waitUntil(() => texts.length === 4);
    expect(texts.map((text) => JSON.parse(text).Action)).toEqual(['create', 'start', 'create', 'start']);
  });

  test.each([
    ['the connection ends', (engine: FakeEngine) => engine.apply({ kind: 'refuse' })],
    ['the engine is closed', (engine: FakeEngine) => engine.close()],
  ])('ends when %s', async (_name, end) => {
    const engine = await FakeEngine.start();
    closing.push(() => engine.close());
    const stream = await openEventStream(clientOf(engine.address), () => undefined, 1_000);
    await end(engine);
    expect(await stream.ended).toBeInstanceOf(Error);
  });

  test('ends with the answer, though the connection stays open', async () => {
    const texts: string[] = [];
    const client = await answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n0\r\n\r\n');
    const stream = await openEventStream(client, (text) => texts.push(text), 1_000);
    expect((await stream.ended).message).toBe('the engine ended its event stream');
    expect(texts).toEqual(['{}']);
  });

  test('ends when the framing is broken', async () => {
    const client = await answering('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nwhat?\r\n');
    const stream = await openEventStream(client, () => undefined, 1_000);
    expect((await stream.ended).message).toBe('the engine sent a malformed chunk size');
  });

  test('reads an answer without framing', async () => {
    const texts: string[] = [];
    const client = await answering('HTTP/1.1 200 OK\r\n\r\n{"n":1}\n{"n"', ':2}\n');
    await openEventStream(client, (text) => texts.push(text), 1_000);
    await waitUntil(() => texts.length === 2);
    expect(texts).toEqual(['{"n":1}', '{"n":2}']);
  });

  test('is refused with the reason of the engine', async () => {
    const engine = await FakeEngine.start();
    closing.push(() => engine.close());
    engine.lie('GET /events', 503, { message: 'not today' });
    await expect(openEventStream(clientOf(engine.address), () => undefined, 1_000)).rejects.toThrow('not today');
  });

  test('is given up when the engine does not answer', async () => {
    const engine = await FakeEngine.start();
    closing.push(() => engine.close());
    engine.stall('GET /events');
    const opened = openEventStream(clientOf(engine.address), () => undefined, 50);
    await expect(opened).rejects.toThrow('no answer within 50 ms');
  });

  test.each([
    ['it', (stream: EventStream) => stream.close()],
    ['its client', (_stream: EventStream, client: EngineClient) => void client.close()],
  ])('ends when %s is closed', async (_what, close) => {
    const engine = await FakeEngine.start();
    closing.push(() => engine.close());
    const client = clientOf(engine.address);
    const stream = await openEventStream(client, () => undefined, 1_000);
    close(stream, client);
    expect((await stream.ended).message).toBe('the connection was closed');
  });
});
