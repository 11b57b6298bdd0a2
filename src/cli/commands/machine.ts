import { type Command, Option } from 'commander';
import { asSentence, type CommandContext } from '../command.ts';
import { configure as create } from './machine/create.ts';
import { configure as drivers } from './machine/drivers.ts';
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
  $ enxame machine create -d local queen       # a Docker host on this computer
  $ eval "$(enxame machine env queen)"         # docker uses it
  $ enxame machine ls
  $ enxame machine rm -y queen

The default machine is called "default".`;

/** `enxame machine`: Docker hosts at any provider. The work of its commands is loaded on use. */
export function configure(command: Command, context: CommandContext): void {
  command
    .option(
      '-s, --storage-path <folder>',
      'folder of the machines ($ENXAME_MACHINE_STORAGE_PATH; default: ~/.enxame/machine)',
    )
    .option(
      '--tls-ca-cert <file>',
      'certificate authority for new machines ($MACHINE_TLS_CA_CERT; default: a generated one)',
    )
    .option('--tls-ca-key <file>', 'key of that authority ($MACHINE_TLS_CA_KEY)')
    .option(
      '--tls-client-cert <file>',
      'client certificate of that authority ($MACHINE_TLS_CLIENT_CERT; default: a new one)',
    )
    .option('--tls-client-key <file>', 'key of the client certificate ($MACHINE_TLS_CLIENT_KEY)')
    .option('--native-ssh', 'built-in SSH client for the command ssh ($MACHINE_NATIVE_SSH)')
    // Given by scripts of docker-machine; without meaning here.
    .addOption(new Option('-D').hideHelp())
    .addOption(new Option('--github-api-token <token>').hideHelp())
    .addOption(new Option('--bugsnag-api-token <token>').hideHelp())
    .enablePositionalOptions()
    .addHelpText('after', EXAMPLES);
  for (const part of [create, ls, env, show, drivers, power, rm, remote, share, fleet]) part(command, context);
  for (const each of command.commands) each.description(asSentence(each.summary()));
}
