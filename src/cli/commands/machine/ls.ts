import type { Command } from 'commander';
import { NotFoundError, UsageError } from '../../../common/errors.ts';
import type { MachineStatus } from '../../../machine/status.ts';
import type { CommandContext } from '../../command.ts';
import { collect, machineContext } from './surroundings.ts';

interface Flags {
  readonly quiet?: boolean;
  readonly filter?: readonly string[];
  readonly format?: string;
  readonly timeout: string;
}

/** Keys of `--filter`. */
export const FILTERS = ['driver', 'swarm', 'state', 'name', 'label'] as const;
type FilterName = (typeof FILTERS)[number];

const HELP = `
Filters: driver=local, swarm=MASTER, state=running, name=REGEXP, label=key=value; values of one key are alternatives, different keys combine.
Fields for --format: Name Active ActiveHost ActiveSwarm DriverName State URL Swarm DockerVersion Error ResponseTime SwarmOptions EngineOptions`;

/** `ls` and `active`. */
export function configure(machine: Command, cli: CommandContext): void {
  machine
    .command('ls')
    .alias('list')
    .summary('list machines and their state')
    .option('-q, --quiet', 'print names only')
    .option('--filter <filter>', 'filter, see below; may be repeated', collect)
    .option('-f, --format <format>', "'table', 'json' (a line each), or a template like '{{.Name}}\\t{{.URL}}'")
    .option('-t, --timeout <seconds>', 'time limit for each machine', '10')
    .addHelpText('after', HELP)
    .action((flags: Flags, command: Command) => ls(flags, command, cli));
  machine
    .command('active')
    .summary('print the machine that docker uses in this shell')
    .option('-t, --timeout <seconds>', 'time limit for each machine', '10')
    .action((flags: Pick<Flags, 'timeout'>, command: Command) => active(flags, command, cli));
}

async function ls(flags: Flags, command: Command, cli: CommandContext): Promise<void> {
  const filters = readFilters(flags.filter ?? []);
  const context = await machineContext(command, cli);
  const needsStatus = !flags.quiet || filters.has('state');
  const rows = needsStatus ? await statuses(flags, command, cli) : await namesOnly(context, filters);
  const masters = new Map(rows.flatMap(({ name, record }) => masterEntry(name, record)));
  const shown = rows.filter((row) => [...filters].every(([name, values]) => matches(row, name, values, masters)));
  if (flags.quiet) return cli.out(shown.map(({ name }) => `${name}\n`).join(''));
  const { formatRows } = await import('../../output/format.ts');
  const { machineView } = await import('./ls-view.ts');
  cli.out(formatRows(machineView(cli.env.DOCKER_HOST, masters), shown, flags.format, cli));
}

async function statuses(
  flags: Pick<Flags, 'timeout'>,
  command: Command,
  cli: CommandContext,
): Promise<MachineStatus[]> {
  const seconds = Number(flags.timeout);
  if (!Number.isFinite(seconds) || seconds <= 0)
    throw new UsageError(`--timeout "${flags.timeout}" is not a number of seconds`);
  const { statusOf } = await import('../../../machine/status.ts');
  const context = await machineContext(command, cli);
  return await Promise.all((await context.store.names()).map((name) => statusOf(name, context, seconds * 1000)));
}

/** Rows for `ls -q`, from the store alone. */
async function namesOnly(
  context: Awaited<ReturnType<typeof machineContext>>,
  filters: ReadonlyMap<FilterName, readonly string[]>,
): Promise<MachineStatus[]> {
  return await Promise.all(
    (await context.store.names()).map(async (name) => {
      const stored = filters.size === 0 ? undefined : await context.store.load(name).catch(() => undefined);
      return {
        name,
        record: stored?.record,
        state: '',
        url: '',
        version: undefined,
        problems: [],
        responseMs: 0,
      } as const;
    }),
  );
}

async function active(flags: Pick<Flags, 'timeout'>, command: Command, cli: CommandContext): Promise<void> {
  const host = cli.env.DOCKER_HOST;
  if (!host) throw noActive('$DOCKER_HOST is not set. Run eval "$(enxame machine env NAME)"');
  const { activity } = await import('./ls-view.ts');
  const found = (await statuses(flags, command, cli)).find((row) => activity(row, host) !== '-');
  if (found === undefined) throw noActive(`no machine is at ${host}`);
  cli.out(`${found.name}\n`);
}

function noActive(why: string): NotFoundError {
  return new NotFoundError(`No active host found: ${why}`, 'NO_ACTIVE_MACHINE');
}

function readFilters(texts: readonly string[]): ReadonlyMap<FilterName, readonly string[]> {
  const filters = new Map<FilterName, readonly string[]>();
  for (const text of texts) {
    const equals = text.indexOf('=');
    const name = FILTERS.find((each) => each === text.slice(0, equals).toLowerCase());
    if (name === undefined) throw new UsageError(`Unsupported filter key '${text}': use ${FILTERS.join('=, ')}=`);
    const value = text.slice(equals + 1);
    if (name === 'name') compile(value);
    filters.set(name, [...(filters.get(name) ?? []), value]);
  }
  return filters;
}

function compile(pattern: string): RegExp {
  try {
    return new RegExp(pattern);
  } catch (error) {
    throw new UsageError(
      `--filter name=${pattern} is not a regular expression: ${error instanceof Error ? error.message : error}`,
    );
  }
}

/** Whose discovery a swarm is known by, and its master's name. */
function masterEntry(name: string, record: MachineStatus['record']): [string, string][] {
  return record?.swarm?.isMaster ? [[record.swarm.discovery, name]] : [];
}

function matches(
  row: MachineStatus,
  filter: FilterName,
  values: readonly string[],
  masters: ReadonlyMap<string, string>,
): boolean {
  const { record } = row;
  const labels = record?.engine.labels ?? {};
  switch (filter) {
    case 'driver':
      return values.some((value) => value === record?.driver);
    case 'state':
      return values.some((value) => value.toLowerCase() === row.state.toLowerCase());
    case 'name':
      return values.some((value) => compile(value).test(row.name));
    case 'swarm':
      return values.some((value) => value === masters.get(record?.swarm?.discovery ?? ''));
    case 'label':
      return values.some((value) =>
        Object.entries(labels).some(([key, text]) => value === `${key}=${text}` || value === key),
      );
  }
}
