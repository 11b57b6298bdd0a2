import { reasonOf } from '../../common/errors.ts';
import { retry } from '../../common/retry.ts';
import type { Provisioner, Task } from '../../provision/provisioner.ts';
import { engineClient } from '../access.ts';
import type { Machine, MachineDeps } from '../machine.ts';
import { isReady } from '../record.ts';
import type { StoredMachine } from '../store.ts';
import { swarmUrl } from '../swarm-url.ts';
import { entryOf } from './entry.ts';
import { keepFence } from './fence.ts';
import { keepMesh } from './mesh.ts';
import { keepPart } from './part.ts';

/** A manager is told of a new engine at once, and has listed it a moment later. */
const SEEN_WITHIN_MS = 30_000;
const PAUSE_MS = 250;

/** Makes a machine part of its swarm ({@link keepPart}), and waits until the managers that are known here see it, for a bounded time. */
export async function joinSwarm(
  machine: Machine,
  provisioner: Provisioner | undefined,
  context: MachineDeps,
  task: Task,
): Promise<void> {
  await keepPart(machine, provisioner, context, task);
  // Without it no manager sees a machine of the mesh.
  await keepMesh(machine, provisioner, context, task);
  const entry = entryOf(machine.stored.record);
  const masters = entry === undefined ? [] : await mastersOf(machine.stored, context);
  for (const master of masters) if (entry !== undefined) await untilSeen(entry, master, context, task);
  // Last, when a master that is being made at the same time has an address.
  await keepFence(machine, provisioner, context, task);
}

/** Itself when it is one, else those of the store that are finished: one that is being made waits for its own engine. */
async function mastersOf(stored: StoredMachine, { store }: MachineDeps): Promise<readonly StoredMachine[]> {
  const { swarm, name } = stored.record;
  if (swarm?.isMaster) return [stored];
  const others = (await store.names()).filter((each) => each !== name);
  const found = await Promise.all(others.map((each) => store.load(each).catch(() => undefined)));
  return found.filter((each): each is StoredMachine => {
    const theirs = each?.record.swarm;
    return (
      each !== undefined && isReady(each.record) && theirs?.isMaster === true && theirs.discovery === swarm?.discovery
    );
  });
}

/** The machine is made, and a manager may be away: an engine it does not see is reported, not a failure. */
async function untilSeen(entry: string, master: StoredMachine, { clock }: MachineDeps, task: Task): Promise<void> {
  const url = swarmUrl(master.record, master.record.address?.url ?? '');
  if (url === undefined) return;
  task.report(`waiting for the manager at ${url} to see it`);
  const { signal } = task;
  const deadline = clock.now() + SEEN_WITHIN_MS;
  const problem = await retry(clock, () => look(entry, url, master, signal).catch(reasonOf), {
    until: (problem) => problem === undefined,
    backoff: PAUSE_MS,
    deadline,
    signal,
  });
  if (problem !== undefined)
    task.report(`the manager at ${url} does not see it after ${SEEN_WITHIN_MS / 1000} s: ${problem}`);
}

/** Undefined when the manager has the entry as a healthy node, else its problem in the manager's words. */
async function look(
  entry: string,
  url: string,
  master: StoredMachine,
  signal: AbortSignal,
): Promise<string | undefined> {
  const client = await engineClient(master, url);
  try {
    const info = await client.json<{ readonly SystemStatus?: readonly (readonly [string, string])[] | null }>({
      method: 'GET',
      path: '/info',
      isUnversioned: true,
      timeoutMs: 5000,
      signal,
    });
    return nodeProblem(info.SystemStatus ?? [], entry);
  } finally {
    await client.close();
  }
}

/** Reads the rows of classic swarm's `docker info`: a node with its address, then indented rows about it. */
export function nodeProblem(rows: readonly (readonly [string, string])[], entry: string): string | undefined {
  const at = rows.findIndex(([name, value]) => value === entry && !name.includes('└'));
  if (at === -1) return 'it does not know the engine yet';
  const details = rows.slice(at + 1);
  const next = details.findIndex(([name]) => !name.includes('└'));
  const own = new Map(
    details.slice(0, next === -1 ? details.length : next).map(([name, value]) => [name.replace(/^[\s└]+/, ''), value]),
  );
  const status = own.get('Status');
  if (status === 'Healthy') return undefined;
  const error = own.get('Error');
  return `it is ${status ?? 'unknown'}${error === undefined || error === '(none)' ? '' : `: ${error}`}`;
}
