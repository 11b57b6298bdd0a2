import { describe, expect, it } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { systemClock } from '../common/clock.ts';
import { DiscoveryError } from '../common/errors.ts';
import type { DiscoveryBackend, WatchEvent } from './backend.ts';
import { firstLook, untilItWorked } from './lasting.ts';

const unknown = new DiscoveryError('no such token', 'UNKNOWN_TOKEN');
const away = new DiscoveryError('nobody answers', 'SERVICE_UNREACHABLE');

function backend(events: readonly WatchEvent[], entries: DiscoveryBackend['entries']): DiscoveryBackend {
  return {
    name: 'test',
    entries,
    async *watch() {
      yield* events;
    },
    close: async () => undefined,
  };
}

describe('firstLook', () => {
  it('rejects with what no time mends', async () => {
    await expect(
      firstLook(
        backend([], () => Promise.reject(unknown)),
        systemClock,
      ),
    ).rejects.toBe(unknown);
  });

  it('leaves what may pass to the watch, also an answer that does not come', async () => {
    await firstLook(
      backend([], () => Promise.reject(away)),
      systemClock,
    );
    const clock = new FakeClock();
    const silent = backend(
      [],
      (signal) => new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    );
    const looked = firstLook(silent, clock);
    clock.advance(3000);
    await looked;
  });
});

describe('untilItWorked', () => {
  it.each([
    { events: [{ error: away }, { error: unknown }], told: [unknown] },
    { events: [{ entries: [] }, { error: unknown }], told: [] },
    { events: [{ error: away }, { entries: [] }, { error: unknown }], told: [] },
  ])('case %#', async ({ events, told }) => {
    const heard: DiscoveryError[] = [];
    const watched = untilItWorked(
      backend(events as WatchEvent[], async () => []),
      (error) => heard.push(error),
    );
    const seen: WatchEvent[] = [];
    for await (const event of watched.watch(new AbortController().signal)) seen.push(event);
    expect({ seen, heard }).toEqual({ seen: events, heard: told });
  });
});
