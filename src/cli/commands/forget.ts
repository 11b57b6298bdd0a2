import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { addManagerFlags, MANAGER_HELP, type ManagerFlags, managerClient } from '../manager-client.ts';

const EXAMPLES = `
Examples:
  $ enxame info                                           # warns of lost nodes with containers or volumes
  $ enxame forget bee-3                                   # gives up its containers and volumes

A node that leaves discovery with containers or volumes is remembered, and its volumes keep their home, so that no empty one
is created elsewhere. Forgetting deletes nothing on the engine: when it returns, its containers and volumes are back.
${MANAGER_HELP}`;

/** `enxame forget`: gives up the containers and volumes of nodes that left. */
export function configure(command: Command, context: CommandContext): void {
  addManagerFlags(command.argument('<node...>', 'name, ID or address of a lost node'))
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
