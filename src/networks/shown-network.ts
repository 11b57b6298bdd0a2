import { type AskedNetwork, askedOf, predefinedId } from '../cluster/network-names.ts';
import { ASKED_NETWORK_LABEL } from '../common/labels.ts';
import type { IpamConfig, NetworkSummary } from '../engine/types.ts';
import type { KnownNetwork } from './known-network.ts';
import { MTU_OPTION } from './mtu.ts';

/** An engine's description of a network, listed or inspected, as clients see it: what they asked for, where the engines have something else. */
export function shownNetwork<S extends NetworkSummary>(raw: S, kind: KnownNetwork<unknown>['kind']): S {
  if (kind === 'predefined') return { ...raw, Id: predefinedId(raw.Name) ?? raw.Id };
  if (kind === 'local') return raw;
  const asked = askedOf(raw);
  const { [ASKED_NETWORK_LABEL]: _, ...Labels } = raw.Labels ?? {};
  return {
    ...raw,
    ...(asked.Id !== undefined && { Id: asked.Id }),
    // The swarm names the driver only when it has allocated the network.
    Driver: asked.Driver ?? (raw.Driver || 'overlay'),
    ...(asked.Name !== undefined && { Name: asked.Name }),
    ...(asked.ConfigFrom && { ConfigFrom: asked.ConfigFrom }),
    ...(asked.Subnets &&
      raw.IPAM?.Config && { IPAM: { ...raw.IPAM, Config: askedConfig(raw.IPAM.Config, asked.Subnets) } }),
    ...(raw.Options && { Options: askedOptions(raw.Options, asked) }),
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

/** The options without one of the overlay driver's own making, which no bridge has. */
function askedOptions(
  options: Readonly<Record<string, string>>,
  { Driver, Mtu }: AskedNetwork,
): Readonly<Record<string, string>> {
  const { 'com.docker.network.driver.overlay.vxlanid_list': ids, ...rest } = options;
  return {
    ...(Driver === undefined && ids !== undefined && { 'com.docker.network.driver.overlay.vxlanid_list': ids }),
    ...rest,
    ...(Mtu !== undefined && { [MTU_OPTION]: Mtu }),
  };
}
