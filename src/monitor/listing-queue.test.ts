import { describe, expect, test } from 'vitest';
import { containerSummary, modelNode } from '../../test/fakes/model.ts';
import { Containers } from '../cluster/containers.ts';
import type { Node } from '../cluster/node.ts';
import type { EngineEvent } from '../engine/types.ts';
import { isAlreadyKnown, isShown, ListingQueue } from './listing-queue.ts';

const ID = 'a'.padEnd(64, '0');

function event(action: string, attributes: Record<string, string> = {}): EngineEvent {
  return { Type: 'container', Action: action, Actor: { ID, Attributes: attributes } };
}

function nodeWith(state: string): Node {
  const node = modelNode('one');
  const summary = containerSummary('a', { State: state, Names: ['/web'] });
  if (state !== '') new Containers({ onUnknownReservation: () => undefined }).update(node, [], [summary], 0);
  return node;
}

/** What is due after these events. */
function dueAfter(...events: readonly EngineEvent[]) {
  const queue = new ListingQueue();
  for (const each of events) queue.follow(ID, each);
  return queue.take().get(ID) ?? { event: undefined, change: undefined, attempts: -1 };
}

test.each<{ events: EngineEvent[]; state: string; isSpared: boolean }>([
  { events: [event('create')], state: 'created', isSpared: true },
  { events: [event('create')], state: '', isSpared: false },
  { events: [event('create'), event('connect'), event('start')], state: 'running', isSpared: true },
  { events: [event('start')], state: 'exited', isSpared: false },
  { events: [event('die')], state: 'exited', isSpared: true },
  { events: [event('die')], state: 'running', isSpared: false },
  { events: [event('die'), event('start')], state: 'running', isSpared: false },
  { events: [event('pause')], state: 'paused', isSpared: true },
  { events: [event('unpause')], state: 'paused', isSpared: false },
  { events: [event('rename', { name: 'web' })], state: 'running', isSpared: true },
  { events: [event('rename', { name: '/web' })], state: 'running', isSpared: true },
  { events: [event('rename', { name: 'db' })], state: 'running', isSpared: false },
  { events: [event('update')], state: 'running', isSpared: false },
  { events: [event('health_status: healthy')], state: 'running', isSpared: false },
])('$events.length events, the last $events.0.Action, seen $state: spared $isSpared', ({ events, state, isSpared }) => {
  expect(isAlreadyKnown(nodeWith(state), ID, dueAfter(...events))).toBe(isSpared);
});

test.each<{ events: EngineEvent[]; state: string; shown: boolean }>([
  { events: [event('die')], state: 'running', shown: false },
  { events: [event('die')], state: 'restarting', shown: true },
  { events: [event('die')], state: 'exited', shown: true },
  { events: [event('die')], state: '', shown: true },
  { events: [event('die'), event('disconnect')], state: 'running', shown: false },
  { events: [event('die'), event('start')], state: 'running', shown: true },
  { events: [event('pause')], state: 'running', shown: false },
  { events: [event('pause'), event('unpause')], state: 'running', shown: true },
  { events: [event('unpause')], state: 'paused', shown: false },
  { events: [event('update')], state: 'running', shown: true },
])('after $events.length events, the first $events.0.Action, $state shows it: $shown', ({ events, state, shown }) => {
  expect(isShown(nodeWith(state), ID, dueAfter(...events))).toBe(shown);
});

describe('what is asked again', () => {
  test('is what it was when nothing else was said', () => {
    const queue = new ListingQueue();
    queue.follow(ID, event('die'));
    const taken = queue.take();
    queue.requeue(taken);
    expect(queue.take()).toEqual(taken);
  });

  test('goes on waiting for its change when something else was said', () => {
    const queue = new ListingQueue();
    queue.follow(ID, event('die'));
    const taken = queue.take();
    queue.follow(ID, event('disconnect'));
    queue.requeue(taken);
    expect(queue.take().get(ID)).toMatchObject({ event: undefined, change: { Action: 'die' } });
  });

  test('gives way to a newer change', () => {
    const queue = new ListingQueue();
    queue.follow(ID, event('die'));
    const taken = queue.take();
    queue.follow(ID, event('start'));
    queue.requeue(taken);
    expect(queue.take().get(ID)).toMatchObject({ change: { Action: 'start' } });
  });
});

test('a demand outlives the events, and keeps waiting for their change', () => {
  const queue = new ListingQueue();
  queue.follow(ID, event('die'));
  queue.follow('b', event('die'));
  queue.demand(ID);
  queue.forgetEvents();
  expect([...queue.take()]).toEqual([[ID, { event: undefined, change: event('die'), attempts: 0 }]]);
});
