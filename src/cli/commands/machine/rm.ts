import type { Command } from 'commander';
import type { CommandContext } from '../../command.ts';
import { confirm } from '../../confirm.ts';
import { onEach } from './each.ts';
import { machineContext, wantedNames } from './surroundings.ts';

interface Flags {
  readonly force?: boolean;
  readonly y?: boolean;
}

/** `enxame machine rm`. */
export function configure(machine: Command, cli: CommandContext): void {
  machine
    .command('rm')
    .summary('remove machines, also at their providers')
    .argument('[machine...]')
    .option('-f, --force', 'remove machines from the list even if the provider fails; do not ask')
    .option('-y', 'do not ask')
    .action((names: readonly string[], flags: Flags, command: Command) => rm(names, flags, command, cli));
}

async function rm(names: readonly string[], flags: Flags, command: Command, cli: CommandContext): Promise<void> {
  const context = await machineContext(command, cli);
  const wanted = await wantedNames(names, context);
  if (!flags.y && !flags.force) {
    cli.err(`About to remove ${wanted.join(', ')}\n`);
    cli.err('WARNING: This action will delete both local reference and remote instance.\n');
    if (!(await confirm('Are you sure?', '-y', cli))) return;
  }
  const [{ openByName }, { removeMachine }, { removeDockerContexts }] = await Promise.all([
    import('../../../machine/machine.ts'),
    import('../../../machine/power.ts'),
    import('../../../machine/share/docker-context.ts'),
  ]);
  await onEach(wanted, cli, async (name, task) => {
    task.report('removing');
    const stored = await context.store.load(name).catch(() => undefined);
    await removeMachine(name, context, () => openByName(name, context, task), flags.force ?? false, task);
    const contexts = stored === undefined ? [] : await removeDockerContexts(stored.record, cli.env);
    for (const each of contexts) task.report(`removed the docker context ${each}`);
    task.report(`Successfully removed ${name}`);
  });
}
