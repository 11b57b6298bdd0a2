import type { Command } from 'commander';
import type { CommandContext } from '../../command.ts';
import { globalFlags, machineContext, wantedName } from './surroundings.ts';

/** `ssh`, `scp` and `mount`: other programs run against a machine. */
export function configure(machine: Command, cli: CommandContext): void {
  machine
    .command('ssh')
    .summary('log in to a machine, or run a command on it')
    .argument('[machine]')
    .argument('[command...]')
    .allowUnknownOption()
    .passThroughOptions()
    .addHelpText('after', '\nExample:\n  $ enxame machine ssh queen -- free -m')
    .action((name: string | undefined, words: readonly string[], _flags: object, command: Command) =>
      ssh(name, words, command, cli),
    );
  machine
    .command('scp')
    .summary('copy files to, from and between machines')
    .argument('<from>', '[machine:]path')
    .argument('<to>', '[machine:]path')
    .option('-r, --recursive', 'copy folders recursively')
    .option('-d, --delta', 'send differences only, with rsync')
    .option('-q, --quiet', 'no progress')
    .action((from: string, to: string, flags: CopyFlags, command: Command) => scp(from, to, flags, command, cli));
  machine
    .command('mount')
    .summary('mount a folder of a machine, with sshfs')
    .argument('<from>', 'machine:path')
    .argument('[folder]', 'mount point (default: the same path)')
    .option('-u, --unmount', 'unmount it')
    .action((from: string, folder: string | undefined, flags: { readonly unmount?: boolean }, command: Command) =>
      mount(from, folder, flags.unmount ?? false, command, cli),
    );
}

interface CopyFlags {
  readonly recursive?: boolean;
  readonly delta?: boolean;
  readonly quiet?: boolean;
}

async function ssh(
  name: string | undefined,
  words: readonly string[],
  command: Command,
  cli: CommandContext,
): Promise<void> {
  const { runOn } = await import('../../../machine/remote.ts');
  const context = await machineContext(command, cli);
  // The first of `--`, which kept the words after it from being read as flags of ours, is not part of the command.
  const wanted = await wantedName(name === '--' ? undefined : name, context);
  const isNative = globalFlags(command, cli).nativeSsh;
  await runOn(wanted, words[0] === '--' ? words.slice(1) : words, context, { isNative });
}

async function scp(from: string, to: string, flags: CopyFlags, command: Command, cli: CommandContext): Promise<void> {
  const { copyFiles } = await import('../../../machine/remote.ts');
  await copyFiles(from, to, flags, await machineContext(command, cli));
}

async function mount(
  from: string,
  folder: string | undefined,
  isUnmount: boolean,
  command: Command,
  cli: CommandContext,
): Promise<void> {
  const { mountFolder, unmountFolder } = await import('../../../machine/remote.ts');
  const context = await machineContext(command, cli);
  await (isUnmount ? unmountFolder(from, folder) : mountFolder(from, folder, context));
}
