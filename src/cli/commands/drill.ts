import type { Command } from 'commander';
import type { DrillPlan } from '../../api/routes/plans.ts';
import { NotFoundError } from '../../common/errors.ts';
import { printable } from '../../common/printable.ts';
import type { CommandContext } from '../command.ts';
import { MANAGER_HELP, managerClient } from '../manager-client.ts';
import { formatHelp, formatRows, type View } from '../output/format.ts';
import { addChoiceFlags, type ChoiceFlags, chosenNodes } from './node/nodes.ts';

const EXAMPLES = `
Examples:
  $ enxame drill --where provider=aws                     # if every node at one provider were lost
  $ enxame drill bee-1 bee-2

Shows what would be moved where, what would wait and why, the most important first, and whether the brake would hold. Nothing is
touched.
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

/** `enxame drill`: what a loss of nodes would mean. */
export function configure(command: Command, context: CommandContext): void {
  addChoiceFlags(command.argument('[node...]', 'name, ID or address'))
    .option('--format <format>', formatHelp('{{.Name}}\\t{{.To}}'))
    .addHelpText('after', EXAMPLES)
    .action((names: readonly string[], flags: ChoiceFlags) =>
      context.interruptible((signal) => drill(names, flags, context, signal)),
    );
}

async function drill(
  names: readonly string[],
  flags: ChoiceFlags,
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  const client = await managerClient(flags, context);
  const nodes = await chosenNodes(names, flags, client, signal);
  const [where] = flags.where ?? [];
  if (nodes.length === 0)
    throw new NotFoundError(`no node has ${printable(where ?? '')}: nothing would be lost`, 'NO_SUCH_NODE');
  const query = new URLSearchParams(nodes.map(({ ID }): [string, string] => ['node', ID]));
  const plan = await client.get<DrillPlan>(`/enxame/v1/plans/drill?${query}`, signal);
  const rows = rowsOf(plan);
  const isTable = flags.format === undefined || flags.format === 'table';
  if (!isTable) return context.out(formatRows(VIEW, rows, flags.format, context));
  const containers = rows.filter(({ Kind }) => Kind !== 'brake');
  const lost = plan.reason.lost.map(({ name }) => printable(name)).join(', ');
  if (containers.length === 0) context.out(`Nothing would be lost: no container is on ${lost}\n`);
  else context.out(formatRows(VIEW, containers, flags.format, context));
  context.out(`\n${printable(brakeWords(plan))}\n`);
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
