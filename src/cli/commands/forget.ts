import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { addManagerFlags, MANAGER_HELP, type ManagerFlags, managerClient } from '../manager-client.ts';

const EXAMPLES = `
Examples:
  $ enxame info                                           # warns of nodes that are gone with something on them
  $ enxame forget bee-3                                   # its containers and volumes are given up

A node that leaves discovery with containers or volumes on it is remembered, and its volumes keep their home: nobody makes
an empty one elsewhere. Forgetting it deletes nothing on its engine; when it comes back, what it has is there again.
${MANAGER_HELP}`;

/** `enxame forget`: gives up what nodes that left held. */
export function configure(command: Command, context: CommandContext): void {
  addManagerFlags(command.argument('<node...>', 'name, ID or address of a node that is gone'))
    .addHelpText('after', EXAMPLES)
    .action((nodes: readonly string[], flags: ManagerFlags) =>
      context.interruptible((signal) => forget(nodes, flags, context, signal)),
    );
}

async function forget(
  nodes: readonly string[],
  flags: ManagerFlags,
  context: CommandContext,
  signal: AbortSignal,
): Promise<void> {
  const client = await managerClient(flags, context);
  for (const node of nodes) {
    await client.delete(`/nodes/${encodeURIComponent(node)}`, signal);
    context.out(`${node}\n`);
  }
}
