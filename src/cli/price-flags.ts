import type { Command } from 'commander';
import { UsageError } from '../common/errors.ts';
import type { PricesOptions } from '../prices/prices.ts';
import { parseRate, type Rate } from '../prices/rates.ts';

/** What a person says of prices on a command line. */
export interface PriceFlags {
  readonly prices?: readonly string[];
  readonly rate?: readonly Rate[];
  readonly currency?: string;
}

/** Adds the flags of {@link PriceFlags}. `currency` is the help of `--currency`, which means something else to each command. */
export function addPriceFlags(command: Command, currency: string): Command {
  return command
    .option('--prices <file>', 'price file; may be repeated', (file: string, earlier: readonly string[] = []) => [
      ...earlier,
      file,
    ])
    .option(
      '--rate <from/to=rate>',
      'currency rate, like EUR/USD=1.08; may be repeated',
      (text: string, earlier: readonly Rate[] = []) => [...earlier, rateFlag(text)],
    )
    .option('--currency <code>', currency, currencyFlag);
}

/** The flags as a manager takes them. */
export function pricesOptions({ prices = [], rate = [], currency }: PriceFlags): PricesOptions {
  return { files: prices, rates: rate, currency };
}

function rateFlag(text: string): Rate {
  try {
    return { ...parseRate(text), source: '--rate' };
  } catch (error) {
    throw new UsageError(`--rate "${text}": ${(error as Error).message}`);
  }
}

function currencyFlag(text: string): string {
  if (/^[A-Z]{3}$/.test(text)) return text;
  throw new UsageError(`--currency should be three capital letters, like EUR, not "${text}"`);
}
