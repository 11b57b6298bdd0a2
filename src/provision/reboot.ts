import type { Clock } from '../common/clock.ts';
import { ClusterError, DriverError } from '../common/errors.ts';
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
  const deadline = clock.now() + WITHIN_MS;
  for (;;) {
    await clock.sleep(PAUSE_MS, task.signal);
    const now = await withRemote(open, (remote) => bootId(remote, task)).catch((error: unknown) => {
      task.signal.throwIfAborted();
      if (error instanceof ClusterError) return before;
      throw error;
    });
    if (now !== before) return;
    if (clock.now() > deadline)
      throw new DriverError('it has not come back within 5 minutes of its restart: look at its console', 'NOT_RUNNING');
  }
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
