import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { Connections } from './connections.ts';
import type { EndableFlow } from './fair-flows.ts';

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

describe('a bound in total', () => {
  const limits = { total: 10, perPort: 8 };
  const [tcp, one, two] = [{}, {}, {}];

  function flow(port: object, address: string, ended: object[]): EndableFlow & { release?: (() => void) | undefined } {
    const made: EndableFlow & { release?: (() => void) | undefined } = {
      port,
      address,
      end: () => {
        ended.push(port);
        made.release?.();
      },
    };
    return made;
  }

  test('leaves room for connections, and for flows of other ports, where UDP ports are flooded', () => {
    const connections = new Connections(limits);
    const ended: object[] = [];
    for (let i = 0; i < 100; i++) {
      const made = flow(i % 2 === 0 ? one : two, `192.0.2.${i}`, ended);
      made.release = connections.takeFlow(made.port as object, made);
      expect(made.release).toBeDefined();
    }
    expect(connections.size).toBe(10);
    const taken = Array.from({ length: 8 }, () => connections.take(tcp, { destroy: () => undefined }));
    // As many as make the shares equal.
    expect(taken.filter((release) => release !== undefined)).toHaveLength(3);
    const late = flow({}, '192.0.2.1', ended);
    expect(connections.takeFlow(late.port as object, late)).toBeDefined();
    expect(connections.size).toBe(10);
    expect(new Set(ended)).toEqual(new Set([one, two]));
  });

  test('is not got round by flows where connections have it all', () => {
    const connections = new Connections(limits);
    for (const port of [{}, {}]) for (let i = 0; i < 5; i++) connections.take(port, { destroy: () => undefined });
    expect(connections.takeFlow(one, flow(one, '192.0.2.1', []))).toBeUndefined();
    expect([connections.size, connections.tally.refused]).toEqual([10, 1]);
  });
});
