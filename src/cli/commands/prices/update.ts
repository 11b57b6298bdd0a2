import type { Command } from 'commander';
import { ClusterError, reasonOf, UsageError } from '../../../common/errors.ts';
import { printable } from '../../../common/printable.ts';
import type { PriceSource } from '../../../price-lists/price-source.ts';
import { byRegion, findSource, readingsOf, readList, SOURCES, sourceOf } from '../../../price-lists/sources.ts';
import type { BillFacts } from '../../../prices/bill-facts.ts';
import { PROVIDER_LABEL, REGION_LABEL } from '../../../prices/price.ts';
import type { CommandContext } from '../../command.ts';
import { addManagerFlags, type ManagerClient, type ManagerFlags, managerClient } from '../../manager-client.ts';

interface Flags extends ManagerFlags {
  readonly region?: readonly string[];
  /** By provider. */
  readonly url?: ReadonlyMap<string, string>;
}

const HELP = `
What is needed here, beside the network:
${SOURCES.map(({ provider, needs }) => `  ${provider.padEnd(14)}${needs || 'nothing'}`).join('\n')}
`;

/** `enxame prices update`: reads providers' lists and hands them to the manager. */
export function configure(command: Command, context: CommandContext): void {
  addManagerFlags(command.command('update').summary('read the price lists of providers, for the manager to keep'))
    .argument('[provider...]', 'as the label "provider" of nodes says; default the nodes\' own')
    .option('--region <region>', "region to read; may be repeated; default the nodes' own", collect)
    .option('--url <provider=url>', 'another address of a list, such as a mirror; may be repeated', collectUrl)
    .addHelpText('after', HELP)
    .action((providers: readonly string[], flags: Flags) =>
      context.interruptible((signal) => update(providers, flags, context, signal)),
    );
}

/** What is to be read: a source and its regions. */
interface Task {
  readonly source: PriceSource;
  readonly regions: readonly string[];
}

async function update(
  providers: readonly string[],
  flags: Flags,
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  if (flags.region !== undefined && providers.length !== 1)
    throw new UsageError(
      '--region is about one provider: name it, like enxame prices update azure --region westeurope',
    );
  const named = providers.map(sourceOf);
  for (const provider of flags.url?.keys() ?? []) sourceOf(provider);
  const client = await managerClient(flags, context);
  const own = regionsOf(await client.get<BillFacts>('/enxame/v1/bill/facts', signal));
  const tasks = (named.length > 0 ? named : knownSources(own, context)).map(
    (source): Task => ({ source, regions: flags.region ?? [...(own.get(source.provider) ?? [])].sort() }),
  );
  if (tasks.length === 0)
    throw new ClusterError('no node has the label "provider" of a provider whose list is known: name one', {
      code: 'NOTHING_TO_READ',
      status: 404,
    });
  let failures = 0;
  for (const task of tasks) failures += await carryOut(task, flags, client, context, signal);
  if (failures > 0)
    throw new ClusterError(`${failures} of the lists could not be read: what was known before stays`, {
      code: 'PRICE_LIST',
      status: 502,
    });
}

/** The regions of the cluster's nodes by provider. */
function regionsOf({ nodes }: BillFacts): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, Set<string>>();
  for (const { labels } of nodes) {
    const provider = labels[PROVIDER_LABEL];
    if (!provider) continue;
    const regions = found.get(provider) ?? new Set();
    found.set(provider, regions);
    if (labels[REGION_LABEL]) regions.add(labels[REGION_LABEL]);
  }
  return found;
}

/** The sources for the providers of nodes; says which have none. */
function knownSources(
  own: ReadonlyMap<string, ReadonlySet<string>>,
  { err }: Pick<CommandContext, 'err'>,
): readonly PriceSource[] {
  return [...own.keys()].sort().flatMap((provider) => {
    const source = findSource(provider);
    if (source !== undefined) return [source];
    err(
      `${printable(provider)}: no price list is known. Give its nodes the label io.enxame.price, or write a price file\n`,
    );
    return [];
  });
}

/** Answers how many readings failed. */
async function carryOut(
  { source, regions }: Task,
  flags: Flags,
  client: ManagerClient,
  context: CommandContext,
  signal: AbortSignal,
): Promise<number> {
  const readings = readingsOf(source, regions);
  if (readings.length === 0) {
    context.err(
      `${source.provider}: its prices are by region, and no node of it has the label region: give --region\n`,
    );
    return 1;
  }
  let failures = 0;
  for (const reading of readings) {
    const name = source.covers === 'all' ? source.provider : [source.provider, ...reading].join(' ');
    const { env, clock } = context;
    const url = flags.url?.get(source.provider);
    const note = (text: string): void => context.err(`${printable(`${name}: ${text}`)}\n`);
    try {
      const list = await readList(source, { env, clock, signal, url, regions: reading, note });
      for (const part of byRegion(list)) await client.post('/enxame/v1/prices', part, signal);
      context.out(`${printable(name)}: ${list.machines.length} prices\n`);
    } catch (error) {
      signal.throwIfAborted();
      failures += 1;
      context.err(`${printable(`${name}: not read: ${reasonOf(error)}`)}\n`);
    }
  }
  return failures;
}

function collect(value: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, value];
}

function collectUrl(text: string, earlier: ReadonlyMap<string, string> = new Map()): ReadonlyMap<string, string> {
  const [, provider = '', url = ''] = /^([^=]+)=(https?:\/\/.+)$/.exec(text) ?? [];
  if (!URL.canParse(url)) throw new UsageError(`--url "${text}" should be like hetzner=https://mirror.example.org/v1`);
  return new Map([...earlier, [provider, url]]);
}
