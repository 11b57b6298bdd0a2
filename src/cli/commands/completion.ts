import { Argument, type Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { bashCompletion } from '../completion/bash.ts';
import { fishCompletion } from '../completion/fish.ts';
import { type CommandNode, commandTree } from '../completion/tree.ts';
import { zshCompletion } from '../completion/zsh.ts';

type Shell = 'bash' | 'zsh' | 'fish';

const WRITERS: Readonly<Record<Shell, (name: string, root: CommandNode) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

const EXAMPLES = `
Examples:
  bash, in ~/.bashrc:                  source <(enxame completion bash)
  zsh, in ~/.zshrc after compinit:     source <(enxame completion zsh)
  fish:                                enxame completion fish > ~/.config/fish/completions/enxame.fish`;

/** `enxame completion`: prints a script made from the commands and flags there are. */
export function configure(command: Command, context: CommandContext): void {
  command
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(WRITERS)))
    .addHelpText('after', EXAMPLES)
    .action(async (shell: Shell) => {
      const program = await context.wholeProgram();
      context.out(WRITERS[shell](program.name(), commandTree(program)));
    });
}
