import { type Command, Option } from 'commander';
import { asSentence, type CommandContext } from '../command.ts';
import { configure as create } from './machine/create.ts';
import { configure as env } from './machine/env.ts';
import { configure as fleet } from './machine/fleet.ts';
import { configure as ls } from './machine/ls.ts';
import { configure as power } from './machine/power.ts';
import { configure as remote } from './machine/remote.ts';
import { configure as rm } from './machine/rm.ts';
import { configure as share } from './machine/share.ts';
import { configure as show } from './machine/show.ts';

const EXAMPLES = `
Examples:
  $ enxame machine create -d local queen       # a Docker host, here in a second
  $ eval "$(enxame machine env queen)"         # docker talks to it
  $ enxame machine ls
  $ enxame machine rm -y queen

A command without a machine's name is about the machine "default".`;

/** `enxame machine`: hosts with Docker engines at any provider. What its commands do is loaded when one runs. */
export function configure(command: Command, context: CommandContext): void {
  command
    .option(
      '-s, --storage-path <folder>',
      'where machines are kept ($ENXAME_MACHINE_STORAGE_PATH; default: ~/.enxame/machine)',
    )
    .option('--tls-ca-cert <file>', 'an authority of yours for new machines ($MACHINE_TLS_CA_CERT; default: our own)')
    .option('--tls-ca-key <file>', 'its key ($MACHINE_TLS_CA_KEY)')
    .option('--tls-client-cert <file>', 'your certificate of it ($MACHINE_TLS_CLIENT_CERT; default: one is issued)')
    .option('--tls-client-key <file>', 'the key of that ($MACHINE_TLS_CLIENT_KEY)')
    .option('--native-ssh', "our own SSH for the command ssh, not the system's ($MACHINE_NATIVE_SSH)")
    // Scripts of docker-machine give these; there is nothing here they would be for.
    .addOption(new Option('-D').hideHelp())
    .addOption(new Option('--github-api-token <token>').hideHelp())
    .addOption(new Option('--bugsnag-api-token <token>').hideHelp())
    .enablePositionalOptions()
    .addHelpText('after', EXAMPLES);
  for (const part of [create, ls, env, show, power, rm, remote, share, fleet]) part(command, context);
  for (const each of command.commands) each.description(asSentence(each.summary()));
}
