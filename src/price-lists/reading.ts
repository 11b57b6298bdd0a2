import { type Currency, type Nanos, parseNanos } from '../prices/money.ts';
import { HOURS_PER_MONTH, type Price, priceOf } from '../prices/price.ts';
import { PriceListError } from './errors.ts';
import type { PriceSource, SourceContext } from './price-source.ts';

/** A JSON object, of which nothing is known. */
export type Fields = Readonly<Record<string, unknown>>;

/** The member of an answer, if it is a list of objects. Throws when it is not: the answer is none of the provider's. */
export function listIn(content: unknown, key: string, { title }: Pick<PriceSource, 'title'>): readonly Fields[] {
  const found = (content as Fields | null | undefined)?.[key];
  if (Array.isArray(found)) return found.filter((each): each is Fields => typeof each === 'object' && each !== null);
  throw notAList(title, key);
}

/** What is said of an answer that is no price list. */
export function notAList(title: string, key: string): PriceListError {
  return new PriceListError(title, `what it answers is no price list: it has no "${key}"`);
}

/** A member that is a text; empty when it is none. */
export function textIn(fields: Fields | undefined, key: string): string {
  const value = fields?.[key];
  return typeof value === 'string' ? value : '';
}

/** A member that is an object. */
export function fieldsIn(fields: Fields | undefined, key: string): Fields | undefined {
  const value = fields?.[key];
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined;
}

/** A price as JSON has it, a number or a text; undefined when it is absent or nonsense. */
export function nanosOf(value: unknown): Nanos | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? parseNanos(decimal(value)) : undefined;
  return typeof value === 'string' ? parseNanos(value.trim()) : undefined;
}

/** Providers compute their hourly prices with doubles: 0.00743999984115362 was meant as 0.00744. */
function decimal(value: number): string {
  return String(Number(value.toPrecision(7)));
}

/** What an hour and a month cost where both are published; undefined when neither is there or both are zero. */
export function bothPrices(hour: Nanos | undefined, month: Nanos | undefined, currency: Currency): Price | undefined {
  if (!hour && !month) return undefined;
  if (!month) return priceOf('hour', hour ?? 0, currency);
  if (!hour) return priceOf('month', month, currency);
  // No month has fewer hours than a provider counts for its monthly price: what is dearer than all hours is a slip.
  const perMonth = Math.min(month, hour * HOURS_PER_MONTH);
  return { currency, nanosPerHour: hour, nanosPerMonth: perMonth, given: 'both' };
}

/** Counts what a list has without a price, and says it. */
export class Gaps {
  #count = 0;
  readonly #examples: string[] = [];

  add(name: string): void {
    this.#count += 1;
    if (this.#examples.length < MOST_EXAMPLES) this.#examples.push(name);
  }

  tell({ note }: Pick<SourceContext, 'note'>): void {
    const entries = this.#count === 1 ? '1 entry' : `${this.#count} entries`;
    if (this.#count > 0) note(`${entries} without a price left out: ${this.#examples.join(', ')}`);
  }
}

const MOST_EXAMPLES = 3;

/** The items of a list of pages; `next` finds the URL of the page after an answer. Bounded. */
export async function readPages(
  { web }: Pick<SourceContext, 'web'>,
  source: Pick<PriceSource, 'title'>,
  first: string,
  headers: Readonly<Record<string, string>>,
  take: (content: unknown, headers: { get(name: string): string | null }) => string | undefined,
): Promise<void> {
  const seen = new Set<string>();
  let url: string | undefined = first;
  while (url !== undefined) {
    if (seen.has(url)) throw new PriceListError(source.title, 'its pages go round in a circle');
    if (seen.size >= web.limits.maxPages)
      throw new PriceListError(source.title, `its list has more than ${web.limits.maxPages} pages`);
    seen.add(url);
    const answer = await web.json(url, headers);
    url = take(answer.content, answer.headers);
  }
}

/** Throws when a list has no prices at all: it must not take the place of one that has. */
export function assertSome<T extends { readonly machines: readonly unknown[] }>(
  answer: T,
  { title }: Pick<PriceSource, 'title'>,
): T {
  if (answer.machines.length > 0) return answer;
  throw new PriceListError(title, 'its list has no prices of machines for these regions', 'NO_PRICES');
}

/** The URL of the next page, which has to be the provider's own: credentials are sent there. Undefined when there is none. */
export function nextPage({ title }: Pick<PriceSource, 'title'>, first: string, next: string): string | undefined {
  if (next === '') return undefined;
  if (URL.canParse(next) && new URL(next).origin === new URL(first).origin) return next;
  throw new PriceListError(title, 'its list goes on at another host');
}
