import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { isStart, isStop } from '../lifecycle/operations.ts';
import type { Call } from './call.ts';
import { readOperation, readRemoval, readRenaming } from './container-operations.ts';

/** A call for container `web/db`. */
function callOf(search: string, body: string = ''): Call {
  const req = Object.assign(Readable.from(body === '' ? [] : [Buffer.from(body)]), { headers: {} });
  return { req, search, query: new URLSearchParams(search), params: { id: 'web/db' } } as unknown as Call;
}

describe('an operation is read once', () => {
  test.each([
    { kind: 'start', isFirst: true, isLast: false },
    { kind: 'restart', isFirst: true, isLast: false },
    { kind: 'stop', isFirst: false, isLast: true },
    { kind: 'pause', isFirst: false, isLast: false },
    { kind: 'unpause', isFirst: false, isLast: false },
    { kind: 'update', isFirst: false, isLast: false },
  ] as const)('$kind', async ({ kind, isFirst, isLast }) => {
    const operation = await readOperation(callOf('?t=5&unknown=1', '{"Memory":1}'), kind);
    expect([isStart(operation), isStop(operation)]).toEqual([isFirst, isLast]);
    // What the manager does not know is the engine's to read.
    expect(operation).toEqual({ kind, search: '?t=5&unknown=1', body: Buffer.from('{"Memory":1}') });
  });

  test.each([
    ['', 'KILL', true],
    ['?signal=', 'KILL', true],
    ['?signal=9', 'KILL', true],
    ['?signal=sigkill', 'KILL', true],
    ['?signal=KILL', 'KILL', true],
    ['?signal=SIGTERM', 'TERM', false],
    ['?signal=hup', 'HUP', false],
    ['?signal=15', '15', false],
  ])('kill%s', async (search, signal, isLast) => {
    const operation = await readOperation(callOf(search), 'kill');
    expect(operation).toEqual({ kind: 'kill', signal, search, body: undefined });
    expect(isStop(operation)).toBe(isLast);
  });
});

test.each([
  ['', { isForced: false }],
  ['?force=0&v=1', { isForced: false }],
  ['?force=true', { isForced: true }],
  ['?link=1', { isForced: false, link: 'web/db' }],
  ['?force=1&link=1', { isForced: false, link: 'web/db' }],
])('a removal with %j', async (search, expected) => {
  expect(await readRemoval(callOf(search))).toEqual({ ...expected, search, body: undefined });
});

test('a renaming has the name without slash, and one without a name is refused', async () => {
  expect((await readRenaming(callOf('?name=%2Fdb'))).name).toBe('db');
  await expect(readRenaming(callOf('?name='))).rejects.toMatchObject({ status: 400, code: 'NO_NAME' });
});
