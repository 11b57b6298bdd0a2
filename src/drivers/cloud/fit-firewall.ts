import type { DriverContext, FitOptions } from '../driver.ts';
import { readNotes, writeNotes } from './firewall-notes.ts';
import { isPlanned } from './planned.ts';
import { type PortRange, portText } from './ports.ts';
import { type Opened, openedBy, RuleCover, rangesOf } from './rule-cover.ts';

/** A machine's own firewall at its provider. `Rule` is the provider's. */
export interface OwnFirewall<Rule> {
  /** Kind of its entry in the journal. */
  readonly kind: string;
  /** All rules in it, also those that people added; undefined: it is gone. */
  read(id: string, signal: AbortSignal): Promise<readonly Rule[] | undefined>;
  /** What a rule lets in; undefined for one of another sort (it denies, or lets groups in), which is a person's. */
  readonly opens: (rule: Rule) => readonly PortRange[] | undefined;
  /** The rules that let this in. */
  readonly rules: (ranges: readonly PortRange[]) => readonly Rule[];
  /** The same rule for these networks alone. There where a rule holds several: then one of it is for all networks of its ports. */
  readonly narrowed?: (rule: Rule, sources: readonly string[]) => Rule;
  write(id: string, change: RuleChange<Rule>, signal: AbortSignal): Promise<void>;
}

/** How a firewall's rules change. */
export interface RuleChange<Rule> {
  /** What it has afterwards. */
  readonly all: readonly Rule[];
  readonly added: readonly Rule[];
  /** As they were read. */
  readonly removed: readonly Rule[];
}

/** What a firewall is to let in. */
export interface Fit extends FitOptions {
  /** All of it. */
  readonly wanted: readonly PortRange[];
  /** What that may ever be about. */
  readonly ports: readonly PortRange[];
}

/**
 * Makes a firewall have the wanted rules. What the machine did not let in stays as it is, and so do rules that cannot be read. What it let in is
 * noted before and after each change; of firewalls from before there were notes all that is open of the ports that the machine needs counts as its own.
 * Rules are compared by what they let in, not by how they are written.
 */
export async function fitFirewall<Rule>(
  context: DriverContext<unknown>,
  firewall: OwnFirewall<Rule>,
  { wanted, ports, isPartial = false }: Fit,
  signal: AbortSignal,
): Promise<void> {
  const id = context.journal.find(firewall.kind)?.id;
  if (id === undefined || isPlanned(id)) return;
  const there = await firewall.read(id, signal);
  if (there === undefined) return;
  const noted = await readNotes(context.directory);
  const needed = new Set([...ports, ...wanted].map(portText));
  const own =
    noted ?? there.flatMap((rule) => openedBy(firewall.opens(rule) ?? [])).filter((each) => needed.has(portText(each)));
  const aims = [...openedBy(wanted), ...(isPartial ? own : [])];
  const { added, removed, made } = changeOf(firewall, there, { own: new RuleCover(own), aims });
  const ours = new RuleCover([...own, ...made]);
  if (added.length + removed.length > 0) {
    await writeNotes(context.directory, [...own, ...made]);
    const gone = new Set(removed);
    const all = [...there.filter((rule) => !gone.has(rule)), ...added];
    await firewall.write(id, { all, added, removed }, signal);
  }
  await writeNotes(
    context.directory,
    aims.filter((each) => ours.covers(each)),
  );
}

interface Aim {
  /** What the machine let in. */
  readonly own: RuleCover;
  readonly aims: readonly Opened[];
}

/** A rule that is there: what it lets in, and what of that goes. */
interface Part<Rule> {
  readonly rule: Rule;
  readonly opens: readonly PortRange[];
  readonly all: readonly Opened[];
  /** That is the machine's and not wanted any more. */
  readonly stale: readonly Opened[];
  readonly isOwn: boolean;
}

/** The rules that come and go, and what is let in newly by it. */
function changeOf<Rule>(
  firewall: OwnFirewall<Rule>,
  there: readonly Rule[],
  { own, aims }: Aim,
): { readonly added: readonly Rule[]; readonly removed: readonly Rule[]; readonly made: readonly Opened[] } {
  const wanted = new RuleCover(aims);
  const parts = there.flatMap((rule) => partOf(rule, firewall.opens(rule), own, wanted));
  // What is a person's in a rule with both stays, where the rule can say it.
  const { narrowed } = firewall;
  const isMixed = (part: Part<Rule>): boolean => part.stale.length > 0 && !part.isOwn;
  const mixed = narrowed ? parts.filter((part) => isMixed(part) && part.opens.length === 1) : [];
  const going = parts.filter((part) => part.stale.length > 0 && part.isOwn);
  const kept = (): readonly Part<Rule>[] => parts.filter((part) => !going.includes(part) && !mixed.includes(part));
  const rests = mixed.map((part) => ({ part, rest: part.all.filter((each) => !part.stale.includes(each)) }));
  const missing = (): readonly Opened[] => {
    const open = new RuleCover([...kept().flatMap(({ all }) => all), ...rests.flatMap(({ rest }) => rest)]);
    return aims.filter((each) => !open.covers(each));
  };
  if (narrowed) {
    // One rule for all networks of its ports, however many come one after the other.
    const grown = new Set(missing().map(portText));
    going.push(...kept().filter(({ isOwn, opens }) => isOwn && opens.every((range) => grown.has(portText(range)))));
  }
  const made = missing();
  const smaller = rests.flatMap(({ part, rest }) =>
    narrowed
      ? narrowed(
          part.rule,
          rest.map(({ network }) => network),
        )
      : [],
  );
  const removed = [...going, ...mixed].map(({ rule }) => rule);
  return { added: [...smaller, ...firewall.rules(rangesOf(made))], removed, made };
}

function partOf<Rule>(
  rule: Rule,
  opens: readonly PortRange[] | undefined,
  own: RuleCover,
  wanted: RuleCover,
): readonly Part<Rule>[] {
  if (opens === undefined) return [];
  const all = openedBy(opens);
  const ours = all.filter((each) => own.covers(each));
  const stale = ours.filter((each) => !wanted.covers(each));
  return [{ rule, opens, all, stale, isOwn: all.length > 0 && ours.length === all.length }];
}
