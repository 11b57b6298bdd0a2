import { reasonOf } from '../../common/errors.ts';
import { openDiscovery } from '../../discovery/discovery.ts';
import { parseEntry } from '../../discovery/entry.ts';
import type { Task } from '../../provision/provisioner.ts';
import { engineClient } from '../access.ts';
import type { MachineDeps } from '../machine.ts';
import type { MachineRecord } from '../record.ts';
import type { StoredMachine } from '../store.ts';
import { AGENT_NAME } from './containers.ts';
import { entryOf } from './entry.ts';
import { removeContainer } from './swarm.ts';

const WITHIN_MS = 10_000;

/** Ends the agent of a machine that is to be removed, so that it registers no more; one that cannot be reached registers no more either. */
export async function endAgent(stored: StoredMachine, signal: AbortSignal): Promise<void> {
  const url = stored.record.address?.url;
  if (entryOf(stored.record) === undefined || url === undefined) return;
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

function splitPair(pair: string): [string, string] {
  const equals = pair.indexOf('=');
  return equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)];
}
