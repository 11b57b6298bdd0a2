import type { Command } from 'commander';
import { NotFoundError } from '../../../common/errors.ts';
import { sourceOf } from '../../../price-lists/sources.ts';
import { exactAmount } from '../../../prices/money.ts';
import type { PriceBookData } from '../../../prices/price-book.ts';
import type { ListedPrice } from '../../../prices/price-list.ts';
import type { CommandContext } from '../../command.ts';
import { addManagerFlags, type ManagerFlags, managerClient } from '../../manager-client.ts';
import { formatHelp, formatRows, type View } from '../../output/format.ts';

interface Flags extends ManagerFlags {
  readonly region?: string;
  readonly format?: string;
}

interface Row {
  readonly Region: string;
  readonly Zone: string;
  readonly InstanceType: string;
  readonly Spot: boolean;
  readonly PerHour: string;
  readonly PerMonth: string;
  readonly Currency: string;
}

const VIEW: View<Row> = {
  columns: [
    { title: 'REGION', value: (row) => row.Zone || row.Region, keep: 'whole' },
    { title: 'TYPE', value: (row) => `${row.InstanceType}${row.Spot ? ' (spot)' : ''}`, keep: 'whole' },
    { title: 'AN HOUR', value: (row) => `${row.PerHour} ${row.Currency}`, align: 'right', keep: 'whole' },
    {
      title: 'A MONTH',
      value: (row) => `${Number(row.PerMonth).toFixed(2)} ${row.Currency}`,
      align: 'right',
      keep: 'whole',
    },
  ],
};

/** `enxame prices show`: what machines cost at a provider. */
export function configure(command: Command, context: CommandContext): void {
  addManagerFlags(command.command('show').summary('show what machines cost at a provider, the cheapest first'))
    .argument('<provider>', 'as the label "provider" of nodes says')
    .option('--region <region>', 'of one region only')
    .option('--format <format>', formatHelp('{{.InstanceType}}\\t{{.PerMonth}}'))
    .action((provider: string, flags: Flags) =>
      context.interruptible((signal) => show(provider, flags, context, signal)),
    );
}

async function show(provider: string, flags: Flags, context: CommandContext, signal: AbortSignal): Promise<void> {
  const client = await managerClient(flags, context);
  const { lists } = await client.get<PriceBookData>('/enxame/v1/prices', signal);
  const machines = lists
    .filter((each) => each.provider === provider)
    .flatMap((each) => each.machines)
    .filter(({ region }) => flags.region === undefined || region === flags.region)
    .sort((a, b) => (a.currency < b.currency ? -1 : a.currency > b.currency ? 1 : a.nanosPerMonth - b.nanosPerMonth));
  if (machines.length === 0) {
    sourceOf(provider);
    const where = flags.region === undefined ? '' : ` in ${flags.region}`;
    throw new NotFoundError(
      `no prices of ${provider}${where} are known: run 'enxame prices update ${provider}${flags.region === undefined ? '' : ` --region ${flags.region}`}'`,
      'NO_SUCH_LIST',
    );
  }
  context.out(formatRows(VIEW, machines.map(rowOf), flags.format, context));
}

function rowOf({ region, zone, instanceType, isSpot, nanosPerHour, nanosPerMonth, currency }: ListedPrice): Row {
  return {
    Region: region,
    Zone: zone ?? '',
    InstanceType: instanceType,
    Spot: isSpot,
    PerHour: exactAmount(nanosPerHour),
    PerMonth: exactAmount(nanosPerMonth),
    Currency: currency,
  };
}
