import { parseNanos, UNNAMED } from './money.ts';
import { isExact, type Price, priceOf } from './price.ts';

/** How a price is written, for messages. */
export const PRICE_FORM = 'like "0.0119/h", "0.0119 USD/h" or "5.83 EUR/month"';

const TOO_MUCH = 'it is more than nine million a month';

/** Of a price. Engines say what they like in their labels. */
const MAX_CHARS = 100;

/** A price that cannot be read: why, in words that go on after `is no price: `. */
export interface UnreadablePrice {
  readonly problem: string;
}

/**
 * Reads `0.0119/h`, `5.83 EUR/month`: an amount with a decimal point, perhaps a currency of three capital letters, and `/h`, `/hour` or
 * `/month`. Nothing else is taken for one, since a price that was misread is worse than none.
 */
export function parsePrice(text: string): Price | UnreadablePrice {
  if (text.length > MAX_CHARS) return { problem: `it is longer than ${MAX_CHARS} characters` };
  const match = /^(\S+?)(?: +([^\s/]+))? ?\/ ?(\S+)$/.exec(text.trim());
  if (match === null) return { problem: missingPart(text) };
  const [, amount = '', currency = UNNAMED, per = ''] = match;
  if (amount.includes(',')) return { problem: `"${amount}" has a comma: write a point before the decimals` };
  if (amount.startsWith('-')) return { problem: 'it is negative' };
  const nanos = /^[\d.]+$/.test(amount) ? parseNanos(amount) : undefined;
  if (nanos === undefined) return { problem: amountProblem(amount) };
  if (currency !== UNNAMED && !/^[A-Z]{3}$/.test(currency))
    return { problem: `"${currency}" is no currency: write its three letters, like EUR` };
  if (per !== 'h' && per !== 'hour' && per !== 'month') return { problem: `"/${per}" is neither /h nor /month` };
  const price = priceOf(per === 'month' ? 'month' : 'hour', nanos, currency);
  return isExact(price) ? price : { problem: TOO_MUCH };
}

function missingPart(text: string): string {
  if (text.trim() === '') return 'it is empty';
  return text.includes('/') ? `it should be ${PRICE_FORM}` : 'it does not say per what: end it with /h or /month';
}

function amountProblem(amount: string): string {
  if (/^(?:[A-Z]{3}|[€$£])/.test(amount))
    return `"${amount}": write the currency after the amount, like 5.83 EUR/month`;
  if (/^[\d.]+[A-Za-z]{3}$/.test(amount)) return `"${amount}": put a space before the currency`;
  return /^\d+(?:\.\d+)?$/.test(amount) ? TOO_MUCH : `"${amount}" is no amount`;
}
