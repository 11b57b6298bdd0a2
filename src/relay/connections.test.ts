import { expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { Connections } from './connections.ts';

test('connections that wait for a container look for it as often together, however many they are', async () => {
  const clock = new FakeClock();
  const connections = new Connections({ total: 9, perPort: 9 });
  let looked = 0;
  const wait = async (): Promise<void> => {
    for (;;) {
      await connections.rest(clock);
      looked += 1;
    }
  };
  for (let i = 0; i < 8_000; i++) void wait();
  const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  for (let ms = 0; ms < 2_000; ms += 50) {
    clock.advance(50);
    await settled();
  }
  expect(looked).toBeGreaterThan(8_000);
  expect(looked).toBeLessThan(3 * 8_000);
});
