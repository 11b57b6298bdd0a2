import { DriverError, reasonOf } from '../../common/errors.ts';
import { retry } from '../../common/retry.ts';
import { engineClient } from '../access.ts';
import type { MachineDeps } from '../machine.ts';
import type { MachineRecord } from '../record.ts';
import type { StoredMachine } from '../store.ts';
import { swarmUrl } from '../swarm-url.ts';

export type ManagerRole = 'primary' | 'replica';

const ASK_MS = 5_000;
const PAUSE_MS = 250;
/** Taking records over, a lease that has to end first, and a busy machine. */
const WITHIN_MS = 120_000;

interface Info {
  readonly SystemStatus?: readonly (readonly [string, string])[] | null;
}

/** The role of a master's manager, and whether there is a primary. Rejects when it does not answer. */
export async function roleOf(
  machine: StoredMachine,
  signal: AbortSignal,
): Promise<{ readonly role: ManagerRole; readonly hasPrimary: boolean }> {
  const client = await engineClient(machine, managerUrl(machine.record));
  try {
    const request = { method: 'GET', path: '/info', isUnversioned: true, timeoutMs: ASK_MS, signal } as const;
    const rows = new Map((await client.json<Info>(request)).SystemStatus ?? []);
    const role = rows.get('Role') === 'replica' ? 'replica' : 'primary';
    const hasPrimary = role === 'primary' || /^\S+:\d+$/.test(rows.get('Primary') ?? '');
    return { role, hasPrimary };
  } finally {
    await client.close();
  }
}

/** Resolves when the manager of a master answers and its cluster has a primary; rejects with what is missing. */
export async function untilPrimary(
  machine: StoredMachine,
  { clock }: Pick<MachineDeps, 'clock'>,
  signal: AbortSignal,
): Promise<void> {
  const { name } = machine.record;
  const problemOf = async (): Promise<string | undefined> => {
    const { hasPrimary } = await roleOf(machine, signal);
    return hasPrimary ? undefined : 'its cluster has no primary';
  };
  const problem = await retry(clock, () => problemOf().catch(reasonOf), {
    until: (found) => found === undefined,
    backoff: PAUSE_MS,
    deadline: clock.now() + WITHIN_MS,
    signal,
  });
  if (problem !== undefined)
    throw new DriverError(
      `the manager of "${name}" is not at work after ${WITHIN_MS / 1000} s: ${problem}. See "enxame machine ssh ${name} docker logs swarm-agent-master"`,
      'NO_MANAGER',
    );
}

function managerUrl(record: MachineRecord): string {
  return swarmUrl(record, record.address?.url ?? '') ?? '';
}
