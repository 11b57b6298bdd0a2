import { UsageError } from '../../../common/errors.ts';
import { printable } from '../../../common/printable.ts';
import type { MovePolicy } from '../../../desired/move-terms.ts';
import { unreachableBecause } from '../../../discovery/reachable.ts';
import type { RescheduleOptions } from '../../../manager/availability.ts';
import type { ManageFlags } from './flags.ts';

/** Longest grace, in milliseconds: who wants more does not want failover. */
const MAX_GRACE_MS = 24 * 3_600_000;

/** What becomes of the containers of lost nodes. Throws `UsageError` for values that cannot be meant, or that contradict each other. */
export function readReschedule(
  flags: Pick<ManageFlags, 'reschedule' | 'rescheduleGrace' | 'witness'>,
): RescheduleOptions {
  const { reschedule, rescheduleGrace: graceMs, witness } = flags;
  if (graceMs > MAX_GRACE_MS)
    throw new UsageError('--reschedule-grace should be at most 24h: use --reschedule off instead');
  return { policy: reschedule as MovePolicy, graceMs, ...(witness !== undefined && { witness: readWitness(witness) }) };
}

function readWitness(text: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+)):(\d{1,5})$/.exec(text);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > 65_535)
    throw new UsageError(
      `--witness should be of the form host:port, not "${printable(text)}": any server outside of the cluster that accepts TCP connections will do`,
    );
  const problem = unreachableBecause({ scheme: 'tcp', host, port, canonical: text }, { loopback: false });
  if (problem !== undefined)
    throw new UsageError(
      `--witness ${printable(text)} would answer also when this manager is cut off: ${problem}. Name a server outside of the cluster`,
    );
  return { host, port };
}
