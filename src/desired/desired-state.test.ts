import { describe, expect, it } from 'vitest';
import { systemClock } from '../common/clock.ts';
import { silentLogger } from '../common/logger.ts';
import type { RecordStore } from '../kv/record-store.ts';
import { openStateStore, type StateStore } from '../store/state-store.ts';
import { DesiredState } from './desired-state.ts';
import { type ContainerRecord, RECORD_FORMAT, type RecordBody } from './record.ts';

const BODY: RecordBody = {
  format: RECORD_FORMAT,
  source: { text: '{"Image":"redis"}', api: '1.47' as RecordBody['source']['api'], largestNodeCpus: 2 },
  amendments: [],
};

function record(key: string, changes: Partial<ContainerRecord> = {}): ContainerRecord {
  return {
    format: RECORD_FORMAT,
    key,
    name: `name-of-${key}`,
    current: { nodeId: 'node-1', attempt: key, generation: 0 },
    wanted: 'created',
    terms: { restart: 'no', priority: 0 },
    ...changes,
  };
}

async function open(store: StateStore, bodies: RecordStore = store.records('bodies')): Promise<DesiredState> {
  return await DesiredState.open({
    records: store.records('containers'),
    bodies,
    clock: systemClock,
    logger: silentLogger(),
  });
}

describe('the desired state', () => {
  it('finds a record by ID, by each copy and by node, and has it after the next opening', async () => {
    const store = await openStateStore(undefined);
    const state = await open(store);
    await state.add(record('a'), BODY);
    const move = {
      to: { nodeId: 'node-2', attempt: 'b', generation: 1 },
      how: 'replace',
      why: 'lost',
      sinceMs: 1,
    } as const;
    const stale = [{ nodeId: 'node-0', engineId: 'old', attempt: 'z', generation: 0 }];
    await state.change('a', (each) => ({
      ...each,
      id: 'id-a',
      current: { ...each.current, engineId: 'e' },
      move,
      stale,
    }));
    const again = await open(store);
    for (const each of [state, again]) {
      expect(each.index.byId('id-a')?.key).toBe('a');
      expect(each.index.byEngineId('e')).toMatchObject({ role: 'current' });
      expect(each.index.byEngineId('old')).toMatchObject({ role: 'stale' });
      expect(each.index.byAttempt('b')).toMatchObject({ role: 'next' });
      expect(each.index.onNode('node-1')).toHaveLength(1);
      expect(each.index.staleOn('node-0')).toHaveLength(1);
      expect(each.index.moving.size).toBe(1);
    }
  });

  it('keeps nothing of a record that is removed', async () => {
    const store = await openStateStore(undefined);
    const state = await open(store);
    await state.add(record('a', { id: 'id-a', stale: [{ nodeId: 'n', attempt: 'x', generation: 0 }] }), BODY);
    await state.remove('a');
    expect(state.size).toBe(0);
    expect(state.index.byId('id-a') ?? state.index.byAttempt('a') ?? state.index.byAttempt('x')).toBeUndefined();
    expect([...state.index.onNode('node-1'), ...state.index.staleOn('n'), ...state.index.moving]).toEqual([]);
    await expect(state.body('a')).rejects.toThrow(/record a is not there/);
    await state.remove('a');
  });

  it('makes the changes of one record one after the other', async () => {
    const state = await open(await openStateStore(undefined));
    await state.add(record('a'), BODY);
    const generations = await Promise.all(
      Array.from({ length: 20 }, () =>
        state.change('a', (each) => ({
          ...each,
          current: { ...each.current, generation: each.current.generation + 1 },
        })),
      ),
    );
    expect(generations.map((each) => each?.current.generation)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  });

  it('writes nothing for a record that is gone, or stays as it is', async () => {
    const store = await openStateStore(undefined);
    const state = await open(store);
    await state.add(record('a'), BODY);
    await state.amend('a', { kind: 'disconnect', network: 'front' });
    const { written } = store.tally;
    const told: unknown[] = [];
    state.subscribe((change) => told.push(change));
    const before = state.get('a');
    expect(await state.change('gone', (each) => ({ ...each, wanted: 'running' }))).toBeUndefined();
    expect(await state.amend('gone', { kind: 'disconnect', network: 'front' })).toBeUndefined();
    await state.remove('gone');
    expect(await state.change('a', (each) => each)).toBe(before);
    expect(await state.change('a', (each) => ({ ...each, current: { ...each.current }, wanted: 'created' }))).toBe(
      before,
    );
    expect(await state.change('a', ({ ended: _, ...each }) => each)).toBe(before);
    expect(await state.amend('a', { kind: 'disconnect', network: 'front' }, (each) => ({ ...each }))).toBe(before);
    expect({ written: store.tally.written, told }).toEqual({ written, told: [] });
    await state.change('a', (each) => ({ ...each, wanted: 'running' }));
    expect(store.tally.written).toBe(written + 1);
  });

  it('shows the very parts of a record that a change left alone', async () => {
    const state = await open(await openStateStore(undefined));
    await state.add(record('a'), BODY);
    const { terms } = state.get('a') ?? {};
    await state.change('a', (each) => ({ ...each, wanted: 'running' }));
    expect(state.get('a')?.terms).toBe(terms);
  });

  it('adds nothing when the body cannot be written', async () => {
    const store = await openStateStore(undefined);
    const bodies: RecordStore = {
      ...store.records('bodies'),
      write: () => Promise.reject(new Error('no space left on device')),
    };
    const state = await open(store, bodies);
    await expect(state.add(record('a'), BODY)).rejects.toThrow('no space left');
    expect(state.get('a')).toBeUndefined();
  });

  it('keeps amendments in order, with the change of the record that comes with them', async () => {
    const state = await open(await openStateStore(undefined));
    await state.add(record('a'), BODY);
    await Promise.all([
      state.amend('a', { kind: 'disconnect', network: 'front' }),
      state.amend('a', { kind: 'update', body: '{"RestartPolicy":{"Name":"always"}}' }, (each) => ({
        ...each,
        terms: { ...each.terms, restart: 'always' },
      })),
    ]);
    expect((await state.body('a')).amendments.map(({ kind }) => kind)).toEqual(['disconnect', 'update']);
    expect(state.get('a')?.terms.restart).toBe('always');
  });

  it('keeps members that it does not know, and does not read records of a newer form', async () => {
    const store = await openStateStore(undefined);
    const later = { ...record('a'), hue: 'green' };
    await store.records('containers').write([
      { key: 'a', value: JSON.stringify(later) },
      { key: 'b', value: JSON.stringify({ ...record('b'), format: RECORD_FORMAT + 1 }) },
    ]);
    const state = await open(store);
    await state.change('a', (each) => ({ ...each, wanted: 'running' }));
    expect(JSON.parse((await store.records('containers').get('a'))?.value ?? '')).toMatchObject({
      hue: 'green',
      wanted: 'running',
    });
    expect(state.get('b')).toBeUndefined();
    expect(await store.records('containers').get('b')).toBeDefined();
  });
});
