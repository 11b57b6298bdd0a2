import { type Command, Option } from 'commander';
import type { DockerNode } from '../../../api/views/docker-node.ts';
import { formatPlan } from '../../../availability/format-plan.ts';
import type { Plan, PlannedMove, PlannedStay } from '../../../availability/plan.ts';
import { AVAILABILITIES } from '../../../cluster/node-settings.ts';
import { reasonOf, UsageError } from '../../../common/errors.ts';
import { printable } from '../../../common/printable.ts';
import type { Availability } from '../../../scheduler/types.ts';
import { carryOut } from '../../carry-out.ts';
import type { CommandContext } from '../../command.ts';
import { type ManagerClient, managerClient } from '../../manager-client.ts';
import { formatHelp, formatRows, type View } from '../../output/format.ts';
import { addChoiceFlags, type ChoiceFlags, chosenNodes, collect } from './nodes.ts';

interface Flags extends ChoiceFlags {
  readonly availability?: Availability;
  readonly labelAdd?: readonly string[];
  readonly labelRm?: readonly string[];
  readonly dryRun?: boolean;
  readonly withVolumes?: boolean;
  readonly yes?: boolean;
}

type Spec = DockerNode['Spec'];

interface Row {
  readonly Name: string;
  readonly ID: string;
  readonly Changes: readonly string[];
  /** False with `--dry-run`, and where there was nothing to change. */
  readonly IsDone: boolean;
  /** Of a drain: what moves, as planned before it begins. */
  readonly Moves?: readonly PlannedMove[];
  readonly Stays?: readonly PlannedStay[];
}

const VIEW: View<Row> = {
  columns: [
    { title: 'NAME', value: (row) => row.Name, keep: 'whole' },
    { title: 'CHANGES', value: ({ Changes }) => (Changes.length === 0 ? 'none' : Changes.join(', ')) },
  ],
};

/** Tries at most, when others change the same node. */
const ATTEMPTS = 5;

/** `update`. */
export function configure(node: Command, context: CommandContext): void {
  addChoiceFlags(node.command('update').summary('pause or drain nodes, or change their labels').argument('[node...]'))
    .addOption(
      new Option('--availability <state>', 'pause: no new containers; drain: what may move leaves, too').choices(
        AVAILABILITIES,
      ),
    )
    .option('--label-add <key=value>', 'add or change a label; may be repeated', collect)
    .option('--label-rm <key>', 'remove a label; may be repeated', collect)
    .option('--with-volumes', 'with drain: what has data in volumes leaves, too; it is stopped while they are copied')
    .option('--yes', 'do not ask before volumes are copied')
    .option('--dry-run', 'print the changes, and of a drain the plan, without making them')
    .option('--format <format>', formatHelp('{{.Name}}\\t{{.Changes}}'))
    .action((names: readonly string[], flags: Flags) =>
      context.interruptible((signal) => update(names, flags, context, signal)),
    );
}

async function update(
  names: readonly string[],
  flags: Flags,
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  const change = readChange(flags);
  assertDrains(flags);
  const client = await managerClient(flags, context);
  // All are looked up, and the drain is planned, before one is changed.
  const nodes = await chosenNodes(names, flags, client, signal);
  const plan = flags.availability === 'drain' ? await drainPlan(nodes, client, signal) : undefined;
  const rows: Row[] = [];
  for (const node of nodes) {
    const Changes = differences(node.Spec, change(node.Spec));
    const isDue = Changes.length > 0 && !flags.dryRun;
    if (isDue) await apply(node, change, client, signal);
    rows.push({ Name: node.Description.Hostname, ID: node.ID, Changes, IsDone: isDue, ...partOf(plan, node) });
  }
  context.out(formatRows(VIEW, rows, flags.format, context));
  if (plan && isTable(flags.format)) context.out(`\n${printablePlan(plan)}\n`);
  if (plan && flags.withVolumes) {
    context.out('\nWith their volumes:\n');
    const { yes = false, dryRun = false } = flags;
    await carryOut(() => planOf(nodes, true, client, signal), { yes, dryRun }, client, context, signal);
  }
}

/** Throws a {@link UsageError} for volumes without a drain, or what cannot be printed as the plan of their moves. */
function assertDrains({ withVolumes, availability, format }: Flags): void {
  if (withVolumes && availability !== 'drain') throw new UsageError('--with-volumes goes with --availability drain');
  if (withVolumes && !isTable(format)) throw new UsageError('--with-volumes asks, and has no --format');
}

/** What the drain moves of nodes that are in the cluster; undefined when none is. */
async function drainPlan(
  nodes: readonly DockerNode[],
  client: ManagerClient,
  signal: AbortSignal,
): Promise<Plan | undefined> {
  return presentOf(nodes).length === 0 ? undefined : await planOf(nodes, false, client, signal);
}

function presentOf(nodes: readonly DockerNode[]): readonly DockerNode[] {
  return nodes.filter(({ Status }) => Status.State !== 'disconnected');
}

/** `withVolumes`: of what the drain leaves because of its volumes. */
async function planOf(
  nodes: readonly DockerNode[],
  withVolumes: boolean,
  client: ManagerClient,
  signal: AbortSignal,
): Promise<Plan> {
  const query = new URLSearchParams(presentOf(nodes).map(({ ID }): [string, string] => ['node', ID]));
  if (withVolumes) query.set('volumes', 'true');
  return await client.get<Plan>(`/enxame/v1/plans/drain?${query}`, signal);
}

function partOf(plan: Plan | undefined, { ID }: DockerNode): Pick<Row, 'Moves' | 'Stays'> {
  if (!plan) return {};
  return {
    Moves: plan.moves.filter(({ from }) => from.id === ID),
    Stays: plan.stays.filter(({ node }) => node.id === ID),
  };
}

function isTable(format: string | undefined): boolean {
  return format === undefined || format === 'table' || format === '';
}

function printablePlan(plan: Plan): string {
  return formatPlan(plan).split('\n').map(printable).join('\n');
}

/** Sends a change; reads the node again when another change came first. */
async function apply(
  { ID, Version, Spec }: DockerNode,
  change: (spec: Spec) => Spec,
  client: ManagerClient,
  signal: AbortSignal,
): Promise<void> {
  const path = `/nodes/${encodeURIComponent(ID)}`;
  let now: Pick<DockerNode, 'Version' | 'Spec'> = { Version, Spec };
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await client.post(`${path}/update?version=${now.Version.Index}`, change(now.Spec), signal);
    } catch (error) {
      if (attempt === ATTEMPTS || !reasonOf(error).includes('update out of sequence')) throw error;
      now = await client.get<DockerNode>(path, signal);
    }
  }
}

function readChange({ availability, labelAdd = [], labelRm = [] }: Flags): (spec: Spec) => Spec {
  if (availability === undefined && labelAdd.length + labelRm.length === 0)
    throw new UsageError('nothing to change: give --availability, --label-add or --label-rm');
  const added = labelAdd.map((text) => {
    const equals = text.indexOf('=');
    return equals === -1 ? ([text, ''] as const) : ([text.slice(0, equals), text.slice(equals + 1)] as const);
  });
  const both = added.find(([key]) => labelRm.includes(key));
  if (both) throw new UsageError(`label ${both[0]} is both added and removed`);
  return (spec) => {
    const kept = Object.entries(spec.Labels).filter(([key]) => !labelRm.includes(key));
    return {
      ...spec,
      Labels: Object.fromEntries([...kept, ...added]),
      Availability: availability ?? spec.Availability,
    };
  };
}

function differences(before: Spec, after: Spec): readonly string[] {
  const keys = [...new Set([...Object.keys(before.Labels), ...Object.keys(after.Labels)])];
  const labels = keys.flatMap((key) => {
    const [was, is] = [before.Labels[key], after.Labels[key]];
    if (was === is) return [];
    if (is === undefined) return `label ${key} removed`;
    return was === undefined ? `label ${key}=${is} added` : `label ${key} from ${was} to ${is}`;
  });
  const { Availability: from } = before;
  return from === after.Availability ? labels : [`availability from ${from} to ${after.Availability}`, ...labels];
}
