import { type AskedNetwork, askedOf, predefinedId } from '../cluster/network-names.ts';
import { ASKED_NETWORK_LABEL } from '../common/labels.ts';
import type { IpamConfig, NetworkSummary } from '../engine/types.ts';
import type { KnownNetwork } from './network-view.ts';

/** An engine's description of a network, listed or inspected, as clients see it: what they asked for, where the engines have something else. */
export function shownNetwork<S extends NetworkSummary>(raw: S, kind: KnownNetwork<unknown>['kind']): S {
  if (kind === 'predefined') return { ...raw, Id: predefinedId(raw.Name) ?? raw.Id };
  if (kind === 'local') return raw;
  const asked = askedOf(raw);
  const { [ASKED_NETWORK_LABEL]: _, ...Labels } = raw.Labels ?? {};
  return {
    ...raw,
    // The swarm names the driver only when it has allocated the network.
    Driver: asked.Driver ?? (raw.Driver || 'overlay'),
    ...(asked.Name !== undefined && { Name: asked.Name }),
    ...(asked.ConfigFrom && { ConfigFrom: asked.ConfigFrom }),
    ...(asked.Subnets &&
      raw.IPAM?.Config && { IPAM: { ...raw.IPAM, Config: askedConfig(raw.IPAM.Config, asked.Subnets) } }),
    ...(asked.Driver !== undefined && raw.Options && { Options: withoutOverlay(raw.Options) }),
    ...(raw.Labels && { Labels }),
  };
}

function askedConfig(
  config: readonly IpamConfig[],
  subnets: NonNullable<AskedNetwork['Subnets']>,
): readonly IpamConfig[] {
  return config.map(({ Subnet, Gateway }) => {
    const asked = subnets.find((each) => each.Subnet === Subnet);
    return { ...asked, ...(Subnet !== undefined && { Subnet }), ...(Gateway !== undefined && { Gateway }) };
  });
}

/** An option of the overlay driver's own making, which no bridge has. */
function withoutOverlay(options: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const { 'com.docker.network.driver.overlay.vxlanid_list': _, ...rest } = options;
  return rest;
}
