import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Cluster } from '../../cluster/cluster.ts';
import type { ClusterEvent } from '../../cluster/events.ts';
import { Node } from '../../cluster/node.ts';
import { systemClock } from '../../common/clock.ts';
import type { EngineClient } from '../../engine/client.ts';
import { EventHub } from './event-hub.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

/** A hub whose engines say what a test lets them say, and the names of what each batch brought. */
function world(): { hub: EventHub; say(name: string): void; listen(): { batches: string[][]; leave: () => void } } {
  let tell: (event: ClusterEvent) => void = () => undefined;
  const cluster = {
    subscribe: (listener: typeof tell) => {
      tell = listener;
      return () => undefined;
    },
  } as unknown as Cluster;
  const hub = new EventHub(cluster, { ...systemClock, now: () => 0 });
  const node = new Node('tcp://a:1', {} as EngineClient, 'a');
  return {
    hub,
    say(name) {
      const event = { Type: 'container', Action: 'start', Actor: { ID: name, Attributes: { name } } };
      tell({ kind: 'engine-event', node, event, text: JSON.stringify(event) });
    },
    listen() {
      const batches: string[][] = [];
      const leave = hub.subscribe((batch) => batches.push(batch.messages.map(({ event }) => event.Actor.ID)));
      return { batches, leave };
    },
  };
}

test('a message after a pause goes out at once, those close behind it together', () => {
  const { say, listen } = world();
  const { batches } = listen();
  for (const name of ['a', 'b', 'c']) say(name);
  expect(batches).toEqual([['a']]);
  vi.advanceTimersByTime(20);
  expect(batches).toEqual([['a'], ['b', 'c']]);
  vi.advanceTimersByTime(1_000);
  say('d');
  expect(batches.at(-1)).toEqual(['d']);
  expect(vi.getTimerCount()).toBe(0);
});

test('who subscribes hears nothing from before, who leaves nothing from after and all from before', () => {
  const { say, listen } = world();
  const first = listen();
  say('a');
  say('b');
  const second = listen();
  say('c');
  first.leave();
  say('d');
  vi.advanceTimersByTime(20);
  expect(first.batches.flat()).toEqual(['a', 'b', 'c']);
  expect(second.batches.flat()).toEqual(['c', 'd']);
});

test('the chunks of a batch are those of its messages, one after the other', () => {
  const { hub, say } = world();
  let chunks = '';
  hub.subscribe((batch) => {
    chunks += batch.chunks.toString();
  });
  for (const name of ['a', 'ü', 'c']) say(name);
  vi.advanceTimersByTime(20);
  const lines = [...chunks.matchAll(/([0-9a-f]+)\r\n(.*\n)\r\n/g)];
  expect(lines.map(([, , line = '']) => JSON.parse(line).Actor.ID)).toEqual(['a', 'ü', 'c']);
  for (const [, size = '', line = ''] of lines) expect(Number.parseInt(size, 16)).toBe(Buffer.byteLength(line));
});
