import type { Command } from 'commander';
import { reasonOf } from '../../../common/errors.ts';
import type { KnownDriver } from '../../../drivers/drivers.ts';
import type { Need } from '../../../drivers/needs.ts';
import type { CommandContext } from '../../command.ts';
import { formatHelp, type View } from '../../output/format.ts';

interface Row {
  readonly Name: string;
  /** What its machines are; empty when it cannot be loaded. */
  readonly Machines: string;
  /** `-` where the driver does not tell. */
  readonly Ready: 'yes' | 'no' | '-';
  /** What it needs, and where that is or how to get it. */
  readonly Needs: string;
}

const VIEW: View<Row> = {
  columns: [
    { title: 'DRIVER', value: (row) => row.Name, keep: 'whole' },
    { title: 'MACHINES', value: (row) => row.Machines },
    {
      title: 'READY',
      value: (row) => row.Ready,
      keep: 'whole',
      color: (row) => (({ yes: 'green', no: 'yellow', '-': undefined }) as const)[row.Ready],
    },
    { title: 'NEEDS', value: (row) => row.Needs, keep: 'whole' },
  ],
};

const EXAMPLES = `
READY and NEEDS tell whether a driver's library or program and its credentials are here. Nothing is contacted: whether the
credentials are good, 'enxame machine create' finds out before it makes anything.

Fields for --format: Name Machines Ready Needs`;

/** `drivers`. */
export function configure(machine: Command, cli: CommandContext): void {
  machine
    .command('drivers')
    .summary('list the drivers, and whether what they need is here')
    .option('--format <format>', formatHelp('{{.Name}}\\t{{.Ready}}'))
    .addHelpText('after', EXAMPLES)
    .action((flags: { readonly format?: string }) => list(flags.format, cli));
}

async function list(format: string | undefined, cli: CommandContext): Promise<void> {
  const [{ knownDrivers }, { formatRows }] = await Promise.all([
    import('../../../drivers/drivers.ts'),
    import('../../output/format.ts'),
  ]);
  const rows = await Promise.all((await knownDrivers()).map((known) => rowOf(known, cli)));
  cli.out(formatRows(VIEW, rows, format, cli));
  if (format === undefined || format === 'table')
    cli.err(
      "\nFlags of a driver: 'enxame machine create -d DRIVER --help'. More drivers: npm packages enxame-driver-NAME\n",
    );
}

/** A driver's line; its own failures are part of it. */
export async function rowOf(
  { name, driver, problem }: KnownDriver,
  cli: Pick<CommandContext, 'clock' | 'env'>,
): Promise<Row> {
  const row = { Name: name, Machines: String(driver?.summary ?? '') };
  if (driver === undefined) return { ...row, Ready: 'no', Needs: `cannot be loaded: ${problem}` };
  if (driver.needs === undefined) return { ...row, Ready: '-', Needs: '-' };
  try {
    const needs = await inTime(driver.needs(cli.env), cli);
    return { ...row, Ready: needs.every(({ isMet }) => isMet) ? 'yes' : 'no', Needs: wordsOf(needs) };
  } catch (error) {
    return { ...row, Ready: '-', Needs: `cannot be told: ${reasonOf(error)}` };
  }
}

/** What is missing first: it is what is looked for. */
function wordsOf(needs: readonly Need[]): string {
  const words = (isMet: boolean): readonly string[] =>
    needs.filter((need) => need.isMet === isMet).map(({ what, text }) => `${isMet ? '' : 'no '}${what}: ${text}`);
  return [...words(false), ...words(true)].join('; ') || 'nothing';
}

const WITHIN_MS = 5_000;

/** A driver of another package may take its time. */
async function inTime<T>(work: Promise<T>, { clock }: Pick<CommandContext, 'clock'>): Promise<T> {
  const done = new AbortController();
  const late = clock.sleep(WITHIN_MS, done.signal).then(() => {
    throw new Error(`no answer within ${WITHIN_MS / 1000} seconds`);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    late.catch(() => undefined);
    done.abort();
  }
}
