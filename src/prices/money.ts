/** Whole billionths of a currency's unit: sums of prices stay exact as long as they are below nine million units. */
export type Nanos = number;

export const NANOS = 1_000_000_000;

/** A currency by its three letters (ISO 4217), or {@link UNNAMED} where amounts were given without one. */
export type Currency = string;

/** The currency of amounts that say none: they can be added up with each other, and with no others. */
export const UNNAMED: Currency = '';

export interface Money {
  readonly nanos: Nanos;
  readonly currency: Currency;
}

/**
 * A decimal as price lists write it (`0.0119`, `12`, `.5`, `4.2e-3`), exact to a billionth and rounded half up beyond; undefined for what is
 * no such number, is negative or is more than nine million: more is a mistake, and would not stay exact.
 */
export function parseNanos(text: string): Nanos | undefined {
  const match = /^(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,2}))?$/.exec(text);
  if (match === null || text.length > 60) return undefined;
  const [, whole = '', fraction = '', exponent = '0'] = match;
  if (whole === '' && fraction === '') return undefined;
  const digits = BigInt(`${whole}${fraction}`);
  const shift = 9 + Number(exponent) - fraction.length;
  const nanos = shift >= 0 ? digits * 10n ** BigInt(shift) : roundedQuotient(digits, 10n ** BigInt(-shift));
  return nanos > BigInt(Number.MAX_SAFE_INTEGER) ? undefined : Number(nanos);
}

function roundedQuotient(dividend: bigint, divisor: bigint): bigint {
  return (2n * dividend + divisor) / (2n * divisor);
}

/** Digits behind the point of an amount: as many as currencies have, more for what is less than one unit. */
export const CENTS = 2;
const SMALL_DIGITS = 4;

/** `12.34 EUR`, `0.0119 USD`, `5.00` for an unnamed currency; with a number of digits always so many behind the point. */
export function formatMoney({ nanos, currency }: Money, digits?: number): string {
  const isSmall = nanos !== 0 && Math.abs(nanos) < NANOS;
  return `${formatAmount(nanos, digits ?? (isSmall ? SMALL_DIGITS : CENTS))}${currency === UNNAMED ? '' : ` ${currency}`}`;
}

/** An amount with that many digits behind the point, rounded: `12.34`. */
function formatAmount(nanos: Nanos, digits: number): string {
  return (nanos / NANOS).toFixed(digits);
}

/** Every digit that an amount has: `0.0119`. For JSON and CSV, which others read. */
export function exactAmount(nanos: Nanos): string {
  const whole = Math.trunc(Math.abs(nanos) / NANOS);
  const rest = String(Math.abs(nanos) % NANOS).padStart(9, '0');
  return `${nanos < 0 ? '-' : ''}${whole}.${rest}`.replace(/\.?0+$/, '');
}
