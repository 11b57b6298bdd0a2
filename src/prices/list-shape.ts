import { z } from 'zod';
import { BadRequestError } from '../common/errors.ts';
import type { ListedPrice, PriceList } from './price-list.ts';

/** Machines of one list: AWS has some thousand in a region, with spot prices of each zone. */
const MAX_MACHINES = 50_000;
const MAX_EGRESS = 10_000;

const name = z.string().min(1).max(200);
const nanos = z.number().int().min(0).max(Number.MAX_SAFE_INTEGER);
const currency = z.string().regex(/^[A-Z]{3}$/, 'a currency has three letters, like EUR');

const machine = z.object({
  region: name,
  zone: name.optional(),
  instanceType: name,
  isSpot: z.boolean(),
  currency,
  nanosPerHour: nanos,
  nanosPerMonth: nanos,
  given: z.enum(['hour', 'month', 'both']),
});

const egress = z.object({
  region: name.optional(),
  to: z.enum(['zone', 'region', 'provider', 'internet']),
  toRegion: name.optional(),
  currency,
  nanosPerGb: nanos,
});

const list = z.object({
  provider: z.string().regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'a provider has small letters, digits and dashes'),
  asOf: z.iso.datetime(),
  regions: z.array(name).min(1).max(200).optional(),
  machines: z.array(machine).max(MAX_MACHINES),
  egress: z.array(egress).max(MAX_EGRESS),
});

/** Whether a list can have such a row. */
export function isListable(row: ListedPrice): boolean {
  return machine.safeParse(row).success;
}

/** Reads a list that comes from outside of the process. Throws 400 with the place in it and what is wrong there. */
export function readPriceList(value: unknown): PriceList {
  const result = list.safeParse(value);
  if (result.success) return result.data as PriceList;
  const [issue] = result.error.issues;
  const place = issue?.path.join('.') || 'it';
  throw new BadRequestError(`this is no price list: ${place}: ${issue?.message ?? ''}`, 'BAD_PRICE_LIST');
}
