import { Duplex } from 'node:stream';
import { afterEach, expect, test, vi } from 'vitest';
import { visitIn } from '../engine/dialled/visits.ts';
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

test('an agent cannot write a header of its own', () => {
  const visit = { port: 80, remoteAddress: '192.0.2.1', remotePort: 1024 };
  expect(visitIn(JSON.stringify(visit))).toEqual(visit);
  for (const wrong of [1.5, -1, 65_536, '1', null])
    for (const which of ['port', 'remotePort', 'localPort'])
      expect(visitIn(JSON.stringify({ ...visit, [which]: wrong }))).toBeUndefined();
});
