import type { Command } from 'commander';
import type { FailoverAnswer } from '../../api/routes/failover.ts';
import type { DrillPlan } from '../../api/routes/plans.ts';
import { formatDuration } from '../../common/duration.ts';
import { NotFoundError, UsageError } from '../../common/errors.ts';
import { printable } from '../../common/printable.ts';
import { asSentence, type CommandContext } from '../command.ts';
import { durationFlag } from '../discovery-options.ts';
import {
  addManagerFlags,
  MANAGER_HELP,
  type ManagerClient,
  type ManagerFlags,
  managerClient,
} from '../manager-client.ts';
import { formatHelp, formatRows, type View } from '../output/format.ts';
import { addChoiceFlags, type ChoiceFlags, chosenNodes } from './node/nodes.ts';

const EXAMPLES = `
Examples:
  $ enxame drill --where provider=aws                     # if every node at one provider were lost
  $ enxame drill bee-1 bee-2
  $ enxame drill bee-1 --yes --for 2m                     # treats it as lost for two minutes
  $ enxame drill end                                      # lets all nodes return now

Shows what would be moved where, what would wait and why, the most important first, and whether the brake would hold. Nothing is
touched without --yes. With it the manager does not hear the nodes any more and brings their containers back elsewhere, while the old copies go on
running; they are ended when the nodes return. Strict ones are ended by their nodes' agents. The drill ends with the manager.

The brake: a manager that reaches fewer than half of the nodes may be the one that is cut off, and moves nothing. 'enxame failover resume'
releases it, and with a --witness it does not hold while that one answers.
${MANAGER_HELP}`;

interface Row {
  /** `wait`: it should run and would not. `stay`: it does not run. */
  readonly Kind: 'brake' | 'move' | 'wait' | 'stay';
  readonly Name: string;
  readonly From: string;
  readonly To: string;
  /** Why it would wait or stay; of a move what does not come along; of the brake what it would see. */
  readonly Why: string;
  /** Of the brake: whether it would hold without a witness. */
  readonly Holds?: boolean;
}

const VIEW: View<Row> = {
  columns: [
    { title: 'WHAT', value: (row) => row.Kind, color: ({ Kind }) => (Kind === 'wait' ? 'red' : 'green') },
    { title: 'NAME', value: (row) => row.Name, keep: 'whole' },
    { title: 'FROM', value: (row) => row.From },
    { title: 'TO', value: (row) => row.To },
    { title: 'WHY', value: (row) => row.Why },
  ],
};

interface Flags extends ChoiceFlags {
  readonly yes?: boolean;
  /** In milliseconds. */
  readonly for?: number;
  readonly force?: boolean;
}

/** How long a drill may last, in milliseconds: what the manager accepts. */
const MIN_FOR_MS = 1_000;
const MAX_FOR_MS = 24 * 3_600_000;

/** `enxame drill`: what a loss of nodes would mean. */
export function configure(command: Command, context: CommandContext): void {
  command.enablePositionalOptions();
  addChoiceFlags(command.argument('[node...]', 'name, ID or address'))
    .option('--yes', 'treat the nodes as lost')
    .option('--for <duration>', "how long, with --yes; default until 'enxame drill end'", durationFlag('--for'))
    .option('--force', 'with --yes, also when the brake would hold and nothing would be moved')
    .option('--format <format>', formatHelp('{{.Name}}\\t{{.To}}'))
    .addHelpText('after', EXAMPLES)
    .action((names: readonly string[], flags: Flags) =>
      context.interruptible((signal) => drill(names, flags, context, signal)),
    );
  addManagerFlags(command.command('end').summary('let nodes return that are treated as lost'))
    .argument('[node...]', 'name, ID or address; default all')
    .action((names: readonly string[], flags: ManagerFlags) =>
      context.interruptible((signal) => end(names, flags, context, signal)),
    );
  for (const each of command.commands) each.description(asSentence(each.summary()));
}

/** Lets nodes return. */
async function end(
  names: readonly string[],
  flags: ManagerFlags,
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  const client = await managerClient(flags, context);
  const before = await drilled(client, signal);
  if (names.length === 0 && before.length === 0) return context.out('No drill is on\n');
  const query = new URLSearchParams(names.map((name): [string, string] => ['node', name]));
  await client.delete(`/enxame/v1/drill?${query}`, signal);
  const left = new Set((await drilled(client, signal)).map(({ id }) => id));
  for (const { id, name } of before)
    if (!left.has(id)) context.out(`${printable(name)} returns: old copies are ended first\n`);
}

async function drilled(client: ManagerClient, signal: AbortSignal): Promise<FailoverAnswer['drill']> {
  return (await client.get<FailoverAnswer>('/enxame/v1/failover', signal)).drill;
}

async function drill(
  names: readonly string[],
  flags: Flags,
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  if (!flags.yes && (flags.for !== undefined || flags.force))
    throw new UsageError('--for and --force are about a drill that is carried out: add --yes, or leave them out');
  if (flags.for !== undefined && (flags.for < MIN_FOR_MS || flags.for > MAX_FOR_MS))
    throw new UsageError('--for should be from 1s to 24h');
  const client = await managerClient(flags, context);
  const nodes = await chosenNodes(names, flags, client, signal);
  const [where] = flags.where ?? [];
  if (nodes.length === 0)
    throw new NotFoundError(`no node has ${printable(where ?? '')}: nothing would be lost`, 'NO_SUCH_NODE');
  const query = new URLSearchParams(nodes.map(({ ID }): [string, string] => ['node', ID]));
  const plan = await client.get<DrillPlan>(`/enxame/v1/plans/drill?${query}`, signal);
  const rows = rowsOf(plan);
  const isTable = flags.format === undefined || flags.format === 'table';
  if (isTable) showPlan(plan, rows, context);
  else context.out(formatRows(VIEW, rows, flags.format, context));
  if (!flags.yes) return;
  const body = { nodes: nodes.map(({ ID }) => ID), forMs: flags.for, force: flags.force };
  await client.post('/enxame/v1/drill', body, signal);
  const lasts = flags.for === undefined ? "until 'enxame drill end'" : `for ${formatDuration(flags.for)}`;
  if (isTable) context.out(`\nTreated as lost now, ${lasts}: ${namesIn(plan)}\n`);
}

function showPlan(plan: DrillPlan, rows: readonly Row[], context: CommandContext): void {
  const containers = rows.filter(({ Kind }) => Kind !== 'brake');
  if (containers.length === 0) context.out(`Nothing would be lost: no container is on ${namesIn(plan)}\n`);
  else context.out(formatRows(VIEW, containers, 'table', context));
  context.out(`\n${printable(brakeWords(plan))}\n`);
}

function namesIn({ reason }: DrillPlan): string {
  return reason.lost.map(({ name }) => printable(name)).join(', ');
}

function rowsOf(plan: DrillPlan): readonly Row[] {
  const { moves, stays, brake } = plan;
  return [
    ...moves.map(({ container, from, to, loses }): Row => {
      const Why = loses.length === 0 ? '' : `loses ${loses.join(', ')}`;
      return { Kind: 'move', Name: container.name, From: from.name, To: to.name, Why };
    }),
    ...stays.map(
      ({ container, node, why, waits }): Row => ({
        Kind: waits ? 'wait' : 'stay',
        Name: container.name,
        From: node.name,
        To: '',
        Why: why,
      }),
    ),
    { Kind: 'brake', Name: '', From: '', To: '', Why: brakeWords(plan), Holds: brake.holds },
  ];
}

function brakeWords({ brake: { left, of, holds, hasWitness } }: DrillPlan): string {
  const seen = `${left} of ${of} nodes would answer`;
  if (!holds) return `The brake would not hold: ${seen}`;
  if (hasWitness) return `${seen}: without an answer of the witness the brake would hold, and nothing would be moved`;
  return `The brake would hold, and nothing would be moved: ${seen}. Give the manager a --witness, or run 'enxame failover resume' then`;
}
