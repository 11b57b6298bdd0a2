import { afterEach, describe, expect, it } from 'vitest';
import type { DiscoveryBackend, WatchEvent } from '../../src/discovery/backend.ts';
import { parseEntry } from '../../src/discovery/entry.ts';

/** A backend and the hands of its world. Give it a heartbeat of some ten milliseconds. */
export interface DiscoveryWorld {
  readonly backend: DiscoveryBackend;
  /** Makes these the entries; absent where they cannot change. Otherwise they are 10.0.0.1:2376 and 10.0.0.2:2376. */
  readonly set?: (entries: readonly string[]) => Promise<void>;
  /** Makes the entries unreadable until mended. */
  readonly breakIt?: () => Promise<void>;
  readonly mend?: () => Promise<void>;
  close(): Promise<void>;
}

const TWO = ['10.0.0.1:2376', '10.0.0.2:2376'];

/** What every discovery backend promises, run against the worlds `open` makes. */
export function testDiscoveryBackend(name: string, open: () => Promise<DiscoveryWorld>): void {
  describe(`discovery backend ${name}`, () => {
    const opened: DiscoveryWorld[] = [];
    const stop = new AbortController();
    const openWorld = async (): Promise<DiscoveryWorld> => {
      const world = await open();
      opened.push(world);
      await world.set?.(TWO);
      return world;
    };
    afterEach(async () => {
      for (const world of opened.splice(0)) {
        await world.backend.close();
        await world.close();
      }
    });

    it('is called by its scheme', async () => {
      expect((await openWorld()).backend.name).toBe(name);
    });

    it('gives the entries as they are now', async () => {
      const { backend, set } = await openWorld();
      expect(await namesOf(backend)).toEqual(TWO);
      if (set === undefined) return;
      await set(['10.0.0.3:2376']);
      expect(await namesOf(backend)).toEqual(['10.0.0.3:2376']);
    });

    it('rejects a question whose signal is aborted', async () => {
      const { backend } = await openWorld();
      const reason = new Error('no longer wanted');
      await expect(backend.entries(AbortSignal.abort(reason))).rejects.toThrow('no longer wanted');
    });

    it('watches: entries at once, then each change', async () => {
      const { backend, set } = await openWorld();
      const events = backend.watch(stop.signal)[Symbol.asyncIterator]();
      expect(names(await next(events))).toEqual(TWO);
      if (set !== undefined) {
        await set([...TWO, 'ssh://root@node-3']);
        expect(names(await next(events))).toEqual([...TWO, 'ssh://root@node-3']);
      }
      await backend.close();
      expect((await events.next()).done).toBe(true);
    });

    it('ends a watch when its signal is aborted, and only that watch', async () => {
      const { backend } = await openWorld();
      const one = new AbortController();
      const first = backend.watch(one.signal)[Symbol.asyncIterator]();
      const second = backend.watch(stop.signal)[Symbol.asyncIterator]();
      await next(first);
      one.abort();
      expect((await first.next()).done).toBe(true);
      expect(names(await next(second))).toEqual(TWO);
      expect((await backend.watch(one.signal)[Symbol.asyncIterator]().next()).done).toBe(true);
    });

    it('reports errors while it cannot know, and the entries after that', async () => {
      const { backend, breakIt, mend } = await openWorld();
      if (breakIt === undefined || mend === undefined) return;
      const events = backend.watch(stop.signal)[Symbol.asyncIterator]();
      expect(names(await next(events))).toEqual(TWO);
      await breakIt();
      await expect(namesOf(backend)).rejects.toMatchObject({ name: 'DiscoveryError' });
      expect((await next(events)).error).toMatchObject({ message: expect.stringMatching(/^[^\n]+$/) });
      expect((await next(events)).error).toBeDefined();
      await mend();
      let event = await next(events);
      while (event.error !== undefined) event = await next(events);
      expect(names(event)).toEqual(TWO);
    });

    it('registers entries, each once, where it can', async () => {
      const { backend } = await openWorld();
      if (backend.register === undefined) return;
      const entry = parseEntry('tls://10.0.0.9:2376');
      await backend.register(entry, 60_000, stop.signal);
      await backend.register(entry, 60_000, stop.signal);
      expect(await namesOf(backend)).toEqual([...TWO, 'tls://10.0.0.9:2376']);
      await backend.deregister?.(entry, stop.signal);
      await backend.deregister?.(entry, stop.signal);
      expect(await namesOf(backend)).toEqual(TWO);
    });

    it('may be closed twice', async () => {
      const { backend } = await openWorld();
      await backend.close();
      await backend.close();
      expect((await backend.watch(stop.signal)[Symbol.asyncIterator]().next()).done).toBe(true);
    });
  });
}

async function namesOf(backend: DiscoveryBackend): Promise<readonly string[]> {
  return (await backend.entries(new AbortController().signal)).map((entry) => entry.canonical);
}

function names(event: WatchEvent): readonly string[] | undefined {
  return event.entries?.map((entry) => entry.canonical);
}

async function next(events: AsyncIterator<WatchEvent>): Promise<WatchEvent> {
  const result = await events.next();
  if (result.done === true) throw new Error('the watch ended');
  return result.value;
}
