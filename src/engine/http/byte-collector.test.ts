import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ByteCollector } from './byte-collector.ts';

test('gives back what it was given, in memory of its own', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 3_000 }), { maxLength: 12 }), (pieces) => {
      const collector = new ByteCollector();
      const memory = Buffer.alloc(3_000);
      for (const piece of pieces) {
        memory.set(piece);
        collector.add(memory.subarray(0, piece.length));
        memory.fill(0);
      }
      const all = Buffer.concat(pieces);
      expect(collector.length).toBe(all.length);
      expect(collector.take().equals(all)).toBe(true);
      expect([collector.length, collector.take().length]).toEqual([0, 0]);
    }),
  );
});

test('millions of pieces take no more memory than their bytes and some', () => {
  const collector = new ByteCollector();
  const piece = Buffer.from('x');
  const before = bytesInUse();
  for (let i = 0; i < 2_000_000; i++) collector.add(piece);
  const used = bytesInUse() - before;
  expect(collector.length).toBe(2_000_000);
  // As buffers of their own they took 200 MB.
  expect(used).toBeLessThan(50_000_000);
});

function bytesInUse(): number {
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}
