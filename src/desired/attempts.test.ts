import { expect, test } from 'vitest';
import { memoryRecords } from '../../test/fakes/memory-records.ts';
import { Attempts, readAttempt } from './attempts.ts';

test('a state keeps its incarnation, and recognises what was made for it', async () => {
  const { records } = memoryRecords();
  const first = await Attempts.open(records, 'c1');
  const again = await Attempts.open(records, 'c1');
  const attempt = first.next();
  expect(readAttempt(again.labelOf(attempt))).toEqual({ cluster: 'c1', incarnation: first.incarnation, attempt });
  const other = await Attempts.open(memoryRecords().records, 'c1');
  const marks = [first, other, new Attempts('c2', first.incarnation)].map((each) => readAttempt(each.labelOf(attempt)));
  expect(marks.map((mark) => mark && again.isOurs(mark))).toEqual([true, false, false]);
});

test('managers that open a state at once agree on its incarnation', async () => {
  const { records } = memoryRecords();
  const opened = await Promise.all(['c1', 'c1', 'c1'].map((cluster) => Attempts.open(records, cluster)));
  expect(new Set(opened.map(({ incarnation }) => incarnation)).size).toBe(1);
});

test.each([undefined, '', 'a/b', 'a/b/c', '/b/0123456789abcdef0123456789abcdef', `a/b/${'0'.repeat(32)}/d`])(
  '%j is no mark',
  (label) => expect(readAttempt(label)).toBeUndefined(),
);
