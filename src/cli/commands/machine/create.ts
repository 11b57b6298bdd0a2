import { type Command, Option } from 'commander';
import { UsageError } from '../../../common/errors.ts';
import type { CreateRequest } from '../../../machine/create.ts';
import type { MachineDeps } from '../../../machine/machine.ts';
import { isMeshPublic } from '../../../machine/mesh-port.ts';
import type { EngineSettings, SwarmSettings } from '../../../machine/record.ts';
import type { CommandContext } from '../../command.ts';
import { addDriverFlags, driverValues } from './driver-flags.ts';
import { onEach } from './each.ts';
import { collect, machineContext, makingContext } from './surroundings.ts';
import { checkSwarms } from './swarm-check.ts';

interface Flags {
  readonly driver: string;
  readonly engineInstallUrl?: string;
  readonly engineOpt?: readonly string[];
  readonly engineInsecureRegistry?: readonly string[];
  readonly engineRegistryMirror?: readonly string[];
  readonly engineLabel?: readonly string[];
  readonly engineStorageDriver?: string;
  readonly engineEnv?: readonly string[];
  readonly tlsSan?: readonly string[];
  readonly swarm?: boolean;
  readonly swarmMaster?: boolean;
  readonly swarmDiscovery?: string;
  readonly swarmDiscoveryOpt?: readonly string[];
  readonly swarmStrategy: string;
  readonly swarmOpt?: readonly string[];
  readonly swarmJoinOpt?: readonly string[];
  readonly swarmHost: string;
  readonly swarmAddr?: string;
  readonly swarmImage: string;
  readonly mesh?: boolean;
  readonly meshPublic?: string;
  readonly saveCredentials?: boolean;
  readonly dryRun?: boolean;
  readonly help?: boolean;
}

const EXAMPLES = `
Examples:
  $ enxame machine create -d local queen
  $ enxame machine create -d none --url tcp://10.0.0.5:2376 --cert-path ~/.docker/old old
  $ enxame machine create -d local --swarm --swarm-master --swarm-discovery token://HOST:2374/v1/TOKEN queen
  $ enxame machine create -d local --swarm --swarm-discovery token://HOST:2374/v1/TOKEN worker-1 worker-2
  $ enxame machine create -d hetzner --swarm --mesh --swarm-discovery token://HOST:2374/v1/TOKEN far

With --mesh an agent on each machine dials the managers and takes it into the mesh: 'enxame mesh' shows it. Machines at providers are public nodes of
it, reached at UDP port 51820; of others the managers find out whether they are, or --mesh-public says. Managers that were not made here are named
with --swarm-join-opt mesh=HOST:PORT.
'enxame machine create -d DRIVER --help' shows the flags of a driver, 'enxame machine drivers' the drivers.
Repeat an interrupted create to resume it.`;

/** `enxame machine create`. */
export function configure(machine: Command, cli: CommandContext): void {
  const command = machine
    .command('create')
    .summary('create machines: hosts with a Docker engine, certificates, and optionally manager or agent')
    .argument('[name...]')
    // The driver's flags are known only with its name.
    .helpOption(false)
    .allowUnknownOption()
    .allowExcessArguments()
    .option('-h, --help', 'show help')
    .addOption(
      new Option('-d, --driver <driver>', 'driver, see enxame machine drivers ($ENXAME_MACHINE_DRIVER)').default(
        'local',
      ),
    );
  engineFlags(command);
  swarmFlags(command);
  command
    .option(
      '--save-credentials',
      "store the provider's credentials: in the system's keyring, or in the folder of the machines",
    )
    .option('--dry-run', 'print the calls to the provider without making them')
    .addHelpText('after', EXAMPLES)
    .action((_names: readonly string[], flags: Flags, self: Command) => create(flags, self, cli));
}

function engineFlags(command: Command): void {
  command
    .option('--engine-install-url <url>', 'installation script for the engine, instead of packages')
    .option('--engine-opt <flag>', 'flag of dockerd, like log-driver=local', collect)
    .option('--engine-insecure-registry <registry>', 'registry without TLS', collect)
    .option('--engine-registry-mirror <url>', 'registry mirror', collect)
    .option('--engine-label <key=value>', 'label of the engine, for constraints', collect)
    .option('--engine-storage-driver <name>', 'storage driver of the engine')
    .option('--engine-env <key=value>', 'environment variable of the engine', collect)
    .option('--tls-san <name>', 'additional name or address in the certificate', collect);
}

function swarmFlags(command: Command): void {
  command
    .option('--swarm', 'join a cluster')
    .option('--swarm-master', 'run the manager of the cluster here')
    .option('--swarm-discovery <uri>', 'discovery of the cluster, like token://HOST:2374/v1/TOKEN')
    .option('--swarm-discovery-opt <key=value>', 'discovery option for manager and agent', collect)
    .option('--swarm-strategy <name>', 'strategy of the manager: spread, binpack or random', 'spread')
    .option('--swarm-opt <flag>', "flag of 'enxame manage', like heartbeat=20s", collect)
    .option('--swarm-join-opt <flag>', "flag of 'enxame join', like ttl=60s", collect)
    .option('--swarm-host <address>', 'address for the manager to listen on', 'tcp://0.0.0.0:3376')
    // Given by scripts of docker-machine.
    .addOption(new Option('--swarm-experimental').hideHelp())
    .option('--swarm-addr <address>', "address to advertise (default: the machine's)")
    .option(
      '--swarm-image <image>',
      'image of manager and agent; self: built from this program, without a registry',
      'self',
    )
    .option(
      '--mesh',
      "with --swarm: take machines that are set up over SSH into the cluster's encrypted network (WireGuard)",
    )
    .option(
      '--mesh-public <address>',
      "with --mesh: where all others reach the machine's UDP port, IP:port; or a port alone, at the address that managers see it at",
    );
}

async function create(flags: Flags, command: Command, cli: CommandContext): Promise<void> {
  const driverName = driverOf(flags, command, cli);
  const { loadDriver } = await import('../../../drivers/drivers.ts');
  if (flags.help) {
    if (command.getOptionValueSource('driver') === 'cli') addDriverFlags(command, await loadDriver(driverName));
    return command.outputHelp();
  }
  const driver = await loadDriver(driverName);
  const { names, options } = driverValues(command.args, driver);
  const wanted = names.length === 0 ? ['default'] : [...new Set(names)];
  const shared = {
    options,
    ...settingsOf(flags),
    driver: driver.name,
    savesCredentials: flags.saveCredentials ?? false,
  };
  const requests = wanted.map((name): CreateRequest => ({ ...shared, name }));
  if (flags.dryRun) return await dryRun(requests, command, cli);
  await make(requests, command, cli);
}

/** Makes the machines at once. Also for fleets. */
export async function make(wanted: readonly CreateRequest[], command: Command, cli: CommandContext): Promise<void> {
  const [{ createMachine }, { joinSwarm }, { assertMachineName }] = await Promise.all([
    import('../../../machine/create.ts'),
    import('../../../machine/swarm/join.ts'),
    import('../../../machine/store.ts'),
  ]);
  for (const { name } of wanted) assertMachineName(name);
  const requests = await checkSwarms(wanted, cli);
  const context = await makingContext(command, cli);
  const { store } = context;
  const byName = new Map(requests.map((request) => [request.name, request]));
  const isDone = await doneBefore(requests, store);
  await onEach([...byName.keys()], cli, async (name, task) => {
    const request = byName.get(name);
    if (request === undefined) return;
    if (isDone(name)) return task.report('exists already');
    await createMachine(
      request,
      { ...context, runSwarm: (machine, provisioner, each) => joinSwarm(machine, provisioner, context, each) },
      task,
    );
    task.report(
      `To see how to connect your Docker Client to the Docker Engine running on it, run: enxame machine env ${name}`,
    );
  });
}

/**
 * Repeating a command that was cut off goes on with the machines it had not finished; those it had finished are no failure then.
 * A command none of whose machines was begun means new machines: a name that is taken is one.
 */
async function doneBefore(
  requests: readonly CreateRequest[],
  store: MachineDeps['store'],
): Promise<(name: string) => boolean> {
  const { isReady } = await import('../../../machine/record.ts');
  const found = await Promise.all(
    requests.map(async ({ name, driver }) => {
      const record = (await store.has(name)) ? (await store.load(name).catch(() => undefined))?.record : undefined;
      return { name, isSame: record?.driver === driver, isReady: record !== undefined && isReady(record), record };
    }),
  );
  const isRepeated = found.some((each) => each.record !== undefined && !each.isReady);
  const done = found.filter((each) => each.isReady && each.isSame).map(({ name }) => name);
  return (name) => isRepeated && done.includes(name);
}

async function dryRun(requests: readonly CreateRequest[], command: Command, cli: CommandContext): Promise<void> {
  const { dryCreate } = await import('../../../machine/dry-run.ts');
  const context = await machineContext(command, cli);
  for (const request of requests) {
    await cli.interruptible((signal) => dryCreate(request, context, (line) => cli.out(`${line}\n`), signal));
  }
}

function driverOf(flags: Flags, command: Command, cli: CommandContext): string {
  if (command.getOptionValueSource('driver') === 'cli') return flags.driver;
  return cli.env.ENXAME_MACHINE_DRIVER || cli.env.MACHINE_DRIVER || flags.driver;
}

function settingsOf(flags: Flags): { readonly engine: EngineSettings; readonly swarm?: SwarmSettings } {
  const engine: EngineSettings = {
    port: 2376,
    labels: Object.fromEntries((flags.engineLabel ?? []).map((pair) => splitPair('--engine-label', pair))),
    options: (flags.engineOpt ?? []).map((option) => option.replace(/^--/, '')),
    env: (flags.engineEnv ?? []).map((pair) => splitPair('--engine-env', pair).join('=')),
    insecureRegistries: flags.engineInsecureRegistry ?? [],
    registryMirrors: flags.engineRegistryMirror ?? [],
    tlsSans: flags.tlsSan ?? [],
    ...(flags.engineStorageDriver === undefined ? {} : { storageDriver: flags.engineStorageDriver }),
    ...(flags.engineInstallUrl === undefined ? {} : { installUrl: flags.engineInstallUrl }),
  };
  const swarm = swarmOf(flags);
  return swarm === undefined ? { engine } : { engine, swarm };
}

function swarmOf(flags: Flags): SwarmSettings | undefined {
  if (!flags.swarm) {
    if (flags.swarmMaster || flags.swarmDiscovery)
      throw new UsageError('--swarm-master and --swarm-discovery go with --swarm');
    if (flags.mesh || flags.meshPublic !== undefined)
      throw new UsageError('--mesh is about machines of a cluster: give --swarm --swarm-discovery DISCOVERY, too');
    return undefined;
  }
  if (!flags.swarmDiscovery || !/^[^:]+:\/\/./.test(flags.swarmDiscovery))
    throw new UsageError(
      'Swarm Discovery URL was in the wrong format or missing: --swarm needs --swarm-discovery token://HOST:2374/v1/TOKEN',
    );
  if (!/^tcp:\/\/.*:\d+$/.test(flags.swarmHost))
    throw new UsageError(`--swarm-host "${flags.swarmHost}" is not of the form tcp://0.0.0.0:3376`);
  if (flags.meshPublic !== undefined && !flags.mesh) throw new UsageError('--mesh-public goes with --mesh');
  if (flags.meshPublic !== undefined && !isMeshPublic(flags.meshPublic))
    throw new UsageError(`--mesh-public should be IP:port or a UDP port, not "${flags.meshPublic}"`);
  return {
    isMaster: flags.swarmMaster ?? false,
    isMember: true,
    discovery: flags.swarmDiscovery,
    discoveryOptions: (flags.swarmDiscoveryOpt ?? []).map((pair) => splitPair('--swarm-discovery-opt', pair).join('=')),
    strategy: flags.swarmStrategy,
    host: flags.swarmHost,
    image: flags.swarmImage,
    options: flags.swarmOpt ?? [],
    joinOptions: flags.swarmJoinOpt ?? [],
    ...(flags.swarmAddr === undefined ? {} : { addr: flags.swarmAddr }),
    ...(flags.mesh ? { isMesh: true } : {}),
    ...(flags.meshPublic === undefined ? {} : { meshPublic: flags.meshPublic }),
  };
}

function splitPair(flag: string, pair: string): [string, string] {
  const equals = pair.indexOf('=');
  if (equals < 1) throw new UsageError(`${flag} "${pair}" is not of the form key=value`);
  return [pair.slice(0, equals), pair.slice(equals + 1)];
}
