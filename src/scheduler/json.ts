/** An object's fields; none when it is not an object. The engine judges what we cannot read. */
export function fieldsOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Readonly<Record<string, unknown>>)
    : {};
}

/** The strings of an array; none when it is not one. */
export function stringsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
}

/** A text; empty when it is not one. */
export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

/** More than any node has; a bound that keeps sums of absurd requests exact. */
const MAX_QUANTITY = 2 ** 50;

/** A positive whole quantity; 0 (nothing asked) for anything else. */
export function quantityOf(value: unknown): number {
  if (typeof value !== 'number' || !(value > 0)) return 0;
  return Math.min(Math.round(value), MAX_QUANTITY);
}
