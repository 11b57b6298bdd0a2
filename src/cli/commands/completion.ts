import { Argument, type Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { COMPLETION_SHELLS, type CompletionShell, completionScript } from '../completion/scripts.ts';

const EXAMPLES = `
Examples:
  bash, in ~/.bashrc:                  source <(enxame completion bash)
  zsh, in ~/.zshrc after compinit:     source <(enxame completion zsh)
  fish:                                enxame completion fish > ~/.config/fish/completions/enxame.fish

The script asks enxame for commands, flags and machines, and for the nodes and containers of the manager given by -H,
$DOCKER_HOST or the docker context.`;

/** `enxame completion`: prints a shell's script, which asks the program for the words. */
export function configure(command: Command, context: CommandContext): void {
  command
    .addArgument(new Argument('<shell>', 'the shell').choices(COMPLETION_SHELLS))
    .addHelpText('after', EXAMPLES)
    .action((shell: CompletionShell) => context.out(completionScript(shell, 'enxame')));
}
