import { type Amount, type Bill, type GroupBill, type NodeBill, typeOf } from './bill.ts';
import { exactAmount } from './money.ts';
import { HOURS_PER_MONTH, PROVIDER_LABEL, REGION_LABEL } from './price.ts';
import { oldPrices } from './price-age.ts';
import { formatRate } from './rates.ts';

/** An amount as programs read it: decimals as texts, so that no digit is lost. */
export interface ShownAmount {
  /** Empty where a price was given without one. */
  readonly currency: string;
  readonly perHour: string;
  readonly perMonth: string;
  readonly idlePerMonth: string;
}

export interface ShownGroup extends Omit<GroupBill, 'amounts'> {
  readonly amounts: readonly ShownAmount[];
}

export interface ShownNode {
  readonly id: string;
  readonly name: string;
  readonly state: string;
  readonly provider: string;
  readonly region: string;
  readonly instanceType: string;
  readonly isSpot: boolean;
  readonly containers: number;
  /** 0 to 1. */
  readonly reserved: number;
  readonly amount?: ShownAmount;
  /** Where the price is from, and when it was had there. */
  readonly source?: string;
  readonly asOf?: string;
  /** Why there is no price. */
  readonly unknown?: string;
}

/** What `GET /enxame/v1/bill` answers and `enxame bill --format json` prints. */
export interface ShownBill {
  readonly at: string;
  readonly hoursPerMonth: number;
  readonly currency?: string;
  readonly total: ShownGroup;
  readonly providers: readonly ShownGroup[];
  readonly regions: readonly ShownGroup[];
  readonly projects: readonly ShownGroup[];
  readonly nodes: readonly ShownNode[];
  /** The currency rates that are in the amounts, in words. */
  readonly rates: readonly string[];
  /** What a reader should know: prices that are old. */
  readonly warnings: readonly string[];
}

/** A bill as programs read it. */
export function shownBill(bill: Bill, nowMs: number): ShownBill {
  return {
    at: new Date(nowMs).toISOString(),
    hoursPerMonth: HOURS_PER_MONTH,
    ...(bill.currency === undefined ? {} : { currency: bill.currency }),
    total: shownGroup(bill.total),
    providers: bill.providers.map(shownGroup),
    regions: bill.regions.map(shownGroup),
    projects: bill.projects.map(shownGroup),
    nodes: bill.nodes.map(shownNode),
    rates: bill.rates.map(formatRate),
    warnings: oldPrices(
      bill.nodes.flatMap(({ price }) => price ?? []),
      nowMs,
    ),
  };
}

function shownGroup(group: GroupBill): ShownGroup {
  return { ...group, amounts: group.amounts.map(shownAmount) };
}

function shownAmount({ currency, nanosPerHour, nanosPerMonth, idleNanosPerMonth }: Amount): ShownAmount {
  return {
    currency,
    perHour: exactAmount(nanosPerHour),
    perMonth: exactAmount(nanosPerMonth),
    idlePerMonth: exactAmount(idleNanosPerMonth),
  };
}

function shownNode(line: NodeBill): ShownNode {
  const { node, amount, price, unknown, containers, reserved } = line;
  return {
    id: node.id,
    name: node.name,
    state: node.state,
    provider: node.labels[PROVIDER_LABEL] ?? '',
    region: node.labels[REGION_LABEL] ?? '',
    instanceType: typeOf(node),
    isSpot: price?.isSpot ?? false,
    containers,
    reserved: Math.round(reserved * 10_000) / 10_000,
    ...(amount === undefined ? {} : { amount: shownAmount(amount) }),
    ...(price === undefined ? {} : { source: price.source.name }),
    ...(price?.source.asOf === undefined ? {} : { asOf: price.source.asOf }),
    ...(unknown === undefined ? {} : { unknown }),
  };
}
