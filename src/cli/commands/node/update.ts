import type { Command } from 'commander';
import type { DockerNode } from '../../../api/views/docker-node.ts';
import { reasonOf, UsageError } from '../../../common/errors.ts';
import type { CommandContext } from '../../command.ts';
import { type ManagerClient, managerClient } from '../../manager-client.ts';
import { formatHelp, formatRows, type View } from '../../output/format.ts';
import { addChoiceFlags, type ChoiceFlags, chosenNodes, collect } from './nodes.ts';

interface Flags extends ChoiceFlags {
  readonly availability?: string;
  readonly labelAdd?: readonly string[];
  readonly labelRm?: readonly string[];
  readonly dryRun?: boolean;
}

type Spec = DockerNode['Spec'];

interface Row {
  readonly Name: string;
  readonly ID: string;
  readonly Changes: readonly string[];
  /** False with `--dry-run`, and where there was nothing to change. */
  readonly IsDone: boolean;
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
  addChoiceFlags(node.command('update').summary('pause nodes, or change their labels').argument('[node...]'))
    .option('--availability <state>', 'active, or pause: no new containers')
    .option('--label-add <key=value>', 'add or change a label; may be repeated', collect)
    .option('--label-rm <key>', 'remove a label; may be repeated', collect)
    .option('--dry-run', 'print the changes without making them')
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
  const client = await managerClient(flags, context);
  const rows: Row[] = [];
  // All are looked up before one is changed.
  for (const node of await chosenNodes(names, flags, client, signal)) {
    const { Hostname: Name } = node.Description;
    const Changes = differences(node.Spec, change(node.Spec));
    const isDue = Changes.length > 0 && !flags.dryRun;
    if (isDue) await apply(node, change, client, signal);
    rows.push({ Name, ID: node.ID, Changes, IsDone: isDue });
  }
  context.out(formatRows(VIEW, rows, flags.format, context));
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
  if (availability === 'drain')
    throw new UsageError(
      "--availability drain: this version does not move containers yet; 'pause' keeps new ones away",
    );
  if (availability !== undefined && availability !== 'active' && availability !== 'pause')
    throw new UsageError(`--availability "${availability}" is neither active nor pause`);
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
