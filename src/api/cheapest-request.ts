import type { CheapestRequest } from '../cheapest/planner.ts';
import { type CheapestOptions, DEFAULT_OPTIONS } from '../cheapest/snapshot.ts';
import { BadRequestError } from '../common/errors.ts';

type Fields = Readonly<Record<string, unknown>>;

const MOST_DOMAINS = 1_000;
const MOST_CANDIDATES = 200;
const MOST_STABLE_MS = 7 * 86_400_000;

/** Reads the body of a question for a plan. Throws 400 that says which member is wrong. */
export function readCheapestRequest(value: unknown): CheapestRequest {
  const body = fields(value, 'the body');
  const { by, minDomains, headroom, minSaving, stableForMs = 0, candidates, keep, prices, currency } = body;
  const options: CheapestOptions = {
    ...DEFAULT_OPTIONS,
    ...(by !== undefined && { by: oneOf(by, ['reservation', 'usage'], 'by') }),
    minDomains: Object.entries(fields(minDomains ?? {}, 'minDomains')).map(([label, least]) => ({
      label,
      least: whole(least, 1, MOST_DOMAINS, `minDomains.${label}`),
    })),
    ...readHeadroom(headroom),
    minSaving: readSaving(minSaving),
  };
  return {
    options,
    stableForMs: whole(stableForMs, 0, MOST_STABLE_MS, 'stableForMs'),
    candidates: list(candidates, MOST_CANDIDATES, 'candidates').map((each, index) => {
      const { name, labels } = fields(each, `candidates[${index}]`);
      const entries = Object.entries(fields(labels ?? {}, `candidates[${index}].labels`));
      return {
        name: text(name, `candidates[${index}].name`),
        labels: Object.fromEntries(entries.map(([key, label]) => [key, text(label, `label ${key}`)])),
      };
    }),
    keep: list(keep, 10_000, 'keep').map((each) => text(each, 'keep')),
    ...(currency !== undefined && { currency: text(currency, 'currency') }),
    ...(prices !== undefined && { prices: readPrices(prices) }),
  };
}

function readHeadroom(value: unknown): Pick<CheapestOptions, 'headroomShare' | 'headroomNodes'> {
  const { share = 0, nodes = 0 } = fields(value ?? {}, 'headroom');
  if (typeof share !== 'number' || !(share >= 0 && share <= 0.9)) throw bad('headroom.share', 'a number from 0 to 0.9');
  return { headroomShare: share, headroomNodes: whole(nodes, 0, 100, 'headroom.nodes') };
}

function readSaving(value: unknown): CheapestOptions['minSaving'] {
  if (value === undefined) return DEFAULT_OPTIONS.minSaving;
  const { amount, share } = fields(value, 'minSaving');
  if (typeof amount === 'number' && amount >= 0 && amount <= 1e9) return { micros: Math.round(amount * 1e6) };
  if (typeof share === 'number' && share >= 0 && share <= 1) return { share };
  throw bad('minSaving', '{"amount": 5} or {"share": 0.1}');
}

/** What `readPriceFile` and `--rate` made of a person's files: read once more only as far as nothing breaks. */
function readPrices(value: unknown): NonNullable<CheapestRequest['prices']> {
  const { files, rates, currency } = fields(value, 'prices');
  for (const [index, file] of list(files, 100, 'prices.files').entries()) {
    const { prices, egress } = fields(file, `prices.files[${index}]`);
    for (const each of [...list(prices, 100_000, 'prices'), ...list(egress, 10_000, 'egress')]) fields(each, 'a price');
  }
  for (const rate of list(rates, 1_000, 'prices.rates')) {
    const { from, to, factor } = fields(rate, 'a rate');
    if (typeof from !== 'string' || typeof to !== 'string' || typeof factor !== 'number' || !(factor > 0))
      throw bad('prices.rates', 'a list of {"from", "to", "factor"}');
  }
  const own = { files: files ?? [], rates: rates ?? [] } as Pick<
    NonNullable<CheapestRequest['prices']>,
    'files' | 'rates'
  >;
  return { ...own, ...(currency !== undefined && { currency: text(currency, 'prices.currency') }) };
}

function fields(value: unknown, name: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw bad(name, 'an object');
  return value as Fields;
}

function list(value: unknown, most: number, name: string): readonly unknown[] {
  if (value === undefined) return [];
  if (!Array.isArray(value) || value.length > most) throw bad(name, `a list of at most ${most}`);
  return value;
}

function text(value: unknown, name: string): string {
  if (typeof value !== 'string' || value.length > 4_096) throw bad(name, 'a text');
  return value;
}

function whole(value: unknown, least: number, most: number, name: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most)
    throw bad(name, `a whole number from ${least} to ${most}`);
  return value;
}

function oneOf<T extends string>(value: unknown, choices: readonly T[], name: string): T {
  const found = choices.find((each) => each === value);
  if (found === undefined) throw bad(name, choices.join(' or '));
  return found;
}

function bad(name: string, should: string): BadRequestError {
  return new BadRequestError(`plan cheapest: ${name} should be ${should}`, 'BAD_PLAN_REQUEST');
}
