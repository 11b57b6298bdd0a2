import type { Command } from 'commander';
import type { Plan } from '../../availability/plan.ts';
import { type CarryOutFlags, carryOut, countFlag } from '../carry-out.ts';
import type { CommandContext } from '../command.ts';
import { addManagerFlags, MANAGER_HELP, type ManagerFlags, managerClient } from '../manager-client.ts';
import { addRunFlags } from './move.ts';
import { collect } from './node/nodes.ts';

const EXAMPLES = `
Examples:
  $ enxame rebalance --dry-run                            # what would move, and why others stay
  $ enxame rebalance --max-moves 5 --yes
  $ enxame rebalance --where region=eu                    # among these nodes alone

After a node was lost, drained or added: as few moves as spread the replicas of services over failure domains and nodes again, and then
containers over nodes. Nothing moves that would not move by itself; what has data in volumes stays unless --with-volumes is given.
${MANAGER_HELP}`;

interface Flags extends ManagerFlags, CarryOutFlags {
  readonly where?: readonly string[];
  readonly maxMoves?: number;
  readonly withVolumes?: boolean;
}

/** `enxame rebalance`: restores the spread. */
export function configure(command: Command, context: CommandContext): void {
  addRunFlags(addManagerFlags(command))
    .option('--max-moves <n>', 'at most so many moves (default 100)', countFlag('--max-moves', 1, 10_000))
    .option('--where <label=value>', 'among nodes with this label; may be repeated', collect)
    .option('--with-volumes', 'containers with data in volumes, too: they are stopped while it is copied')
    .addHelpText('after', EXAMPLES)
    .action((flags: Flags) => context.interruptible((signal) => rebalance(flags, context, signal)));
}

async function rebalance(flags: Flags, context: CommandContext, signal: AbortSignal): Promise<void> {
  const client = await managerClient(flags, context);
  const query = new URLSearchParams([
    ...(flags.maxMoves === undefined ? [] : [['max-moves', String(flags.maxMoves)] as [string, string]]),
    ...(flags.where ?? []).map((label): [string, string] => ['where', label]),
    ...(flags.withVolumes ? [['volumes', 'true'] as [string, string]] : []),
  ]);
  const make = (): Promise<Plan> => client.get<Plan>(`/enxame/v1/plans/rebalance?${query}`, signal);
  await carryOut(make, flags, client, context, signal);
}
