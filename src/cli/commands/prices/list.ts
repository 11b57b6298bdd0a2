import type { Command } from 'commander';
import { printable } from '../../../common/printable.ts';
import { ageWords, OLD_MS, OLD_SPOT_MS } from '../../../prices/price-age.ts';
import type { PriceBookData } from '../../../prices/price-book.ts';
import type { PriceList } from '../../../prices/price-list.ts';
import { formatRate } from '../../../prices/rates.ts';
import type { CommandContext } from '../../command.ts';
import { addManagerFlags, type ManagerFlags, managerClient } from '../../manager-client.ts';
import { formatHelp, formatRows, type View } from '../../output/format.ts';

interface Flags extends ManagerFlags {
  readonly format?: string;
}

interface Row {
  readonly Provider: string;
  /** Empty: all of them. */
  readonly Region: string;
  readonly Machines: number;
  readonly Spot: number;
  readonly Traffic: number;
  readonly Currencies: string;
  readonly AsOf: string;
  readonly Age: string;
  readonly IsOld: boolean;
}

const VIEW: View<Row> = {
  columns: [
    { title: 'PROVIDER', value: (row) => row.Provider, keep: 'whole' },
    { title: 'REGION', value: (row) => row.Region || 'all', keep: 'whole' },
    { title: 'MACHINES', value: (row) => String(row.Machines), align: 'right' },
    { title: 'SPOT', value: (row) => String(row.Spot), align: 'right', drop: 2 },
    { title: 'TRAFFIC', value: (row) => (row.Traffic > 0 ? 'yes' : 'no'), drop: 3 },
    { title: 'CURRENCY', value: (row) => row.Currencies, drop: 1 },
    {
      title: 'AGE',
      value: (row) => `${row.Age}${row.IsOld ? ', old' : ''}`,
      keep: 'whole',
      color: (row) => (row.IsOld ? 'yellow' : undefined),
    },
  ],
};

/** `enxame prices list`: what the manager knows of prices. */
export function configure(command: Command, context: CommandContext): void {
  addManagerFlags(command.command('list', { isDefault: true }).summary('list what is known of prices, with its age'))
    .alias('ls')
    .option('--format <format>', formatHelp('{{.Provider}}\\t{{.Region}}\\t{{.AsOf}}'))
    .action((flags: Flags) => context.interruptible((signal) => list(flags, context, signal)));
}

async function list(flags: Flags, context: CommandContext, signal: AbortSignal): Promise<void> {
  const client = await managerClient(flags, context);
  const book = await client.get<PriceBookData>('/enxame/v1/prices', signal);
  const nowMs = context.clock.now();
  const rows = book.lists
    .map((each) => rowOf(each, nowMs))
    .sort((a, b) => (`${a.Provider} ${a.Region}` < `${b.Provider} ${b.Region}` ? -1 : 1));
  const isTable = flags.format === undefined || flags.format === 'table';
  if (!isTable || rows.length > 0) context.out(formatRows(VIEW, rows, flags.format, context));
  if (!isTable) return;
  if (rows.length === 0) context.out("No price lists: 'enxame prices update' reads those of the nodes' providers\n");
  if (rows.some(({ IsOld }) => IsOld)) context.out("\nSome are old: run 'enxame prices update'\n");
  context.out(otherLines(book));
}

function rowOf({ provider, regions, machines, egress, asOf }: PriceList, nowMs: number): Row {
  const spot = machines.filter(({ isSpot }) => isSpot).length;
  const ageMs = nowMs - Date.parse(asOf);
  return {
    Provider: provider,
    Region: regions?.join(', ') ?? '',
    Machines: machines.length - spot,
    Spot: spot,
    Traffic: egress.length,
    Currencies: [...new Set([...machines, ...egress].map(({ currency }) => currency))].sort().join(', '),
    AsOf: asOf,
    Age: ageWords(ageMs),
    IsOld: ageMs > (spot > 0 ? OLD_SPOT_MS : OLD_MS),
  };
}

/** Price files and currency rates of the manager. */
function otherLines({ files, rates }: PriceBookData): string {
  const told = files.map(({ prices, egress, asOf }) => {
    const place = [...prices, ...egress][0]?.place.replace(/:\d+$/, '') ?? 'an empty one';
    return `Price file ${place}: ${prices.length} prices${asOf === undefined ? '' : ` of ${asOf}`}`;
  });
  const lines = [...told, ...rates.map((rate) => `Currency rate: ${formatRate(rate)}`)];
  return lines.map((line, index) => `${index === 0 ? '\n' : ''}${printable(line)}\n`).join('');
}
