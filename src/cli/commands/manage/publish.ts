import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { reasonOf, UsageError } from '../../../common/errors.ts';
import type { ListenAddress } from '../../../common/listen-address.ts';
import { connectionLimits } from '../../../manager/publishing.ts';
import type { PublishOptions } from '../../../publish/publisher.ts';
import type { ManageFlags } from './flags.ts';

/**
 * Where published ports are opened: at `--publish-address`, else at the host of the first listener that has one. Throws `UsageError` for what
 * is no IP address, and for a listener's name without one.
 */
export async function readPublish(
  { publishAt, publishAddress }: ManageFlags,
  listeners: readonly ListenAddress[],
): Promise<PublishOptions> {
  if (publishAddress !== undefined && isIP(publishAddress) === 0)
    throw new UsageError(
      `--publish-address should be an IP address of this host, such as 0.0.0.0 for all of them, not "${publishAddress}"`,
    );
  return { at: publishAt, host: publishAddress ?? (await hostOf(listeners)), limits: connectionLimits() };
}

/** Undefined for every address of this host. */
async function hostOf(listeners: readonly ListenAddress[]): Promise<string | undefined> {
  const tcp = listeners.flatMap((each) => (each.kind === 'tcp' ? [each] : []));
  const [first] = tcp;
  if (!first) return '127.0.0.1';
  if (first.host === undefined || isIP(first.host) !== 0) return first.host;
  try {
    return (await lookup(first.host)).address;
  } catch (error) {
    throw new UsageError(
      `${first.host} has no address to publish ports at (${reasonOf(error)}): give --publish-address`,
    );
  }
}
