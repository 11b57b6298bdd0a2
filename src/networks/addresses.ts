import type { AskedSubnet } from '../cluster/network-names.ts';
import {
  type Cidr,
  cidrAt,
  containsAddress,
  containsCidr,
  formatAddress,
  formatCidr,
  isEdge,
  parseAddress,
  parseCidr,
} from '../common/cidr.ts';
import { BadRequestError, ClusterError } from '../common/errors.ts';
import type { IpamConfig } from '../engine/types.ts';

/** A subnet that a client asks for, checked. */
export interface WantedSubnet {
  readonly config: IpamConfig;
  readonly subnet: Cidr;
  readonly range: Cidr | undefined;
}

/** Networks of fewer than four addresses have none for a container and its node. */
const LONGEST_PREFIX = 29;

/** Reads the subnets of a network that is to span nodes. Throws 400 in the words of engines from 26 on for what makes no sense. */
export function readSubnets(config: readonly IpamConfig[]): readonly WantedSubnet[] {
  const problems = config.flatMap(problemsOf);
  if (problems.length > 0) throw new BadRequestError(`invalid network config:\n${problems.join('\n')}`, 'BAD_SUBNET');
  return config.flatMap((each) => {
    const subnet = parseCidr(each.Subnet ?? '');
    return subnet ? [{ config: each, subnet, range: each.IPRange ? parseCidr(each.IPRange) : undefined }] : [];
  });
}

function problemsOf({ Subnet = '', IPRange, Gateway, AuxiliaryAddresses }: IpamConfig): string[] {
  const subnet = parseCidr(Subnet);
  if (!subnet) return [`invalid subnet ${Subnet}: invalid CIDR block notation`];
  if (subnet.address !== subnet.first) return [`invalid subnet ${Subnet}: it should be ${formatCidr(subnet)}`];
  if (subnet.bits > LONGEST_PREFIX)
    return [`invalid subnet ${Subnet}: too small for a network that spans nodes, which take an address each`];
  const problems = rangeProblems(subnet, Subnet, IPRange);
  if (Gateway) problems.push(...addressProblems(`gateway ${Gateway}`, Gateway, subnet, Subnet));
  // Swarm mode would take it, and never give the network its addresses.
  if (Gateway && isEdge(subnet, Gateway))
    problems.push(`failed to allocate gateway (${Gateway}): it is the subnet's own address or its broadcast address`);
  for (const [name, address] of Object.entries(AuxiliaryAddresses ?? {}))
    problems.push(...addressProblems(`auxiliary address ${name}`, address, subnet, Subnet));
  return problems;
}

function rangeProblems(subnet: Cidr, text: string, rangeText: string | undefined): string[] {
  if (!rangeText) return [];
  const range = parseCidr(rangeText);
  if (!range) return [`invalid ip-range ${rangeText}: invalid CIDR block notation`];
  if (range.width === 32 && range.address !== range.first)
    return [`invalid ip-range ${rangeText}: it should be ${formatCidr(range)}`];
  return containsCidr(subnet, range)
    ? []
    : [`invalid ip-range ${rangeText}: parent subnet ${text} doesn't contain ip-range`];
}

function addressProblems(what: string, address: string, subnet: Cidr, text: string): string[] {
  if (!parseAddress(address)) return [`invalid ${what}: invalid address`];
  return containsAddress(subnet, address)
    ? []
    : [`invalid ${what}: parent subnet ${text} doesn't contain this address`];
}

/** How the substrate's own network is to manage one subnet, and what clients are shown instead if that is not what they asked. */
export interface SubnetPlan {
  readonly config: IpamConfig;
  readonly asked: AskedSubnet | undefined;
}

/**
 * Swarm mode knows no auxiliary addresses, and gives each node an address of every network it uses: from the same place where
 * clients choose theirs. So addresses that no client chose come from a range without the auxiliary ones, and from the upper
 * half of a subnet for which no range was asked, if it has room for `nodes` nodes and their containers.
 */
export function planSubnet({ config, subnet, range }: WantedSubnet, nodes: number): SubnetPlan {
  const auxiliary = Object.entries(config.AuxiliaryAddresses ?? {});
  const reserved = reservedAddresses(auxiliary, config.Gateway);
  const upper = cidrAt(subnet.last, subnet.bits + 1, subnet.width);
  const isRoomy = upper.last - upper.first + 1n >= BigInt(Math.max(16, nodes * 4));
  const wished = range ?? (isRoomy ? upper : subnet);
  const chosen = largestWithout(wished, reserved) ?? largestWithout(range ?? subnet, reserved);
  if (!chosen)
    throw new ClusterError(`no available IPv4 addresses on this network's address pools: ${config.Subnet}`, {
      code: 'NO_ADDRESSES',
      status: 400,
    });
  const isAsAsked = auxiliary.length === 0 && chosen === (range ?? subnet);
  if (isAsAsked) return { config, asked: undefined };
  const { Subnet = '', IPRange, AuxiliaryAddresses } = config;
  return {
    config: { Subnet, IPRange: formatCidr(chosen), Gateway: config.Gateway || firstFree(subnet, reserved) },
    asked: {
      Subnet,
      ...(IPRange && { IPRange }),
      ...(AuxiliaryAddresses && auxiliary.length > 0 && { AuxiliaryAddresses }),
    },
  };
}

/** Throws as engines do for an auxiliary address that is the gateway's or another one's. */
function reservedAddresses(
  auxiliary: readonly (readonly [string, string])[],
  gateway: string | undefined,
): ReadonlySet<bigint> {
  const reserved = new Set<bigint>();
  const taken = gateway ? parseAddress(gateway)?.value : undefined;
  for (const [name, address] of auxiliary) {
    const value = parseAddress(address)?.value ?? 0n;
    if (value === taken || reserved.has(value))
      throw new ClusterError(`failed to allocate secondary ip address (${name}:${address}): Address already in use`, {
        code: 'ADDRESS_IN_USE',
        status: 500,
      });
    reserved.add(value);
  }
  return reserved;
}

/** The largest block within another that has none of some addresses; the upper one of two. */
function largestWithout(block: Cidr, avoided: ReadonlySet<bigint>): Cidr | undefined {
  const inside = new Set([...avoided].filter((each) => each >= block.first && each <= block.last));
  if (inside.size === 0) return block;
  if (block.bits === block.width) return undefined;
  const upper = largestWithout(cidrAt(block.last, block.bits + 1, block.width), inside);
  const lower = largestWithout(cidrAt(block.first, block.bits + 1, block.width), inside);
  return !upper || (lower && lower.bits < upper.bits) ? lower : upper;
}

function firstFree({ first }: Cidr, reserved: ReadonlySet<bigint>): string {
  let address = first + 1n;
  while (reserved.has(address)) address += 1n;
  return formatAddress(address);
}
