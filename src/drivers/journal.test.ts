import { describe, expect, it } from 'vitest';
import { type JournalStorage, openJournal, type Resource } from './journal.ts';

/** A store that may lose its process after some saves. */
function storage(saves: number = Number.POSITIVE_INFINITY): JournalStorage & { kept: readonly Resource[] } {
  let left = saves;
  return {
    kept: [],
    load() {
      return this.kept;
    },
    async save(resources) {
      if (left-- <= 0) throw new Error('process lost');
      this.kept = resources;
    },
  };
}

/** A provider that remembers what it was asked to make, by token. */
function provider(): { made: Map<string, string>; make: (token: string) => Promise<{ id: string }> } {
  const made = new Map<string, string>();
  return {
    made,
    async make(token) {
      made.set(token, made.get(token) ?? `id-${made.size}`);
      return { id: made.get(token) ?? '' };
    },
  };
}

let tokens = 0;
const newToken = (): string => `t${tokens++}`;

describe('journal', () => {
  it('makes each resource once', async () => {
    const [place, { made, make }] = [storage(), provider()];
    const journal = openJournal(place, newToken);
    expect(await journal.ensure('server', { make })).toEqual({ id: 'id-0' });
    expect(await journal.ensure('server', { make })).toMatchObject({ id: 'id-0' });
    expect(await openJournal(place, newToken).ensure('server', { make })).toMatchObject({ id: 'id-0' });
    expect(made.size).toBe(1);
  });

  it('records the intention before the provider is asked', async () => {
    const place = storage();
    const make = async (token: string): Promise<{ id: string }> => {
      expect(place.kept).toEqual([{ kind: 'server', token }]);
      throw new Error('interrupted');
    };
    await expect(openJournal(place, newToken).ensure('server', { make })).rejects.toThrow('interrupted');
    expect(place.kept).toMatchObject([{ kind: 'server' }]);
    expect(place.kept[0]?.id).toBeUndefined();
  });

  it.each([0, 1])('orphans nothing when the process is lost after %i saves', async (saves) => {
    const [place, { made, make }] = [storage(saves), provider()];
    await expect(openJournal(place, newToken).ensure('server', { make })).rejects.toThrow('process lost');
    // Whatever was made is known, if only by its token.
    for (const token of made.keys()) expect(place.kept.map((each) => each.token)).toContain(token);
    const next = storage();
    next.kept = place.kept;
    await openJournal(next, newToken).ensure('server', { make });
    expect(made.size).toBe(1);
  });

  it('looks for what an interrupted run may have made before making it again', async () => {
    const place = storage();
    place.kept = [{ kind: 'server', token: 'abc' }];
    const journal = openJournal(place, newToken);
    const found = await journal.ensure('server', {
      find: async (token) => (token === 'abc' ? { id: 'found', details: { port: 1 } } : undefined),
      make: () => Promise.reject(new Error('made twice')),
    });
    expect(found.id).toBe('found');
    await journal.describe('server', { zone: 'a' });
    expect(journal.resources).toEqual([{ kind: 'server', token: 'abc', id: 'found', details: { port: 1, zone: 'a' } }]);
    for (const resource of journal.resources) await journal.forget(resource);
    expect(place.kept).toEqual([]);
  });
});
