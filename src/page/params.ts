import { BadRequestError } from '../common/errors.ts';
import type { PageCall } from './calls.ts';

/** A parameter that the call's path declares. */
export function pathParam(call: PageCall, name: string): string {
  const value = call.params[name];
  if (value === undefined) throw new TypeError(`no parameter ${name} in this path`);
  return value;
}

/** A whole number of the query, or what it is without one. Throws 400. */
export function numberOf(
  query: URLSearchParams,
  name: string,
  { least, most, otherwise }: { readonly least: number; readonly most: number; readonly otherwise: number },
): number {
  const text = query.get(name);
  if (text === null || text === '') return otherwise;
  const value = Number(text);
  if (/^\d{1,15}$/.test(text) && value >= least && value <= most) return value;
  const shown = JSON.stringify(text.slice(0, 40));
  throw new BadRequestError(`${name} should be a whole number from ${least} to ${most}, not ${shown}`);
}
