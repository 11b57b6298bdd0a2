import { connect } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { FakeManager } from '../../../test/fakes/fake-manager.ts';
import { ChunkReader } from '../../engine/http/chunk-reader.ts';

const open: FakeManager[] = [];

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

async function two(): Promise<FakeManager> {
  const manager = await FakeManager.start([{ images: ['redis:latest'] }, { images: ['redis:latest'] }]);
  open.push(manager);
  return manager;
}

interface Message {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly node: { readonly Name: string; readonly Ip: string };
  readonly timeNano: number;
}

interface Reader {
  /** Reads until the stream ends or `count` messages came. */
  messages(count?: number): Promise<{ messages: Message[]; text: string }>;
}

/** Subscribes; the subscription holds when this resolves. */
async function subscribe(manager: FakeManager, query: string): Promise<Reader> {
  const stop = new AbortController();
  const response = await fetch(`${manager.url}/events?${query}`, { signal: stop.signal });
  return {
    async messages(count = Number.POSITIVE_INFINITY) {
      let text = '';
      for await (const chunk of response.body ?? []) {
        text += Buffer.from(chunk).toString();
        if (text.split('\n').length > count) break;
      }
      stop.abort();
      const lines = text.split('\n').filter((line) => line !== '');
      return { messages: lines.map((line) => JSON.parse(line) as Message), text };
    },
  };
}

/** Sends bytes and gives all that comes until the other side closes. */
async function exchange(host: string, port: number, text: string): Promise<string> {
  const socket = connect(port, host);
  socket.write(text);
  let answer = '';
  for await (const piece of socket) answer += String(piece);
  return answer;
}

/** The body of an answer in chunks; throws when the last one is missing. */
function unchunked(answer: string): string {
  let body = '';
  const decoder = new ChunkReader((data) => {
    body += data.toString();
  });
  decoder.feed(Buffer.from(answer.slice(answer.indexOf('\r\n\r\n') + 4)));
  if (!decoder.isAtEnd) throw new Error(`cut off: ${answer}`);
  return body;
}

const filters = (wish: unknown): string => `filters=${encodeURIComponent(JSON.stringify(wish))}`;

describe('GET /events', () => {
  test('merges all engines, with the node in attributes, `from` and an object of its own', async () => {
    const manager = await two();
    const events = await subscribe(manager, filters({ type: ['container'], event: ['create'] }));
    const made = [await manager.create('a'), await manager.create('b')];
    const { messages, text } = await events.messages(2);
    expect(messages.map(({ Actor }) => Actor.ID)).toEqual(made);
    expect(messages.map(({ node }) => node.Name).sort()).toEqual(['node-1', 'node-2']);
    for (const { Actor, node } of messages) {
      expect(Actor.Attributes).toMatchObject({ 'node.name': node.Name, 'node.ip': '127.0.0.1' });
      expect(text).toContain(`node:${node.Name}"`);
    }
  });

  test('since and until tell what engines remember, in order, and end', async () => {
    const manager = await two();
    const before = (Date.now() - 60_000) / 1000;
    for (const name of ['a', 'b', 'c']) await manager.create(name);
    const query = `since=${before}&until=${(Date.now() + 100) / 1000}&${filters({ event: ['create'], type: ['container'] })}`;
    const { messages } = await (await subscribe(manager, query)).messages();
    expect(messages.map(({ Actor }) => Actor.Attributes.name)).toEqual(['a', 'b', 'c']);
  });

  test('tells that an engine was lost and that it came back', async () => {
    const manager = await two();
    const events = await subscribe(manager, filters({ type: ['node'] }));
    await manager.engine(0).apply({ kind: 'refuse' });
    await expect.poll(() => manager.manager.cluster.healthyNodes().length, { timeout: 120_000 }).toBe(1);
    await manager.engine(0).apply({ kind: 'none' });
    const { messages } = await events.messages(2);
    expect(messages.map(({ Action, Actor }) => [Action, Actor.Attributes.name])).toEqual([
      ['engine_disconnect', 'node-1'],
      ['engine_reconnect', 'node-1'],
    ]);
  });

  test('times keep all their digits', async () => {
    const manager = await two();
    const since = (Date.now() - 1000) / 1000;
    await manager.create('a');
    const events = await subscribe(manager, `since=${since}&until=${(Date.now() + 100) / 1000}`);
    const { text } = await events.messages();
    expect(text).toMatch(/"timeNano":\d{19}\b/);
  });

  test('two pipelined requests get whole answers over one connection, clients of HTTP/1.0 lines without chunks', async () => {
    const manager = await two();
    const since = (Date.now() - 60_000) / 1000;
    await manager.create('a');
    const { hostname, port } = new URL(manager.url);
    const path = `/events?since=${since}&until=${(Date.now() + 100) / 1000}`;
    const old = await exchange(hostname, Number(port), `GET ${path} HTTP/1.0\r\n\r\n`);
    const lines = old.slice(old.indexOf('\r\n\r\n') + 4);
    expect(lines.split('\n').map((line) => line && (JSON.parse(line) as Message).Action)).toContain('create');
    const asked = `GET ${path} HTTP/1.1\r\nHost: docker\r\n`;
    const both = await exchange(hostname, Number(port), `${asked}\r\n${asked}Connection: close\r\n\r\n`);
    const bodies = both.split('HTTP/1.1 200 OK\r\n').slice(1).map(unchunked);
    expect(bodies).toEqual([lines, lines]);
  });

  test.each([
    ['since=yesterday', /invalid time 'yesterday'/],
    ['filters={"nope":["x"]}', /invalid filter 'nope'/],
    ['filters=nope', /not JSON/],
  ])('refuses %s', async (query, message) => {
    const manager = await two();
    const { status, json } = await manager.call('GET', `/events?${query}`);
    expect([status, json.message]).toEqual([400, expect.stringMatching(message)]);
  });
});
