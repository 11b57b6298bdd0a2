import { ClusterError } from '../common/errors.ts';
import type { BilledNode, BilledShare, BillFacts } from './bill-facts.ts';
import type { Currency, Nanos } from './money.ts';
import { type NodePrice, PROVIDER_LABEL, REGION_LABEL, TYPE_LABEL } from './price.ts';
import type { PriceBook } from './price-book.ts';
import type { Rate } from './rates.ts';

/** What something costs in a month, in one currency. */
export interface Amount {
  readonly currency: Currency;
  readonly nanosPerHour: Nanos;
  readonly nanosPerMonth: Nanos;
  /** The part of a month's cost that no container reserves. */
  readonly idleNanosPerMonth: Nanos;
}

/** What one node costs. */
export interface NodeBill {
  readonly node: BilledNode;
  /** In the currency of the bill. Absent with {@link unknown}. */
  readonly amount?: Amount;
  /** As it was published. */
  readonly price?: NodePrice;
  readonly unknown?: string;
  readonly containers: number;
  /** The part of the node that is reserved, 0 to 1: half of it by CPUs, half by memory. */
  readonly reserved: number;
}

/** What several nodes cost together, or what a project has of them. */
export interface GroupBill {
  /** The provider, `PROVIDER REGION`, or the project; empty for what has none. */
  readonly name: string;
  readonly nodes: number;
  /** Nodes of them that have no known price: they are not in the amounts. */
  readonly unpriced: number;
  readonly containers: number;
  /** Containers that reserve nothing, and so have no part in the cost. */
  readonly unreserved: number;
  /** One for each currency; none when no price is known. */
  readonly amounts: readonly Amount[];
}

/** What a cluster costs now. */
export interface Bill {
  /** The currency that amounts were converted to; absent: each is in its own. */
  readonly currency?: Currency;
  readonly total: GroupBill;
  readonly nodes: readonly NodeBill[];
  readonly providers: readonly GroupBill[];
  readonly regions: readonly GroupBill[];
  /** Their idle parts are zero: what nobody reserves is nobody's. */
  readonly projects: readonly GroupBill[];
  /** Currency rates that are in the amounts. */
  readonly rates: readonly Rate[];
}

export interface BillOptions {
  /** Throws when an amount cannot be converted to it. Default: the book's currency where rates lead to it, else each its own. */
  readonly currency?: Currency | undefined;
}

/** Adds up what nodes cost. Nodes whose price is not known are counted and said, and never cost zero. */
export function computeBill(facts: BillFacts, book: PriceBook, options: BillOptions = {}): Bill {
  const shares = byNode(facts.shares);
  const currency = targetOf(facts, book, options.currency);
  const used = new Set<Rate>();
  const lines = facts.nodes.map((node): Line => {
    const own = partedUp(node, shares.get(node.id) ?? []);
    return { ...priced(node, own, book, currency, used), shares: own };
  });
  return {
    ...(currency === undefined ? {} : { currency }),
    total: summed('', lines),
    nodes: lines.map(({ shares: _, ...line }) => line),
    providers: grouped(lines, ({ node }) => node.labels[PROVIDER_LABEL] ?? ''),
    regions: grouped(lines, ({ node }) => regionOf(node)),
    projects: projectsOf(lines),
    rates: [...used],
  };
}

/** `hetzner nbg1`; empty for a node without these labels. */
export function regionOf({ labels }: BilledNode): string {
  return [labels[PROVIDER_LABEL], labels[REGION_LABEL]].filter((each) => each).join(' ');
}

/** The instance type of a node; empty when no label says it. */
export function typeOf({ labels }: BilledNode): string {
  return labels[TYPE_LABEL] ?? '';
}

interface Line extends NodeBill {
  readonly shares: readonly Share[];
}

/** A share, and the part of the node's price that it has: 0 to 1. */
interface Share extends BilledShare {
  readonly part: number;
}

function byNode(shares: readonly BilledShare[]): ReadonlyMap<string, readonly BilledShare[]> {
  const found = new Map<string, BilledShare[]>();
  for (const share of shares) {
    const of = found.get(share.nodeId);
    if (of === undefined) found.set(share.nodeId, [share]);
    else of.push(share);
  }
  return found;
}

/** The currency for everything: the one that was asked for, or the book's if every price can be told in it. */
function targetOf(facts: BillFacts, book: PriceBook, asked: Currency | undefined): Currency | undefined {
  const own = book.data.currency;
  const target = asked ?? own;
  if (target === undefined) return undefined;
  for (const node of facts.nodes) {
    const { price } = book.nodePrice(asPriced(node));
    if (price === undefined || book.rates.convert({ nanos: 0, currency: price.currency }, target)) continue;
    if (asked === undefined) return undefined;
    throw noRate(price.currency, target, node.name);
  }
  return target;
}

function noRate(from: Currency, to: Currency, name: string): ClusterError {
  const why =
    from === ''
      ? `the price of ${name} names no currency: say which it is in the label or with "currency" in a price file`
      : `no rate leads from ${from} (${name}) to ${to}: give one, like --rate ${from}/${to}=…, or leave out --currency`;
  return new ClusterError(why, { code: 'NO_RATE', status: 400 });
}

/** A node as a price is asked for it. */
export function asPriced({ name, labels }: BilledNode): {
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
} {
  return { name, labels: new Map(Object.entries(labels)) };
}

/** Labels and sizes are known together. */
function wasReached({ labels, memoryBytes }: BilledNode): boolean {
  return memoryBytes > 0 || Object.keys(labels).length > 0;
}

const NOT_REACHED = 'it has not answered yet: its labels are not known';

function priced(
  node: BilledNode,
  shares: readonly Share[],
  book: PriceBook,
  currency: Currency | undefined,
  used: Set<Rate>,
): NodeBill {
  const reserved = Math.min(
    1,
    sum(shares, ({ part }) => part),
  );
  const seen = { node, containers: sum(shares, (share) => share.containers), reserved };
  const { price, unknown } = book.nodePrice(asPriced(node));
  if (price === undefined) return { ...seen, unknown: wasReached(node) ? unknown : NOT_REACHED };
  const target = currency ?? price.currency;
  const month = book.rates.convert({ nanos: price.nanosPerMonth, currency: price.currency }, target);
  const hour = book.rates.convert({ nanos: price.nanosPerHour, currency: price.currency }, target);
  if (month === undefined || hour === undefined) throw noRate(price.currency, target, node.name);
  for (const rate of month.rates) used.add(rate);
  const idle = Math.max(0, month.nanos - sum(shares, (share) => costOf(share, month.nanos)));
  const amount = { currency: target, nanosPerHour: hour.nanos, nanosPerMonth: month.nanos, idleNanosPerMonth: idle };
  return { ...seen, amount, price };
}

/** Half of a node is its CPUs, half its memory. */
function partOf({ nanoCpus, memoryBytes }: BilledShare, node: BilledNode): number {
  const cpus = node.nanoCpus > 0 ? nanoCpus / node.nanoCpus : 0;
  const memory = node.memoryBytes > 0 ? memoryBytes / node.memoryBytes : 0;
  return (cpus + memory) / 2;
}

/** Where more is reserved than there is, all shares shrink alike. */
function partedUp(node: BilledNode, shares: readonly BilledShare[]): readonly Share[] {
  const parts = shares.map((share) => partOf(share, node));
  const whole = Math.max(
    1,
    sum(parts, (part) => part),
  );
  return shares.map((share, index) => ({ ...share, part: (parts[index] ?? 0) / whole }));
}

/** What a share costs, rounded down: what is left over is idle. */
function costOf({ part }: Share, nanos: Nanos): Nanos {
  return Math.floor(nanos * part);
}

function grouped(lines: readonly Line[], nameOf: (line: Line) => string): readonly GroupBill[] {
  const groups = new Map<string, Line[]>();
  for (const line of lines) {
    const name = nameOf(line);
    const members = groups.get(name);
    if (members === undefined) groups.set(name, [line]);
    else members.push(line);
  }
  return dearestFirst([...groups].map(([name, members]) => summed(name, members)));
}

function summed(name: string, lines: readonly Line[]): GroupBill {
  return {
    name,
    nodes: lines.length,
    unpriced: lines.filter(({ amount }) => amount === undefined).length,
    containers: sum(lines, (line) => line.containers),
    unreserved: sum(lines, ({ shares }) => sum(shares, (share) => share.containers - share.reserving)),
    amounts: added(lines.flatMap(({ amount }) => amount ?? [])),
  };
}

function projectsOf(lines: readonly Line[]): readonly GroupBill[] {
  const parts = new Map<string, { readonly line: Line; readonly share: Share }[]>();
  for (const line of lines) {
    for (const share of line.shares) {
      const of = parts.get(share.project);
      if (of === undefined) parts.set(share.project, [{ line, share }]);
      else of.push({ line, share });
    }
  }
  const groups = [...parts].map(([name, members]): GroupBill => {
    const amounts = members.flatMap(({ line: { amount }, share }): readonly Amount[] => {
      if (amount === undefined) return [];
      const costs = (nanos: Nanos): Nanos => costOf(share, nanos);
      const { currency, nanosPerHour, nanosPerMonth } = amount;
      return [
        { currency, nanosPerHour: costs(nanosPerHour), nanosPerMonth: costs(nanosPerMonth), idleNanosPerMonth: 0 },
      ];
    });
    return {
      name,
      nodes: members.length,
      unpriced: members.filter(({ line }) => line.amount === undefined).length,
      containers: sum(members, ({ share }) => share.containers),
      unreserved: sum(members, ({ share }) => share.containers - share.reserving),
      amounts: added(amounts),
    };
  });
  return dearestFirst(groups);
}

function added(amounts: readonly Amount[]): readonly Amount[] {
  const sums = new Map<Currency, Amount>();
  for (const each of amounts) {
    const { currency } = each;
    const before = sums.get(currency);
    sums.set(currency, {
      currency,
      nanosPerHour: each.nanosPerHour + (before?.nanosPerHour ?? 0),
      nanosPerMonth: each.nanosPerMonth + (before?.nanosPerMonth ?? 0),
      idleNanosPerMonth: each.idleNanosPerMonth + (before?.idleNanosPerMonth ?? 0),
    });
  }
  return [...sums.values()].sort((a, b) => (a.currency < b.currency ? -1 : 1));
}

function dearestFirst(groups: readonly GroupBill[]): readonly GroupBill[] {
  const most = ({ amounts }: GroupBill): Nanos => Math.max(-1, ...amounts.map(({ nanosPerMonth }) => nanosPerMonth));
  return [...groups].sort((a, b) => most(b) - most(a) || (a.name < b.name ? -1 : 1));
}

function sum<T>(items: readonly T[], numberOf: (item: T) => number): number {
  let total = 0;
  for (const item of items) total += numberOf(item);
  return total;
}
