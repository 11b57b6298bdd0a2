import { open } from 'node:fs/promises';
import { z } from 'zod';
import { fileProblem, UsageError } from '../common/errors.ts';
import { nearest } from '../common/nearest.ts';
import { type Path, readSource, type Source } from '../common/yaml-source.ts';
import { type Currency, type Nanos, parseNanos, UNNAMED } from './money.ts';
import { parsePrice } from './price-label.ts';
import type { FileEgress, FilePrice, FilePrices, PriceMatch } from './price-list.ts';
import { parseRate, type Rate } from './rates.ts';

/** What a user's price file says. */
export interface PriceFile extends FilePrices {
  /** Of amounts that say none. */
  readonly currency?: Currency;
  readonly rates: readonly Rate[];
}

const BAD_FILE = 'BAD_PRICE_FILE';
/** YAML is slow to read: some seconds for a megabyte. */
const MAX_BYTES = 1024 * 1024;
const MAX_ENTRIES = 10_000;

const word = z.union([z.string().min(1), z.number(), z.boolean()]).transform(String);
const price = z.string('should be a text like "5.83 EUR/month"');
const currency = z.string().regex(/^[A-Z]{3}$/, 'should be three letters, like EUR');

const entry = z.strictObject({
  node: word.optional(),
  provider: word.optional(),
  region: word.optional(),
  zone: word.optional(),
  'instance-type': word.optional(),
  spot: z.boolean().optional(),
  labels: z
    .record(z.string(), word)
    .refine((labels) => Object.keys(labels).length > 0, 'names no label')
    .optional(),
  price,
});

const egress = z.strictObject({
  provider: word,
  region: word.optional(),
  to: z.enum(['zone', 'region', 'provider', 'internet']),
  price,
});

const file = z.strictObject({
  currency: currency.optional(),
  date: z
    .string()
    .refine((text) => /^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(Date.parse(text)), 'should be like 2026-11-01')
    .optional(),
  prices: z.array(entry).max(MAX_ENTRIES).default([]),
  egress: z.array(egress).max(MAX_ENTRIES).default([]),
  rates: z.record(z.string(), z.number('should be a number')).default({}),
});

/** Keys by the list they are in, for errors. */
const KEYS: Readonly<Record<string, readonly string[]>> = {
  '': Object.keys(file.shape),
  prices: Object.keys(entry.shape),
  egress: Object.keys(egress.shape),
};

/** Reads a price file. Throws a UsageError that begins with the file, and the place in it where there is one. */
export async function readPriceFile(path: string): Promise<PriceFile> {
  return parsePriceFile(await textOf(path), path);
}

/** See {@link readPriceFile}; `path` is for messages. */
export function parsePriceFile(text: string, path: string): PriceFile {
  const source = readSource(text, path, BAD_FILE);
  if (source.value === null || source.value === undefined) throw source.problem([], 'it is empty: it needs "prices"');
  const result = file.safeParse(source.value);
  if (!result.success) throw problemOf(result.error.issues[0], source);
  const { currency: named, date, prices, egress: traffic, rates } = result.data;
  const asOf = date === undefined ? {} : { asOf: date };
  return {
    ...asOf,
    ...(named === undefined ? {} : { currency: named }),
    prices: prices.map((each, index) => priceIn(each, ['prices', index], source, named)),
    egress: traffic.map((each, index) => egressIn(each, ['egress', index], source, named)),
    rates: Object.entries(rates).map(([pair, factor]) => ({ ...rateIn(pair, factor, source), ...asOf })),
  };
}

async function textOf(path: string): Promise<string> {
  try {
    const handle = await open(path, 'r');
    try {
      // Pipes and devices do not say how much they have.
      const buffer = Buffer.alloc(MAX_BYTES + 1);
      let bytes = 0;
      for (let read = -1; read !== 0 && bytes < buffer.length; bytes += read)
        ({ bytesRead: read } = await handle.read(buffer, bytes, buffer.length - bytes, null));
      if (bytes > MAX_BYTES) throw new UsageError(`${path}: it is larger than 1 MiB`, BAD_FILE);
      return buffer.toString('utf8', 0, bytes);
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`the price file ${path} cannot be read: ${fileProblem(error)}`, BAD_FILE);
  }
}

function priceIn(each: z.output<typeof entry>, path: Path, source: Source, named: Currency = UNNAMED): FilePrice {
  const { price: text, ...match } = each;
  if (Object.keys(match).length === 0)
    throw source.problem(path, 'it does not say of what: give it a node, a provider, an instance-type or labels');
  const read = parsePrice(text);
  if ('problem' in read) throw source.problem([...path, 'price'], read.problem);
  const priced = read.currency === UNNAMED ? { ...read, currency: named } : read;
  return { match: match as PriceMatch, price: priced, place: source.place(path) };
}

function egressIn(each: z.output<typeof egress>, path: Path, source: Source, named: Currency = UNNAMED): FileEgress {
  const { price: text, provider, region, to } = each;
  const read = parseTraffic(text);
  if (read === undefined) throw source.problem([...path, 'price'], 'should be like "0.09 USD/GB" or "1.00 EUR/TB"');
  const where = region === undefined ? { provider } : { provider, region };
  return { ...where, to, ...read, currency: read.currency || named, place: source.place(path) };
}

function parseTraffic(text: string): { readonly nanosPerGb: Nanos; readonly currency: Currency } | undefined {
  const [, amount = '', named = UNNAMED, unit] =
    /^(\d+(?:\.\d+)?)(?: +([A-Z]{3}))? ?\/ ?(GB|TB)$/.exec(text.trim()) ?? [];
  const nanos = parseNanos(amount);
  if (nanos === undefined) return undefined;
  return { nanosPerGb: unit === 'TB' ? Math.round(nanos / 1000) : nanos, currency: named };
}

function rateIn(pair: string, factor: number, source: Source): Rate {
  try {
    return { ...parseRate(`${pair}=${factor}`), source: source.place(['rates', pair]) };
  } catch (error) {
    throw source.problem(['rates', pair], (error as Error).message);
  }
}

function problemOf(issue: z.core.$ZodIssue | undefined, source: Source): Error {
  const path = (issue?.path ?? []).map((key) => (typeof key === 'symbol' ? String(key) : key));
  if (issue?.code !== 'unrecognized_keys') {
    const isMissing = issue?.code === 'invalid_type' && !source.has(path);
    if (isMissing) return source.problem(path.slice(0, -1), `"${path.at(-1) ?? ''}" is missing`);
    return source.problem(path, (issue?.message ?? '').replace(/^Invalid (?:input|option): /, ''));
  }
  const [key = ''] = issue.keys;
  const known = KEYS[String(path[0] ?? '')] ?? [];
  const near = nearest(key, known);
  const guess = near === undefined ? `There are ${known.join(', ')}.` : `Did you mean "${near}"?`;
  return source.problem([...path, key], `there is no such key here. ${guess}`);
}
