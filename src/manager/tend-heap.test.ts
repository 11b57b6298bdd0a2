import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import type { Heap } from './heap.ts';
import { tendHeap } from './tend-heap.ts';

const MIB = 2 ** 20;

interface World {
  readonly clock: FakeClock;
  readonly stop: AbortController;
  readonly heap: { -readonly [Key in keyof Heap]: Heap[Key] };
  readonly ended: Promise<void>;
  tried(): void;
  learnt(): void;
  /** What was done to the heap since this was asked last. */
  done(): Promise<string[]>;
}

/** A manager that was started, with a heap of so many MiB. */
function world(mebibytes: number): World {
  const clock = new FakeClock();
  const stop = new AbortController();
  const steps: string[] = [];
  const heap: World['heap'] = {
    bytes: mebibytes * MIB,
    growBy: (percent) => void steps.push(`grow by ${percent} %`),
    collect: () => void steps.push('collect'),
  };
  const [tried, learnt] = [milestone(), milestone()];
  const ended = tendHeap({ tried: tried.reached, learnt: () => learnt.reached }, heap, clock, stop.signal);
  const done = (): Promise<string[]> => turns().then(() => steps.splice(0));
  return { clock, stop, heap, ended, tried: tried.reach, learnt: learnt.reach, done };
}

function milestone(): { readonly reached: Promise<void>; readonly reach: () => void } {
  let reach = (): void => undefined;
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  return { reached, reach: () => reach() };
}

async function turns(): Promise<void> {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
}

test('a large heap is collected when every node was tried, and when all is learnt', async () => {
  const { tried, learnt, ended, done } = world(200);
  expect(await done()).toEqual([]);
  tried();
  expect(await done()).toEqual(['collect', 'grow by 10 %']);
  learnt();
  expect(await done()).toEqual(['collect', 'grow by 30 %']);
  await ended;
});

test('what is not learnt is not waited for without a bound', async () => {
  const { clock, tried, ended, done } = world(200);
  tried();
  await done();
  clock.advance(30_000);
  expect(await done()).toEqual(['collect', 'grow by 30 %']);
  await ended;
});

test('a small heap is left alone until it becomes a large one', async () => {
  const { clock, tried, learnt, heap, ended, done } = world(60);
  tried();
  expect(await done()).toEqual(['grow by 100 %']);
  learnt();
  expect(await done()).toEqual(['grow by 100 %']);
  // With its room for as much again.
  heap.bytes = 120 * MIB;
  clock.advance(60_000);
  expect(await done()).toEqual([]);
  heap.bytes = 200 * MIB;
  clock.advance(60_000);
  expect(await done()).toEqual(['grow by 30 %']);
  await ended;
});

test('a heap that was large for its garbage alone is a small one', async () => {
  const { tried, heap, done } = world(200);
  const { collect } = heap;
  heap.collect = () => {
    heap.bytes = 60 * MIB;
    collect();
  };
  tried();
  expect(await done()).toEqual(['collect', 'grow by 100 %']);
});

test('a manager that is stopped is not held up', async () => {
  const early = world(200);
  early.stop.abort();
  early.tried();
  await early.ended;
  expect(await early.done()).toEqual([]);
  const later = world(200);
  later.tried();
  await later.done();
  later.stop.abort();
  await later.ended;
  expect(await later.done()).toEqual([]);
  const small = world(60);
  small.tried();
  small.learnt();
  await small.done();
  small.stop.abort();
  await small.ended;
  expect(await small.done()).toEqual([]);
});
