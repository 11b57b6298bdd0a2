import { expect, test } from 'vitest';
import { objectionTo } from './quorum-terms.ts';

const sees = (answering: number, nodes: number, hasLeader = false) => ({ answering, nodes, hasLeader });
const other = (answering: number, hasLeader = false) => ({ manager: 'b:3376', ...sees(answering, 5, hasLeader) });

test.each([
  { name: 'the only manager, with most nodes', own: sees(3, 5), others: [] },
  { name: 'with half of them', own: sees(2, 4), others: [] },
  { name: 'with all of one', own: sees(1, 1), others: [] },
  { name: 'others that see as much', own: sees(3, 5), others: [other(3), other(2)] },
  { name: 'a minority that knows that it is not cut off', own: sees(1, 3), others: [], isCertain: true },
])('may: $name', ({ own, others, isCertain = false }) => {
  expect(objectionTo(own, others, isCertain)).toBeUndefined();
});

test.each([
  { name: 'a minority', own: sees(2, 5), others: [], why: '2 of 5 nodes' },
  { name: 'a minority that others agree with', own: sees(2, 5), others: [other(2)], why: '2 of 5 nodes' },
  {
    name: 'another one sees a leader',
    own: sees(3, 5),
    others: [other(2), other(2, true)],
    why: 'b:3376 sees them with a leader',
  },
  { name: 'another one sees more', own: sees(3, 5), others: [other(4)], why: 'b:3376 sees 4 nodes, this one 3' },
  {
    name: 'a leader elsewhere, whatever is certain',
    own: sees(1, 3),
    others: [other(2, true)],
    isCertain: true,
    why: 'with a leader',
  },
])('may not: $name', ({ own, others, isCertain = false, why }) => {
  expect(objectionTo(own, others, isCertain)).toContain(why);
});
