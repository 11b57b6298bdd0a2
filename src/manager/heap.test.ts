import v8 from 'node:v8';
import { expect, test } from 'vitest';
import { v8Heap } from './heap.ts';

const MIB = 2 ** 20;

/** Objects that live until the returned function is called. */
function fill(mebibytes: number): () => void {
  const objects: unknown[] = Array.from({ length: mebibytes }, () => new Array(MIB / 8).fill({}));
  return () => {
    objects.length = 0;
  };
}

test('the garbage of a large heap goes back to the system', () => {
  const drop = fill(200);
  const before = v8.getHeapStatistics().total_heap_size;
  drop();
  v8Heap.collect();
  expect(before - v8.getHeapStatistics().total_heap_size).toBeGreaterThan(150 * MIB);
});

test('what lives scattered over a large heap is moved together', () => {
  const kept: object[] = [];
  const dropped: object[] = [];
  for (let i = 0; i < 200_000; i++) (i % 40 === 0 ? kept : dropped).push(new Array(128).fill(i));
  const before = v8.getHeapStatistics().total_heap_size;
  dropped.length = 0;
  v8Heap.collect();
  expect(before - v8.getHeapStatistics().total_heap_size).toBeGreaterThan(150 * MIB);
  expect(kept).toHaveLength(5_000);
});
