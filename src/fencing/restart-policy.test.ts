import { expect, test } from 'vitest';
import { NO_RESTARTS, nextRestart, policyObject } from './restart-policy.ts';

const SOON = { exitCode: 1, ranMs: 50 };

test.each([
  { policy: 'no', exit: SOON, before: NO_RESTARTS, next: undefined },
  { policy: 'always', exit: { ...SOON, exitCode: 0 }, before: NO_RESTARTS, next: { count: 1, pauseMs: 100 } },
  { policy: 'unless-stopped', exit: SOON, before: { count: 3, pauseMs: 400 }, next: { count: 4, pauseMs: 800 } },
  { policy: 'always', exit: SOON, before: { count: 20, pauseMs: 60_000 }, next: { count: 21, pauseMs: 60_000 } },
  {
    policy: 'always',
    exit: { ...SOON, ranMs: 10_000 },
    before: { count: 20, pauseMs: 60_000 },
    next: { count: 21, pauseMs: 100 },
  },
  { policy: 'on-failure', exit: { ...SOON, exitCode: 0 }, before: NO_RESTARTS, next: undefined },
  { policy: 'on-failure', exit: SOON, before: { count: 99, pauseMs: 100 }, next: { count: 100, pauseMs: 200 } },
  { policy: 'on-failure:3', exit: SOON, before: { count: 2, pauseMs: 100 }, next: { count: 3, pauseMs: 200 } },
  { policy: 'on-failure:3', exit: SOON, before: { count: 3, pauseMs: 100 }, next: undefined },
])('$policy after $before.count restarts and exit code $exit.exitCode', ({ policy, exit, before, next }) => {
  expect(nextRestart(policy, exit, before)).toEqual(next);
});

test('a policy is shown as clients gave it', () => {
  expect(policyObject('on-failure:3')).toEqual({ Name: 'on-failure', MaximumRetryCount: 3 });
  expect(policyObject('always')).toEqual({ Name: 'always', MaximumRetryCount: 0 });
});
