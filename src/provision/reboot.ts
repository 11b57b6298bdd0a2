import type { Clock } from '../common/clock.ts';
import { ClusterError, DriverError } from '../common/errors.ts';
import { retry } from '../common/retry.ts';
import { readFacts } from './facts.ts';
import type { Task } from './provisioner.ts';
import { behind, type Remote } from './remote.ts';
import { runStep } from './step.ts';

const WITHIN_MS = 300_000;
const PAUSE_MS = 1_000;

/** The answer comes first: the connection does not survive what follows. */
const REBOOT = `sync
(sleep 1; systemctl reboot || reboot || shutdown -r now) >/dev/null 2>&1 </dev/null &
`;

/** Restarts a machine through its own system; resolves when it answers again. */
export async function reboot(open: () => Promise<Remote>, task: Task, clock: Clock): Promise<void> {
  const before = await withRemote(open, async (remote) => {
    const { become } = await readFacts(remote, task);
    const boot = await bootId(remote, task);
    await runStep(behind(remote, become), { title: 'restarting the machine', script: REBOOT }, task);
    return boot;
  });
  const { signal } = task;
  const deadline = clock.now() + WITHIN_MS;
  const look = (): Promise<string> =>
    withRemote(open, (remote) => bootId(remote, task)).catch((error: unknown) => {
      if (error instanceof ClusterError) return before;
      throw error;
    });
  await clock.sleep(PAUSE_MS, signal);
  const until = (boot: string): boolean => boot !== before;
  const after = await retry(clock, look, { until, passes: () => false, backoff: PAUSE_MS, deadline, signal });
  if (after === before)
    throw new DriverError('it has not come back within 5 minutes of its restart: look at its console', 'NOT_RUNNING');
}

async function bootId(remote: Remote, task: Task): Promise<string> {
  return await runStep(
    remote,
    { title: 'looking at the machine', script: 'cat /proc/sys/kernel/random/boot_id' },
    task,
  );
}

async function withRemote<T>(open: () => Promise<Remote>, use: (remote: Remote) => Promise<T>): Promise<T> {
  const remote = await open();
  try {
    return await use(remote);
  } finally {
    await remote.close();
  }
}
