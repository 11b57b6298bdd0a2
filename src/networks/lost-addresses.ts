import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { readAttachmentTasks } from '../substrate/attachment-tasks.ts';
import type { Substrate } from '../substrate/substrate.ts';
import type { SubstrateMember } from '../substrate/types.ts';

/** A member with the containers that clients know there, by the engine's ID. */
export interface Holder extends SubstrateMember {
  readonly containers: { get(engineId: string): { readonly id: string } | undefined };
}

/** Which addresses are wanted, and who might hold them. */
export interface AddressWish {
  /** The container that wants them, as clients know it. */
  readonly id: string;
  readonly endpoints: readonly {
    readonly network: { readonly raw: { readonly Id: string } };
    readonly address: string | undefined;
  }[];
  readonly members: readonly Holder[];
  readonly substrate: Substrate;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/**
 * Ends what lost engines hold of addresses that are wanted: the swarm keeps the attachments of a node that is down, so that every
 * start with such an address would fail for minutes. Only an engine is let go of whose holder a client has removed meanwhile, or whose
 * holder is the older copy of this very container, which moved.
 */
export async function releaseLostAddresses(wish: AddressWish): Promise<void> {
  const { endpoints, members, substrate, logger, signal } = wish;
  const fixed = endpoints.filter(({ address }) => address);
  if (fixed.length === 0 || members.every(({ isHealthy }) => isHealthy)) return;
  try {
    for (const holder of await lostHolders(wish)) {
      logger.warn({ engine: holder.name }, 'substrate: releasing a lost engine that holds a requested address');
      await substrate.release(holder, signal);
    }
  } catch (error) {
    signal.throwIfAborted();
    // The start itself tells whether the address is to be had.
    logger.warn({ reason: reasonOf(error) }, 'substrate: cannot release the addresses of lost engines');
  }
}

async function lostHolders({ id, endpoints, members, substrate, signal }: AddressWish): Promise<ReadonlySet<Holder>> {
  const { client } = await substrate.manager(signal);
  const holders = new Set<Holder>();
  for (const { NodeID = '', Spec, NetworksAttachments } of await readAttachmentTasks(client, signal)) {
    const isWanted = (NetworksAttachments ?? []).some(({ Network, Addresses }) =>
      endpoints.some(
        ({ network, address }) =>
          network.raw.Id === Network?.ID && (Addresses ?? []).some((each) => each.split('/')[0] === address),
      ),
    );
    const memberId = isWanted ? substrate.memberOf(NodeID)?.id : undefined;
    const holder = members.find(({ id }) => id === memberId);
    if (!holder || holder.isHealthy) continue;
    const known = holder.containers.get(Spec?.NetworkAttachmentSpec?.ContainerID ?? '');
    if (!known || known.id === id) holders.add(holder);
  }
  return holders;
}
