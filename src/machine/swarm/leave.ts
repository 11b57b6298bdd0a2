import { reasonOf } from '../../common/errors.ts';
import { retry } from '../../common/retry.ts';
import { openDiscovery } from '../../discovery/discovery.ts';
import { parseEntry } from '../../discovery/entry.ts';
import { EngineAnswerError } from '../../engine/exchange.ts';
import type { Task } from '../../provision/provisioner.ts';
import { engineClient } from '../access.ts';
import type { MachineDeps } from '../machine.ts';
import { isReady, type MachineRecord } from '../record.ts';
import type { StoredMachine } from '../store.ts';
import { swarmUrl } from '../swarm-url.ts';
import { AGENT_NAME } from './containers.ts';
import { entryOf } from './entry.ts';
import { clusterOf } from './managers.ts';
import { removeContainer } from './swarm.ts';

const WITHIN_MS = 10_000;

/** Ends the agent of a machine that is to be removed, so that it registers no more; one that cannot be reached registers no more either. */
export async function endAgent(stored: StoredMachine, signal: AbortSignal): Promise<void> {
  const url = stored.record.address?.url;
  // In the mesh it is no container: it goes with the machine's agent there.
  if (stored.record.reach === 'ssh' || entryOf(stored.record) === undefined || url === undefined) return;
  const client = await engineClient(stored, url);
  try {
    await removeContainer(client, AGENT_NAME, AbortSignal.any([signal, AbortSignal.timeout(WITHIN_MS)]));
  } finally {
    await client.close();
  }
}

/**
 * Takes a machine's engine out of discovery, so that managers let go of it now and not when its registration ends. What cannot be done
 * from here is said: the machine goes all the same.
 */
export async function leaveDiscovery(
  record: MachineRecord,
  { clock }: Pick<MachineDeps, 'clock'>,
  task: Task,
): Promise<void> {
  const { swarm } = record;
  const entry = entryOf(record);
  if (swarm === undefined || entry === undefined) return;
  const signal = AbortSignal.any([task.signal, AbortSignal.timeout(WITHIN_MS)]);
  try {
    const options = new Map(swarm.discoveryOptions.map((pair): [string, string] => splitPair(pair)));
    const backend = await openDiscovery(swarm.discovery, { heartbeatMs: 60_000, clock, options, env: {} });
    try {
      await backend.deregister?.(parseEntry(entry), signal);
    } finally {
      await backend.close();
    }
  } catch (error) {
    task.signal.throwIfAborted();
    task.report(`${entry} stays in discovery until its registration ends: ${reasonOf(error)}`);
  }
}

/** The connection of an agent that ended without a word is noticed within 20 s. */
const FORGET_MS = 40_000;

/**
 * Has the machine's key taken from all other nodes of the mesh, once its agent is gone. Any manager that is known here will do; what cannot be done is
 * said with the command that does it.
 */
export async function leaveMesh(
  record: MachineRecord,
  context: Pick<MachineDeps, 'store' | 'clock'>,
  task: Task,
): Promise<void> {
  if (record.mesh === undefined) return;
  const { name } = record;
  const others = (await clusterOf(record, context)).filter((each) => each.name !== name && isReady(each));
  const masters = others.filter(({ swarm }) => swarm?.isMaster);
  if (masters.length === 0) return;
  const attempt = async (): Promise<undefined> => {
    await Promise.any(masters.map((master) => forgetAt(master, name, context, task.signal)));
  };
  try {
    await retry(context.clock, attempt, {
      backoff: 1_000,
      deadline: context.clock.now() + FORGET_MS,
      signal: task.signal,
    });
  } catch (error) {
    task.signal.throwIfAborted();
    const why = reasonOf(error instanceof AggregateError ? error.errors[0] : error);
    task.report(`its key is still known to the other nodes of the mesh (${why}): run "enxame mesh rm ${name}"`);
  }
}

async function forgetAt(
  master: MachineRecord,
  name: string,
  { store }: Pick<MachineDeps, 'store'>,
  signal: AbortSignal,
): Promise<void> {
  const client = await engineClient(await store.load(master.name), swarmUrl(master, master.address?.url ?? '') ?? '');
  try {
    const path = `/enxame/v1/mesh/${encodeURIComponent(name)}`;
    await client.json({ method: 'DELETE', path, isUnversioned: true, timeoutMs: WITHIN_MS, signal });
  } catch (error) {
    // It had not come so far.
    if (!(error instanceof EngineAnswerError && error.status === 404)) throw error;
  } finally {
    await client.close();
  }
}

function splitPair(pair: string): [string, string] {
  const equals = pair.indexOf('=');
  return equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
}
