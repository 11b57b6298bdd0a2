import type { Clock } from '../common/clock.ts';
import { ClusterError, DriverError, reasonOf } from '../common/errors.ts';
import { retry } from '../common/retry.ts';
import type { SshEnvironment } from '../ssh/files.ts';
import { openRemote } from './open-remote.ts';
import type { Task } from './provisioner.ts';
import type { Remote } from './remote.ts';
import type { Reachable } from './shell.ts';

/** Which machine to connect to, and how patiently. */
export interface ConnectOptions {
  readonly driver: Pick<Reachable, 'shell'>;
  /** How long a machine that does not answer yet is waited for, in milliseconds. */
  readonly waitMs: number;
  readonly clock: Clock;
  readonly environment?: SshEnvironment | undefined;
}

const PAUSE_MS = 2_000;
/** A machine that is starting refuses every key until its own are there; much later they will not come any more. */
const REFUSED_WAIT_MS = 90_000;

/** Connects to a machine that may still be starting. Rejects with the last reason when it does not answer in time. */
export async function connect(options: ConnectOptions, task: Task): Promise<Remote> {
  const { driver, waitMs, clock } = options;
  const startedMs = clock.now();
  let told = '';
  const open = async (): Promise<Remote> => {
    const shell = await driver.shell(task.signal);
    if (shell === undefined)
      throw new DriverError('the machine has no way to run commands on it: start it first', 'NO_SHELL');
    return await openRemote(shell, task.signal, options.environment);
  };
  return await retry(clock, open, {
    passes: (error) => clock.now() - startedMs <= patience(error, waitMs),
    backoff: PAUSE_MS,
    onSetback: (setback) => {
      const reason = 'error' in setback ? reasonOf(setback.error).replace(/\. Check that .*$/, '') : told;
      if (reason !== told) task.report(`waiting for SSH (${reason})`);
      told = reason;
    },
    signal: task.signal,
  });
}

function patience(error: unknown, waitMs: number): number {
  const code = error instanceof ClusterError ? error.code : '';
  if (code === 'SSH_UNREACHABLE') return waitMs;
  return code === 'SSH_AUTH' ? Math.min(waitMs, REFUSED_WAIT_MS) : -1;
}
