import { Duplex } from 'node:stream';
import { afterEach, expect, test, vi } from 'vitest';
import { carryToApi } from './visit.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('a visit that was refused does not stay because its agent keeps it', async () => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  let told = '';
  const stream = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _, done) => {
      told += chunk.toString();
      done();
    },
  });
  await carryToApi(stream, undefined);
  expect(stream.destroyed).toBe(false);
  vi.advanceTimersByTime(30_000);
  expect([told, stream.destroyed]).toEqual(['{"refused":true}\n', true]);
});
