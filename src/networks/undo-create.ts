import { askedOf } from '../cluster/network-names.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { Substrate } from '../substrate/substrate.ts';
import { readSwarmNetworks } from '../substrate/swarm-api.ts';
import type { NetworkRecords } from './network-records.ts';

/** Bound on undoing one create, in milliseconds; what it takes longer is done after the next reading of the substrate. */
const UNDO_MS = 5_000;

/**
 * Removes what a create left behind that the client was told has failed, or whose client has left: the engine may have made the network
 * without the answer having come through. Never rejects.
 */
export async function undoCreate(
  key: string,
  {
    records,
    substrate,
    logger,
  }: { readonly records: NetworkRecords; readonly substrate: Substrate; readonly logger: Logger },
): Promise<void> {
  if (!records.get(key)) return;
  const signal = AbortSignal.timeout(UNDO_MS);
  try {
    await records.remove(key);
    const { client } = await substrate.manager(signal, UNDO_MS);
    const listed = await readSwarmNetworks(client, signal);
    for (const { Id } of listed.filter((each) => askedOf(each).Record === key))
      await client.json({ method: 'DELETE', path: `/networks/${Id}`, signal });
    await records.forget(key);
  } catch (error) {
    logger.warn({ reason: reasonOf(error) }, 'networks: a create that failed is undone later');
  }
}
