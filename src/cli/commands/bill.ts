import { type Command, Option } from 'commander';
import { computeBill } from '../../prices/bill.ts';
import type { BillFacts } from '../../prices/bill-facts.ts';
import { PriceBook, type PriceBookData } from '../../prices/price-book.ts';
import { readPriceFile } from '../../prices/price-file.ts';
import { shownBill } from '../../prices/shown-bill.ts';
import type { CommandContext } from '../command.ts';
import { addManagerFlags, MANAGER_HELP, type ManagerFlags, managerClient } from '../manager-client.ts';
import { formatBill, type Grouping } from '../output/bill.ts';
import { billCsv } from '../output/bill-csv.ts';
import { formatJson } from '../output/format.ts';
import { addPriceFlags, type PriceFlags } from '../price-flags.ts';

const GROUPINGS: readonly Grouping[] = ['provider', 'region', 'node', 'project'];

interface Flags extends ManagerFlags, PriceFlags {
  readonly by?: Grouping;
  readonly format: 'table' | 'json' | 'csv';
}

const EXAMPLES = `
Examples:
  $ enxame bill                                 # what the cluster costs a month, and who has which part of it
  $ enxame bill --by node
  $ enxame bill --prices prices.yml --rate EUR/USD=1.08 --currency EUR
  $ enxame bill --by project --format csv >bill.csv

A node's price is that of its label io.enxame.price (0.0119/h, 5.83 EUR/month), else that of a price file, else that of its
provider's list ('enxame prices update'). A node without a price is named, counted and in no sum. A month has 730 hours.

A project's part of a node is what its containers reserve: half by CPUs, half by memory. What nobody reserves is idle.
Traffic, storage that is billed apart, and taxes are not counted. --prices and --rate count before what the manager was given.
${MANAGER_HELP}`;

/** `enxame bill`: what a cluster costs. */
export function configure(command: Command, context: CommandContext): void {
  addPriceFlags(addManagerFlags(command), 'convert all amounts to this currency')
    .addOption(new Option('--by <what>', 'one table: by provider, region, node or project').choices(GROUPINGS))
    .addOption(
      new Option('--format <format>', 'table, json, or csv (by node, or what --by says)')
        .choices(['table', 'json', 'csv'])
        .default('table'),
    )
    .addHelpText('after', EXAMPLES)
    .action((flags: Flags) => context.interruptible((signal) => show(flags, context, signal)));
}

async function show(flags: Flags, context: CommandContext, signal: AbortSignal): Promise<void> {
  const files = await Promise.all((flags.prices ?? []).map(readPriceFile));
  const client = await managerClient(flags, context);
  const known = await client.get<PriceBookData>('/enxame/v1/prices', signal);
  const facts = await client.get<BillFacts>('/enxame/v1/bill/facts', signal);
  const currency = files.find((file) => file.currency !== undefined)?.currency ?? known.currency;
  const book = new PriceBook({
    ...(currency === undefined ? {} : { currency }),
    files: [...files, ...known.files],
    lists: known.lists,
    rates: [...(flags.rate ?? []), ...files.flatMap(({ rates }) => rates), ...known.rates],
  });
  const bill = computeBill(facts, book, { currency: flags.currency });
  const shown = shownBill(bill, context.clock.now());
  if (flags.format === 'json') context.out(formatJson(shown));
  else if (flags.format === 'csv') context.out(billCsv(bill, flags.by ?? 'node'));
  else context.out(formatBill(bill, shown.warnings, flags.by, context));
}
