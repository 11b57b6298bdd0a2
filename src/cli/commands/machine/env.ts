import type { Command } from 'commander';
import { UsageError } from '../../../common/errors.ts';
import type { Endpoint } from '../../../machine/endpoint.ts';
import type { CommandContext } from '../../command.ts';
import { detectShell, type Settings, SHELL_NAMES, shellText } from './shells.ts';
import { machineContext, wantedName } from './surroundings.ts';

interface EnvFlags {
  readonly swarm?: boolean;
  readonly shell?: string;
  readonly unset?: boolean;
  readonly proxy: boolean;
}

/** `env` and `config`: the way of `docker` to a machine, or to the cluster behind it. */
export function configure(machine: Command, cli: CommandContext): void {
  machine
    .command('env')
    .summary('print the environment for docker')
    .argument('[machine]')
    .option('--swarm', 'for the cluster whose manager the machine runs')
    .option('--shell <shell>', `shell, if not this one: ${SHELL_NAMES.join(', ')}`)
    .option('-u, --unset', 'print commands that unset the variables')
    .option('--no-proxy', "add the machine's address to NO_PROXY")
    .addHelpText(
      'after',
      '\nExample:\n  $ eval "$(enxame machine env --swarm queen)"\n\nOf several managers one that answers is taken, and all are in $ENXAME_MANAGERS: enxame connect makes one local address of them.',
    )
    .action((name: string | undefined, flags: EnvFlags, command: Command) => env(name, flags, command, cli));
  machine
    .command('config')
    .summary('print the flags for docker')
    .argument('[machine]')
    .option('--swarm', 'for the cluster whose manager the machine runs')
    .addHelpText('after', '\nExample:\n  $ docker $(enxame machine config queen) ps')
    .action((name: string | undefined, flags: EnvFlags, command: Command) => config(name, flags, command, cli));
}

const VARIABLES = [
  'DOCKER_TLS_VERIFY',
  'DOCKER_HOST',
  'DOCKER_CERT_PATH',
  'DOCKER_MACHINE_NAME',
  'ENXAME_MANAGERS',
] as const;

async function env(name: string | undefined, flags: EnvFlags, command: Command, cli: CommandContext): Promise<void> {
  const shell = detectShell(flags.shell, cli.env, process.platform);
  if (flags.unset) {
    const names = flags.proxy ? VARIABLES : [...VARIABLES, 'NO_PROXY'];
    cli.out(shellText(shell, new Map(names.map((each) => [each, undefined])), hint(command, [])));
    return;
  }
  const { endpoint, wanted, machine, managers } = await endpointOf(name, flags, command, cli);
  const settings: Settings = new Map([
    ['DOCKER_TLS_VERIFY', endpoint.certPath === undefined ? undefined : '1'],
    ['DOCKER_HOST', endpoint.url],
    ['DOCKER_CERT_PATH', endpoint.certPath],
    ['DOCKER_MACHINE_NAME', machine],
    ...(managers === undefined ? [] : ([['ENXAME_MANAGERS', managers.join(',')]] as const)),
    ...noProxy(flags, endpoint, cli),
    ...(process.platform === 'win32' ? ([['COMPOSE_CONVERT_WINDOWS_PATHS', 'true']] as const) : []),
  ]);
  const words = [...(flags.swarm ? ['--swarm'] : []), ...(flags.shell ? ['--shell', shell] : []), wanted];
  cli.out(shellText(shell, settings, hint(command, words)));
}

/** The command that was run, as the hint repeats it. */
function hint(command: Command, words: readonly string[]): string {
  const { storagePath } = command.optsWithGlobals<{ readonly storagePath?: string }>();
  const place = storagePath === undefined ? [] : ['-s', storagePath];
  const rest = words.length === 0 ? ['env', '-u'] : ['env', ...words];
  return ['enxame', 'machine', ...place, ...rest].join(' ');
}

function noProxy(flags: EnvFlags, endpoint: Endpoint, cli: CommandContext): [string, string][] {
  if (flags.proxy) return [];
  const name = cli.env.NO_PROXY === undefined && cli.env.no_proxy !== undefined ? 'no_proxy' : 'NO_PROXY';
  const known = (cli.env[name] ?? '').split(',').filter((host) => host !== '');
  return [[name, [...new Set([...known, endpoint.host])].join(',')]];
}

async function config(name: string | undefined, flags: EnvFlags, command: Command, cli: CommandContext): Promise<void> {
  const { endpoint } = await endpointOf(name, flags, command, cli);
  const { certPath, url } = endpoint;
  if (certPath !== undefined && /\s/.test(certPath))
    throw new UsageError(`"${certPath}" contains a space, and $(…) would split it: use "enxame machine env" instead`);
  const tls =
    certPath === undefined
      ? []
      : [
          '--tlsverify',
          `--tlscacert=${certPath}/ca.pem`,
          `--tlscert=${certPath}/cert.pem`,
          `--tlskey=${certPath}/key.pem`,
        ];
  cli.out(`${[...tls, `-H=${url}`].join('\n')}\n`);
}

async function endpointOf(
  name: string | undefined,
  flags: Pick<EnvFlags, 'swarm'>,
  command: Command,
  cli: CommandContext,
): Promise<{ endpoint: Endpoint; wanted: string; machine: string; managers: readonly string[] | undefined }> {
  const { checkedEndpoint } = await import('../../../machine/endpoint.ts');
  const context = await machineContext(command, cli);
  const wanted = await wantedName(name, context);
  return await cli.interruptible(async (signal) => {
    const checked = await checkedEndpoint(wanted, flags.swarm ?? false, context, signal);
    for (const warning of checked.warnings) cli.err(`warning: ${warning}\n`);
    return { endpoint: checked.endpoint, wanted, machine: checked.name, managers: checked.managers };
  });
}
