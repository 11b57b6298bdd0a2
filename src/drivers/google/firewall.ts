import type { OwnFirewall } from '../cloud/fit-firewall.ts';
import { type PortRange, portText, rangeOf } from '../cloud/ports.ts';
import { type Opened, openedBy, rangesOf } from '../cloud/rule-cover.ts';
import type { DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import type { ComputeEngine } from './api.ts';
import type { GoogleOptions } from './options.ts';
import { ownName } from './own-name.ts';

type Context = DriverContext<GoogleOptions>;

/** Kind of the firewall rules' entry in the journal. */
export const FIREWALL = 'firewall';

/** A rule of the network's firewall: ports of both protocols, all from the same networks. */
export interface FirewallRule {
  readonly name: string;
  readonly description?: string;
  readonly network?: string;
  readonly direction: string;
  readonly sourceRanges?: readonly string[];
  readonly targetTags?: readonly string[];
  readonly allowed?: readonly { readonly IPProtocol: string; readonly ports?: readonly string[] }[];
  readonly [other: string]: unknown;
}

/** What is open to whom changes with the cluster: everywhere, members, masters, and what people added. */
const MOST_RULES = 8;

/** Names that the machine's rules may have: the first is there from the start. */
export function ruleNames(context: Context): readonly string[] {
  const first = ownName(context);
  return Array.from({ length: MOST_RULES }, (_, at) => (at === 0 ? first : `${first.slice(0, 61)}-${at + 1}`));
}

/** Google's rules are of IPv4 or of IPv6; the machines have IPv4 alone. */
function isV4({ network }: Opened): boolean {
  return !network.includes(':');
}

/** The rules for these ports: one for each set of networks. */
export function rulesFor(context: Context, network: string, ranges: readonly PortRange[]): readonly FirewallRule[] {
  return rulesOf(context, network, openedBy(ranges).filter(isV4), ruleNames(context));
}

function rulesOf(
  context: Context,
  network: string,
  opened: readonly Opened[],
  names: readonly string[],
): readonly FirewallRule[] {
  const bySources = new Map<string, PortRange[]>();
  for (const range of rangesOf(opened)) {
    const key = [...(range.sources ?? [])].sort().join();
    bySources.set(key, [...(bySources.get(key) ?? []), range]);
  }
  return [...bySources.values()].map((ranges, at) => ({
    name: names[at] ?? '',
    description: `Docker machine ${context.name}`,
    network,
    direction: 'INGRESS',
    sourceRanges: [...(ranges[0]?.sources ?? [])],
    targetTags: [ownName(context)],
    allowed: allowedOf(ranges),
  }));
}

function allowedOf(ranges: readonly PortRange[]): NonNullable<FirewallRule['allowed']> {
  return (['tcp', 'udp'] as const).flatMap((IPProtocol) => {
    const ports = ranges
      .filter(({ protocol }) => protocol === IPProtocol)
      .map((each) => portText(each).replace(/\/.*/, ''));
    return ports.length === 0 ? [] : [{ IPProtocol, ports }];
  });
}

/** The machine's own rules, to be changed. Networks of the same ports that people add to them stay; one that they made something else of is left alone. */
export function ownFirewall(context: Context, google: ComputeEngine): OwnFirewall<Opened> {
  const look = async (signal: AbortSignal): Promise<readonly FirewallRule[]> => {
    const found = await Promise.all(
      ruleNames(context).map((name) => google.find<FirewallRule>(`/global/firewalls/${name}`, signal)),
    );
    return found.filter((rule) => rule !== undefined);
  };
  return {
    kind: FIREWALL,
    read: async (_id, signal) => {
      const found = await look(signal);
      for (const rule of found)
        if (!openedIn(context, rule))
          context.report(`the firewall rule ${rule.name} is not as this machine made it, and is left alone`);
      return found.length === 0 ? undefined : found.flatMap((rule) => openedIn(context, rule) ?? []);
    },
    opens: (opened) => rangesOf([opened]),
    rules: openedBy,
    write: async (_id, { all }, signal) => {
      const found = await look(signal);
      const there = found.filter((rule) => openedIn(context, rule));
      const taken = new Set(found.filter((rule) => !there.includes(rule)).map(({ name }) => name));
      const free = ruleNames(context).filter((name) => !taken.has(name));
      const network = await networkOf(context, google);
      const wanted = placed(rulesOf(context, network, all, free), there, free);
      for (const rule of wanted) {
        const old = there.find(({ name }) => name === rule.name);
        if (old === undefined) await google.change('POST', '/global/firewalls', rule, signal);
        else if (textOf(old) !== textOf(rule)) await patch(google, rule, signal);
      }
      const names = new Set(wanted.map(({ name }) => name));
      for (const { name } of there)
        if (!names.has(name)) await google.change('DELETE', `/global/firewalls/${name}`, undefined, signal);
    },
  };
}

export function networkOf({ options }: Context, google: ComputeEngine): Promise<string> {
  return google.path(`/global/networks/${options['google-network']}`);
}

async function patch(google: ComputeEngine, rule: FirewallRule, signal: AbortSignal): Promise<void> {
  const { name, sourceRanges, allowed } = rule;
  await google.change('PATCH', `/global/firewalls/${name}`, { sourceRanges, allowed }, signal);
}

/** A rule for the networks of one that is there takes its place, so that as few as possible change; the others take what is free. */
function placed(
  rules: readonly FirewallRule[],
  there: readonly FirewallRule[],
  free: readonly string[],
): readonly FirewallRule[] {
  const same = new Map(rules.map((rule) => [rule, there.find((old) => sourcesOf(old) === sourcesOf(rule))?.name]));
  const taken = new Set(same.values());
  const rest = free.filter((name) => !taken.has(name));
  return rules.map((rule) => {
    const name = same.get(rule) ?? rest.shift();
    if (name !== undefined) return { ...rule, name };
    throw new DriverError(
      `the firewall of ${rule.description} needs more than ${MOST_RULES} rules. Remove networks that were added to its rules by hand`,
      'DRIVER',
    );
  });
}

function sourcesOf({ sourceRanges = [] }: FirewallRule): string {
  return [...sourceRanges].sort().join();
}

function textOf(rule: FirewallRule): string {
  const ports = (rule.allowed ?? []).flatMap(({ IPProtocol, ports: each = [] }) =>
    each.map((port) => `${port}/${IPProtocol}`),
  );
  return `${ports.sort().join()} ${sourcesOf(rule)}`;
}

/** Undefined for a rule that says more than which networks reach which ports of this machine. */
function openedIn(context: Context, rule: FirewallRule): readonly Opened[] | undefined {
  const { direction, sourceRanges = [], targetTags = [], allowed = [], disabled } = rule;
  const isPlain = UNUSED.every((member) => rule[member] === undefined) && disabled !== true;
  if (!isPlain || direction !== 'INGRESS' || targetTags.join() !== ownName(context)) return undefined;
  const ranges = allowed.flatMap(({ IPProtocol, ports }) =>
    (ports ?? [null]).map((each) => rangeOf(IPProtocol, each, sourceRanges)),
  );
  return ranges.every((each) => each !== undefined) ? openedBy(ranges.flat()) : undefined;
}

/** Members by which a rule is about something else. */
const UNUSED = ['denied', 'sourceTags', 'sourceServiceAccounts', 'targetServiceAccounts', 'destinationRanges'] as const;
