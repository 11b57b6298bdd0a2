import type { Node } from '../cluster/node.ts';
import { ClusterError, NotFoundError } from '../common/errors.ts';
import { setMember } from '../common/json-edit.ts';
import type { NetworkCatalog } from './catalog.ts';
import type { KnownNetwork } from './known-network.ts';
import type { WantedNetwork } from './wanted-network.ts';

/** A create body with the configuration it refers to. */
export interface ConfiguredBody {
  readonly text: string;
  readonly body: WantedNetwork;
  /** The configuration network; undefined when the body names none. */
  readonly configuration: KnownNetwork<Node> | undefined;
}

/**
 * A body with what its configuration network says in place: addresses, options, labels and whether it is internal or has IPv6. An
 * engine does the same by itself, but only for networks on the node where the configuration is. Refuses in an engine's words.
 */
export function withConfiguration(text: string, body: WantedNetwork, catalog: NetworkCatalog): ConfiguredBody {
  const name = body.ConfigFrom?.Network;
  if (typeof name !== 'string' || name === '' || body.ConfigOnly === true)
    return { text, body, configuration: undefined };
  const configuration = catalog.view().named(name)[0];
  if (!configuration?.summary.ConfigOnly)
    throw new NotFoundError(`configuration network "${name}" does not exist`, 'NO_SUCH_CONFIGURATION');
  if ((body.IPAM?.Config ?? []).length > 0 || Object.keys(body.Options ?? {}).length > 0)
    throw new ClusterError(
      'user specified configurations are not supported if the network depends on a configuration network',
      { code: 'CONFIGURED_TWICE', status: 403 },
    );
  const { IPAM, Options, EnableIPv6, Internal, Labels } = configuration.summary;
  const members = {
    ...(IPAM && { IPAM }),
    ...(Options && { Options }),
    ...(EnableIPv6 && { EnableIPv6 }),
    ...(Internal && { Internal }),
    Labels: { ...Labels, ...body.Labels },
  };
  const merged = Object.entries(members).reduce(
    (edited, [member, value]) => setMember(edited, [member], JSON.stringify(value)),
    text,
  );
  return { text: merged, body: { ...body, ...members }, configuration };
}

/** Throws 403, as an engine does, when a network that was made from a configuration is still there. */
export function assertUnusedConfiguration({ name, summary }: KnownNetwork<Node>, catalog: NetworkCatalog): void {
  if (!summary.ConfigOnly) return;
  if (!catalog.view().all.some((each) => each.summary.ConfigFrom?.Network === name)) return;
  throw new ClusterError(`configuration network "${name}" is in use`, { code: 'CONFIGURATION_IN_USE', status: 403 });
}
