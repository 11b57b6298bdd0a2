import { stat } from 'node:fs/promises';
import { gunzipSync, gzipSync } from 'node:zlib';
import type { Clock } from '../common/clock.ts';
import { BadRequestError, NotFoundError, reasonOf, UsageError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { RecordStore } from '../kv/record-store.ts';
import { type RecordFormat, RecordView } from '../kv/record-view.ts';
import { readPriceList } from './list-shape.ts';
import type { Currency } from './money.ts';
import { PriceBook } from './price-book.ts';
import { type PriceFile, readPriceFile } from './price-file.ts';
import type { PriceList } from './price-list.ts';
import type { Rate } from './rates.ts';

export interface PricesDeps {
  /** The lists, see {@link keyOf}. */
  readonly records: RecordStore;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a person gave to a manager. */
export interface PricesOptions {
  /** Price files; an earlier one counts before a later one. They are read again when they change. */
  readonly files: readonly string[];
  /** Before those in files. */
  readonly rates: readonly Rate[];
  readonly currency?: Currency | undefined;
}

export const NO_PRICES: PricesOptions = { files: [], rates: [] };

/** Lists that are kept: 20 providers with ten regions each. */
const MAX_LISTS = 200;

/** Clocks differ. The newest list counts: one from a day to come would count before all later ones. */
const MAX_AHEAD_MS = 60 * 60 * 1000;

/** Compressed: stores that managers share have room for half a megabyte, and a region of AWS has more. */
const FORMAT: RecordFormat<PriceList> = {
  read: parsedList,
  write: (list) => gzipSync(JSON.stringify(list)).toString('base64'),
};

/** Of a list as JSON. */
const MAX_BYTES = 64 * 1024 * 1024;

interface KnownFile {
  /** Changes with the file. */
  readonly mark: string;
  readonly content: PriceFile | undefined;
}

/** What a manager knows of prices: the files it was given and the lists that were handed to it, which are durable. */
export class Prices {
  readonly #deps: PricesDeps;
  readonly #options: PricesOptions;
  readonly #lists: RecordView<PriceList>;
  readonly #files = new Map<string, KnownFile>();
  #book: PriceBook | undefined;

  private constructor(deps: PricesDeps, options: PricesOptions, lists: RecordView<PriceList>) {
    this.#deps = deps;
    this.#options = options;
    this.#lists = lists;
  }

  /** Reads the files and the lists. Rejects with a UsageError for a file that cannot be used. */
  static async open(deps: PricesDeps, options: PricesOptions = NO_PRICES): Promise<Prices> {
    const listener = { onChange: (): void => undefined };
    const prices = new Prices(deps, options, await RecordView.open(deps, FORMAT, () => listener.onChange()));
    listener.onChange = () => prices.#forgetBook();
    for (const path of options.files)
      prices.#files.set(path, { mark: await markOf(path), content: await readWatched(path) });
    return prices;
  }

  /** All that is known now. A file that has changed is read again; what is wrong in it is logged, and what it said before stays. */
  async book(): Promise<PriceBook> {
    for (const path of this.#options.files) await this.#look(path);
    this.#book ??= this.#assemble();
    return this.#book;
  }

  /**
   * Keeps a list in place of the one of its provider and regions. Resolves when that is durable. Rejects with 400 for what is no list, or when
   * there are too many.
   */
  async put(value: unknown): Promise<void> {
    const list = readPriceList(value);
    if (Date.parse(list.asOf) > this.#deps.clock.now() + MAX_AHEAD_MS)
      throw new BadRequestError(
        `the price list is of ${list.asOf}, which has not come yet: check the clocks of this computer and of the manager`,
        'BAD_PRICE_LIST',
      );
    const key = keyOf(list);
    if (!this.#lists.has(key) && this.#lists.size >= MAX_LISTS)
      throw new BadRequestError(
        `there are ${MAX_LISTS} price lists already: remove some with 'enxame prices rm'`,
        'TOO_MANY_LISTS',
      );
    await this.#lists.put(key, list);
  }

  /** Forgets all lists of a provider. Rejects with 404 when there are none. */
  async remove(provider: string): Promise<void> {
    const keys = [...this.#lists.keys()].filter((key) => this.#lists.get(key)?.provider === provider);
    if (keys.length === 0) throw new NotFoundError(`no price list of ${JSON.stringify(provider)}`, 'NO_SUCH_LIST');
    for (const key of keys) await this.#lists.delete(key);
  }

  /** Idempotent. */
  async close(): Promise<void> {
    await this.#lists.close();
  }

  #forgetBook(): void {
    this.#book = undefined;
  }

  async #look(path: string): Promise<void> {
    const mark = await markOf(path);
    const known = this.#files.get(path);
    if (known?.mark === mark) return;
    // Noted before it is read, so that a file which is wrong is told once.
    this.#files.set(path, { mark, content: known?.content });
    try {
      this.#files.set(path, { mark, content: await readWatched(path) });
      this.#forgetBook();
    } catch (error) {
      this.#deps.logger.warn({ reason: reasonOf(error) }, 'a price file cannot be used: what it said before counts on');
    }
  }

  #assemble(): PriceBook {
    const files = this.#options.files.flatMap((path) => this.#files.get(path)?.content ?? []);
    const currency = this.#options.currency ?? files.find((file) => file.currency !== undefined)?.currency;
    return new PriceBook({
      ...(currency === undefined ? {} : { currency }),
      files,
      lists: [...this.#lists.values()],
      rates: [...this.#options.rates, ...files.flatMap(({ rates }) => rates)],
    });
  }
}

/** One list for each provider, or for each of its regions. */
function keyOf({ provider, regions }: PriceList): string {
  return regions === undefined ? provider : `${provider} ${[...regions].sort().join(' ')}`;
}

function parsedList(text: string): PriceList | undefined {
  try {
    const json = gunzipSync(Buffer.from(text, 'base64'), { maxOutputLength: MAX_BYTES });
    return readPriceList(JSON.parse(json.toString()));
  } catch {
    return undefined;
  }
}

/** A pipe would be waited for, and gives what it has only once. */
async function readWatched(path: string): Promise<PriceFile> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined || found.isFile() || found.isDirectory()) return await readPriceFile(path);
  throw new UsageError(`the price file ${path} is none: a manager reads it again when it changes`, 'BAD_PRICE_FILE');
}

async function markOf(path: string): Promise<string> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined ? 'absent' : `${found.ino} ${found.size} ${found.mtimeMs}`;
}
