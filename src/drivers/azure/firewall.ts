import type { SecurityRule } from '@azure/arm-network';
import type { OwnFirewall } from '../cloud/fit-firewall.ts';
import { type PortRange, rangeOf } from '../cloud/ports.ts';
import type { DriverContext } from '../driver.ts';
import type { Azure } from './clients.ts';
import { namesOf } from './names.ts';
import type { AzureOptions } from './options.ts';

/** Kind of the security group's entry in the journal. */
export const SECURITY_GROUP = 'security-group';

const EVERYWHERE = '*';
/** Azure's own words for it. */
const EVERYWHERE_TOO: readonly string[] = [EVERYWHERE, 'Internet', 'Any', '0.0.0.0/0'];
/** Priorities of people's rules go from 100 to 4096; the lowest counts first. */
const FIRST_PRIORITY = 100;

/** A rule of the security group for each range of ports. Cards have IPv4 addresses alone, so only such networks count. */
export function rulesOf(ranges: readonly PortRange[]): readonly SecurityRule[] {
  return ranges.flatMap(({ protocol, from, to, sources = ['0.0.0.0/0'] }) => {
    const v4 = sources.filter((each) => !each.includes(':'));
    if (v4.length === 0) return [];
    return [
      {
        name: `${protocol}-${from}-${to}`,
        direction: 'Inbound' as const,
        access: 'Allow' as const,
        protocol: protocol === 'tcp' ? ('Tcp' as const) : ('Udp' as const),
        ...addressesOf(v4),
        sourcePortRange: '*',
        destinationAddressPrefix: '*',
        destinationPortRange: from === to ? String(from) : `${from}-${to}`,
      },
    ];
  });
}

/** With priorities, in their order. */
export function numbered(rules: readonly SecurityRule[]): SecurityRule[] {
  return rules.map((rule, at) => ({ ...rule, priority: FIRST_PRIORITY + at }));
}

/** The machine's own security group, to be changed: rule by rule, so that those of others are not even written again. */
export function ownFirewall(context: DriverContext<AzureOptions>, azure: Azure): OwnFirewall<SecurityRule> {
  const { group, securityGroup } = namesOf(context);
  return {
    kind: SECURITY_GROUP,
    read: async (_id, signal) => {
      const found = await azure.find(
        ({ network }, send) => network.networkSecurityGroups.get(group, securityGroup, send),
        signal,
      );
      return found && (found.securityRules ?? []);
    },
    opens,
    rules: rulesOf,
    narrowed: (rule, sources) => ({ ...withoutAddresses(rule), ...addressesOf(sources) }),
    write: async (_id, { all, added, removed }, signal) => {
      const others = all.filter((rule) => !added.includes(rule));
      for (const rule of named(added, { removed, others })) {
        const { name = '' } = rule;
        await azure.change(
          { action: `PUT ${SECURITY_GROUP} ${securityGroup}/${name}`, parameters: { ...rule } },
          ({ network }, send) => network.securityRules.beginCreateOrUpdate(group, securityGroup, name, rule, send),
          signal,
        );
      }
      const names = new Set(named(added, { removed, others }).map(({ name }) => name));
      for (const { name = '' } of removed) {
        if (names.has(name)) continue;
        await azure.change(
          { action: `DELETE ${SECURITY_GROUP} ${securityGroup}/${name}` },
          ({ network }, send) => network.securityRules.beginDelete(group, securityGroup, name, send),
          signal,
        );
      }
    },
  };
}

interface Around {
  readonly removed: readonly SecurityRule[];
  readonly others: readonly SecurityRule[];
}

/** A new rule takes the place of one of its name that goes; else a name and a priority that are free. */
function named(added: readonly SecurityRule[], { removed, others }: Around): readonly SecurityRule[] {
  const names = new Set(others.map(({ name }) => name));
  const priorities = new Set([...others, ...removed].map(({ priority }) => priority));
  return added.map((rule) => {
    let { name = '' } = rule;
    for (let at = 2; names.has(name); at += 1) name = `${rule.name}-${at}`;
    names.add(name);
    const old = removed.find((each) => each.name === name);
    let priority = old?.priority ?? FIRST_PRIORITY;
    while (old === undefined && priorities.has(priority)) priority += 1;
    priorities.add(priority);
    return { ...rule, name, priority };
  });
}

/** Undefined for what denies, goes out, or speaks of service tags, groups or particular destinations: that is people's. */
function opens(rule: SecurityRule): readonly PortRange[] | undefined {
  const { direction, access, protocol = null, sourcePortRange: port, destinationAddressPrefix: to } = rule;
  const isPlain = (list: readonly unknown[] | undefined): boolean => list === undefined || list.length === 0;
  const isGeneral =
    direction === 'Inbound' &&
    access === 'Allow' &&
    port === '*' &&
    to === '*' &&
    isPlain(rule.sourceApplicationSecurityGroups) &&
    isPlain(rule.destinationApplicationSecurityGroups);
  if (!isGeneral) return undefined;
  const sources = [rule.sourceAddressPrefix ?? [], rule.sourceAddressPrefixes ?? []].flat();
  const networks = sources.flatMap((each) => (EVERYWHERE_TOO.includes(each) ? ['0.0.0.0/0'] : [each]));
  if (networks.some((each) => !/^[\d.:a-f/]+$/i.test(each))) return undefined;
  const ports = [rule.destinationPortRange ?? [], rule.destinationPortRanges ?? []].flat();
  const ranges = ports.map((each) => rangeOf(protocol, each, networks));
  return ranges.every((each) => each !== undefined) ? ranges.flat() : undefined;
}

function addressesOf(networks: readonly string[]): SecurityRule {
  const [first = ''] = networks;
  if (first === '0.0.0.0/0') return { sourceAddressPrefix: EVERYWHERE };
  return networks.length === 1 ? { sourceAddressPrefix: first } : { sourceAddressPrefixes: [...networks] };
}

function withoutAddresses(rule: SecurityRule): SecurityRule {
  const { sourceAddressPrefix: _one, sourceAddressPrefixes: _several, ...rest } = rule;
  return rest;
}
