/** What Docker starts with when it restarts a container, and the most it waits, in milliseconds (moby `restartmanager`). */
const FIRST_MS = 100;
const MOST_MS = 60_000;
/** A container that ran for this long is one that starts well. */
const RAN_WELL_MS = 10_000;

/** How a container has been restarted so far. */
export interface Restarts {
  readonly count: number;
  /** Of the last restart; 0 before the first. */
  readonly pauseMs: number;
}

export const NO_RESTARTS: Restarts = { count: 0, pauseMs: 0 };

/**
 * The next restart of a container that exited, as an engine would do it by the policy (`always`, `unless-stopped`, `on-failure[:times]`);
 * undefined when it is not restarted. A policy of `no` restarts nothing.
 */
export function nextRestart(
  policy: string,
  { exitCode, ranMs }: { readonly exitCode: number; readonly ranMs: number },
  before: Restarts,
): Restarts | undefined {
  const pauseMs = ranMs >= RAN_WELL_MS || before.pauseMs === 0 ? FIRST_MS : Math.min(before.pauseMs * 2, MOST_MS);
  const next = { count: before.count + 1, pauseMs };
  if (policy === 'always' || policy === 'unless-stopped') return next;
  const [name, times] = policy.split(':');
  if (name !== 'on-failure' || exitCode === 0) return undefined;
  return times !== undefined && before.count >= Number(times) ? undefined : next;
}

/** A policy in one word as the Engine API has it. */
export function policyObject(policy: string): { readonly Name: string; readonly MaximumRetryCount: number } {
  const [Name = 'no', times = '0'] = policy.split(':');
  return { Name, MaximumRetryCount: Number(times) };
}
