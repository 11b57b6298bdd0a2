import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { completeLine } from './complete.ts';
import { namesFor } from './names.ts';
import { commandTree } from './tree.ts';
import { readTypedLine } from './typed-line.ts';

/**
 * `enxame __complete WORD…`: what may stand in place of the last word. `program` has at least the command of the line complete.
 */
export async function completeWords(
  words: readonly string[],
  program: Command,
  context: CommandContext,
): Promise<string> {
  await addFlagsOfDriver(words, program);
  return await completeLine(commandTree(program), words, namesFor(context));
}

/** `machine create -d DRIVER` has the driver's flags too. */
async function addFlagsOfDriver(words: readonly string[], program: Command): Promise<void> {
  const { node, flags } = readTypedLine(commandTree(program), words);
  const driver = flags.get('--driver');
  if (node.path.join(' ') !== 'machine create' || !driver) return;
  const [{ loadDriver }, { addDriverFlags }] = await Promise.all([
    import('../../drivers/drivers.ts'),
    import('../commands/machine/driver-flags.ts'),
  ]);
  const create = program.commands
    .find((each) => each.name() === 'machine')
    ?.commands.find((each) => each.name() === 'create');
  // A driver that does not exist has no flags; the command says so when it runs.
  const known = await loadDriver(driver).catch(() => undefined);
  if (create !== undefined && known !== undefined) addDriverFlags(create, known);
}
