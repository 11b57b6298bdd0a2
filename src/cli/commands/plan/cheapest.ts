import { type Command, Option } from 'commander';
import type { CheapestPlan } from '../../../cheapest/cheapest-plan.ts';
import { UsageError } from '../../../common/errors.ts';
import { readPriceFile } from '../../../prices/price-file.ts';
import type { CommandContext } from '../../command.ts';
import { durationFlag } from '../../discovery-options.ts';
import { addManagerFlags, MANAGER_HELP, type ManagerClient, managerClient } from '../../manager-client.ts';
import { formatCheapest } from '../../output/cheapest.ts';
import { formatJson } from '../../output/format.ts';
import { addPriceFlags } from '../../price-flags.ts';
import { collect } from '../node/nodes.ts';
import { applyPlan } from './apply.ts';
import { type Asked, type CheapestFlags, PLAN_MS } from './applying.ts';
import { headroomFlag, minDomainsFlag, minSavingFlag } from './flags.ts';
import { fleetCandidates } from './fleet-candidates.ts';

const EXAMPLES = `
Examples:
  $ enxame plan cheapest                                    # what it costs, what it could cost, what would move where
  $ enxame plan cheapest --min-domains provider=2 --headroom 1
  $ enxame plan cheapest --by usage --headroom 20%          # sizes as measured over the last day, a fifth of each node left free
  $ enxame plan cheapest --fleet fleet.yml --apply          # machines of the file may be made; asks before each step
  $ enxame plan cheapest --min-saving 10% --stable-for 6h --apply --yes     # from a timer: only what is worth it, no flapping prices

Keeps every constraint, affinity, port, volume, reservation and rule. A node whose price is not known is left out of the decision.
--min-domains LABEL=N: nodes, and the replicas of each service, are in N values of the label at least; the word node means nodes themselves.
--apply moves containers within the budgets of drains, start-first where that is possible, empties nodes that are not needed any more and
drains them; those that are machines of 'enxame machine' are removed once that is confirmed. It can be stopped and run again at any time.
${MANAGER_HELP}`;

/** `enxame plan cheapest`. */
export function configure(command: Command, context: CommandContext): void {
  addPriceFlags(addManagerFlags(command), 'count in this currency')
    .addOption(
      new Option('--by <what>', 'sizes of containers: what they reserve, or also what they used')
        .choices(['reservation', 'usage'])
        .default('reservation'),
    )
    .option('--min-domains <label=n>', 'be in at least N values of a label; may be repeated', minDomainsFlag)
    .option('--headroom <share|nodes>', 'leave 10% of each node free, or room for the loss of 1 node', headroomFlag)
    .option('--min-saving <amount|share>', 'do nothing for less: 5 a month, or 10% of the bill', minSavingFlag)
    .option('--stable-for <duration>', 'a price counts once it has held for so long', durationFlag('--stable-for'))
    .option('--keep <node>', 'a node that may not go; may be repeated', collect)
    .option('--fleet <file>', 'a fleet file: its machines that are not there could be made')
    .option('--storage-path <dir>', 'where machines are kept, as of enxame machine')
    .option('--apply', 'carry the plan out')
    .option('-y, --yes', 'with --apply: do not ask')
    .addOption(new Option('--format <format>', 'table or json').choices(['table', 'json']).default('table'))
    .addHelpText('after', EXAMPLES)
    .action((flags: CheapestFlags) => context.interruptible((signal) => run(flags, command, context, signal)));
}

async function run(
  flags: CheapestFlags,
  command: Command,
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  if (flags.yes && !flags.apply) throw new UsageError('--yes is about --apply: add that, or leave --yes out');
  if (flags.apply && flags.format === 'json' && !flags.yes)
    throw new UsageError('--apply with --format json cannot ask: add --yes');
  const client = await managerClient(flags, context);
  const ask = async (): Promise<Asked> => {
    const body = await bodyOf(flags, client, context, signal);
    return { body, plan: await client.post<CheapestPlan>('/enxame/v1/plans/cheapest', body, signal, PLAN_MS) };
  };
  const show = (plan: CheapestPlan): void =>
    context.out(flags.format === 'json' ? formatJson(plan) : formatCheapest(plan, context));
  const first = await ask();
  show(first.plan);
  if (flags.apply) await applyPlan(first, { flags, command, context, client, signal, ask, show });
}

/** What the manager is asked. */
async function bodyOf(
  flags: CheapestFlags,
  client: ManagerClient,
  context: CommandContext,
  signal: AbortSignal,
): Promise<object> {
  const files = await Promise.all((flags.prices ?? []).map(readPriceFile));
  const currency = files.find((file) => file.currency !== undefined)?.currency;
  const rates = [...(flags.rate ?? []), ...files.flatMap((file) => file.rates)];
  const { by, minDomains, headroom, minSaving, stableFor, keep } = flags;
  return {
    by,
    ...(minDomains && { minDomains }),
    ...(headroom && { headroom }),
    ...(minSaving && { minSaving }),
    ...(stableFor !== undefined && { stableForMs: stableFor }),
    ...(keep && { keep }),
    ...(flags.currency !== undefined && { currency: flags.currency }),
    ...((files.length > 0 || rates.length > 0) && {
      prices: { files, rates, ...(currency !== undefined && { currency }) },
    }),
    ...(flags.fleet !== undefined && { candidates: await fleetCandidates(flags.fleet, client, context, signal) }),
  };
}
