import { createHash } from 'node:crypto';
import { type AskedNetwork, askedOf } from '../cluster/network-names.ts';
import { removeMember, setMember } from '../common/json-edit.ts';
import { ASKED_NETWORK_LABEL } from '../common/labels.ts';
import type { NetworkSummary } from '../engine/types.ts';
import { planSubnet, type WantedSubnet } from './addresses.ts';
import { MTU_OPTION, overlayMtu } from './mtu.ts';
import { type Asker, isBridgeByName, type WantedNetwork } from './wanted-network.ts';

/** What swarm mode takes as a name: what could be part of a host name, of up to 63 characters. */
const SWARM_NAME = /^[a-zA-Z0-9](?:[a-zA-Z0-9_-]{0,61}[a-zA-Z0-9])?$/;

/**
 * The name of the substrate's own network for a client's: the same, if swarm mode takes it; it takes fewer characters than Docker, at
 * most 63 of them, and no two names that differ only in case. The same client's name always gets the same one.
 */
export function engineNameFor(name: string, present: readonly string[]): string {
  const lower = name.toLowerCase();
  if (SWARM_NAME.test(name) && !present.some((other) => other.toLowerCase() === lower)) return name;
  return `enxame-${createHash('sha256').update(name).digest('hex').slice(0, 32)}`;
}

/** What the substrate's own network is made of. */
export interface SubstrateBodyRequest {
  /** The client's body. */
  readonly text: string;
  readonly body: WantedNetwork;
  readonly subnets: readonly WantedSubnet[];
  readonly engineName: string;
  readonly asker: Asker;
  /** How many nodes may take an address each. */
  readonly nodes: number;
}

/**
 * The body of the create at a substrate manager: the client's with what must be different, and a label that says what was asked. Throws
 * 400 for what cannot be.
 */
export function substrateBody({ text, body, subnets, engineName, asker, nodes }: SubstrateBodyRequest): string {
  const plans = subnets.map((each) => planSubnet(each, nodes));
  const askedSubnets = plans.flatMap(({ asked }) => asked ?? []);
  const mtu = overlayMtu(body);
  const asked: AskedNetwork = {
    ...(engineName !== body.Name && { Name: String(body.Name) }),
    ...(isBridgeByName(body, asker) && { Driver: 'bridge' }),
    ...(typeof body.ConfigFrom?.Network === 'string' && { ConfigFrom: { Network: body.ConfigFrom.Network } }),
    ...(askedSubnets.length > 0 && { Subnets: askedSubnets }),
    ...(mtu !== undefined && { Mtu: String(body.Options?.[MTU_OPTION]) }),
  };
  let made = setMember(text, ['Attachable'], 'true');
  made = setMember(made, ['Driver'], '"overlay"');
  made = setMember(made, ['Name'], JSON.stringify(engineName));
  made = removeMember(made, ['ConfigFrom']);
  if (mtu !== undefined) made = setMember(made, ['Options', MTU_OPTION], JSON.stringify(mtu));
  if (askedSubnets.length > 0)
    made = setMember(made, ['IPAM', 'Config'], JSON.stringify(plans.map(({ config }) => config)));
  made = removeMember(made, ['Labels', ASKED_NETWORK_LABEL]);
  return Object.keys(asked).length === 0 ? made : withAsked(made, asked);
}

/** A body whose label says so much more of what was asked. */
export function withAsked(text: string, more: AskedNetwork): string {
  const asked = { ...askedOf(JSON.parse(text) as Pick<NetworkSummary, 'Labels'>), ...more };
  return setMember(text, ['Labels', ASKED_NETWORK_LABEL], JSON.stringify(JSON.stringify(asked)));
}
