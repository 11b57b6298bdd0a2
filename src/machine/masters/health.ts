import { ConflictError, DriverError } from '../../common/errors.ts';
import { retry } from '../../common/retry.ts';
import type { Task } from '../../provision/provisioner.ts';
import type { Machine, MachineDeps } from '../machine.ts';
import type { MachineRecord } from '../record.ts';
import { type Member, majorityOf } from './plan.ts';
import { hostOf, mastersOf } from './role.ts';
import { Servers } from './servers.ts';

const HEALTHY_MS = 120_000;
const PAUSE_MS = 250;

/** Throws a ConflictError (`STORE_MAJORITY`): a server is restarted only where those that are left decide without it, or where it is alone anyway. */
export function assertSpare({ name, etcd }: MachineRecord, members: readonly Member[]): void {
  const voters = members.filter(({ isLearner }) => !isLearner);
  const others = voters.filter((each) => each.isHealthy && each.name !== etcd?.name);
  const isAlone = voters.length <= 2;
  if (isAlone || others.length >= majorityOf(voters.length)) return;
  throw new ConflictError(
    `the store's server of "${name}" is needed now: ${others.length} others of ${voters.length} answer. Start the machines that are away first`,
    'STORE_MAJORITY',
  );
}

/** Throws a ConflictError (`STORE_MAJORITY`) when the store needs the server of a master now, so that it is not to be restarted. */
export async function assertOthersDecide(
  stored: Machine['stored'],
  context: Pick<MachineDeps, 'store'>,
  task: Task,
): Promise<void> {
  if (stored.record.etcd === undefined) return;
  const masters = await mastersOf(stored.record, context);
  const hosts = masters.flatMap((each) => (each.etcd === undefined ? [] : (hostOf(each) ?? [])));
  const servers = await Servers.at(hosts, stored);
  try {
    assertSpare(stored.record, await servers.look(task.signal));
  } finally {
    await servers.close();
  }
}

/** Resolves when the server of a master answers and has a leader. */
export async function untilHealthy(stored: Machine['stored'], { clock }: MachineDeps, task: Task): Promise<void> {
  const host = hostOf(stored.record) ?? '';
  const servers = await Servers.at([host], stored);
  try {
    const isHealthy = await retry(clock, () => servers.isHealthy(host, task.signal), {
      until: (is) => is,
      backoff: PAUSE_MS,
      deadline: clock.now() + HEALTHY_MS,
      signal: task.signal,
    });
    if (!isHealthy)
      throw new DriverError(
        `etcd on "${stored.record.name}" does not answer at ${host}:2379 after ${HEALTHY_MS / 1000} s: is the port let through, and what does it say (journalctl -u enxame-etcd)?`,
        'NO_STORE',
      );
  } finally {
    await servers.close();
  }
}
