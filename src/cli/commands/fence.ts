import { Argument, type Command } from 'commander';
import { printable } from '../../common/printable.ts';
import type { CommandContext } from '../command.ts';
import { addManagerFlags, MANAGER_HELP, type ManagerFlags, managerClient } from '../manager-client.ts';

const EXAMPLES = `
Examples:
  $ enxame fence strict db                                # from now on it must never run twice
  $ enxame fence off db                                   # it may again, for a moment, after its node was lost

As the label io.enxame.fence does for a container that is about to be created. Strict ends when the agent of the container's node has
said that it ends it, and the engine does not restart it by itself any more; the container goes on running. It needs an agent on the node (enxame
join --fence). The label that docker shows is the one it was created with until the container is moved; enxame explain says what holds.
${MANAGER_HELP}`;

/** The manager waits for the agent for 30 seconds. */
const PATIENCE_MS = 90_000;

/** `enxame fence`: whether containers that are there must never run twice. */
export function configure(command: Command, context: CommandContext): void {
  const choice = new Argument('<strict|off>', 'whether they must never run twice').choices(['strict', 'off']);
  addManagerFlags(command.addArgument(choice).argument('<container...>', 'name or ID'))
    .addHelpText('after', EXAMPLES)
    .action((fence: string, containers: readonly string[], flags: ManagerFlags) =>
      context.interruptible((signal) => setFence(fence, { containers, flags, context, signal })),
    );
}

interface Asked {
  readonly containers: readonly string[];
  readonly flags: ManagerFlags;
  readonly context: CommandContext;
  readonly signal: AbortSignal;
}

async function setFence(fence: string, { containers, flags, context, signal }: Asked): Promise<void> {
  const client = await managerClient(flags, context);
  for (const container of containers) {
    await client.post(`/enxame/v1/containers/${encodeURIComponent(container)}/fence`, { fence }, signal, PATIENCE_MS);
    context.out(`${printable(container)}\n`);
  }
}
