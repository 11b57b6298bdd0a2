import { realpathSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type Command, Option } from 'commander';
import { formatDuration } from '../../common/duration.ts';
import { UsageError } from '../../common/errors.ts';
import { isLoopback, type ListenAddress, parseListenAddress } from '../../common/listen-address.ts';
import { stateDir } from '../../common/state-dir.ts';
import {
  assertSafeListener,
  readTlsFiles,
  type TlsMaterial,
  type TlsServerOptions,
  tlsServerOptions,
} from '../../common/tls-files.ts';
import { firstLook, untilItWorked } from '../../discovery/lasting.ts';
import { startTokenService, type TokenService } from '../../discovery/service/service.ts';
import { DEFAULT_TOKEN_SERVICE_PORT } from '../../discovery/token-address.ts';
import { readClusterOptions } from '../../manager/cluster-options.ts';
import { assertClusterName } from '../../manager/find-cluster.ts';
import { tuneHeap } from '../../manager/heap.ts';
import { type Manager, startManager } from '../../manager/manager.ts';
import { DEFAULT_TIMES, type MonitorTimes } from '../../monitor/node-monitor.ts';
import { FILTER_NAMES } from '../../scheduler/filters/registry.ts';
import { schedulerOptions } from '../../scheduler/scheduler.ts';
import { STRATEGY_NAMES } from '../../scheduler/strategies/registry.ts';
import type { CommandContext } from '../command.ts';
import {
  addDiscovery,
  DISCOVERY_HELP,
  discoveryUri,
  durationFlag,
  openDiscoveryArgument,
} from '../discovery-options.ts';
import { engineTls } from '../engine-flags.ts';
import { systemdUnit } from '../systemd-unit.ts';
import { addClassicFlags, type ClassicFlags, readClassicFlags } from './manage-classic.ts';

interface Flags extends ClassicFlags {
  readonly host?: readonly string[];
  readonly strategy: string;
  readonly filter?: readonly string[];
  readonly clusterOpt?: readonly string[];
  readonly discoveryOpt?: readonly string[];
  readonly heartbeat: number;
  readonly engineRefreshMinInterval: number;
  readonly engineRefreshMaxInterval: number;
  readonly engineFailureRetry: string;
  readonly engineProbeInterval: number;
  readonly engineProbeTimeout: number;
  readonly tls?: boolean;
  readonly tlsverify?: boolean;
  readonly tlscacert?: string;
  readonly tlscert?: string;
  readonly tlskey?: string;
  readonly allowHost?: readonly string[];
  readonly insecure?: boolean;
  readonly stateDir?: string;
  readonly cluster?: string;
  readonly discoveryService?: string | true;
  readonly adoptSwarm?: boolean;
  readonly printUnit?: boolean;
}

const DEFAULT_HOST = 'tcp://127.0.0.1:2375';

/** Durations in milliseconds; help shows them as they are written. */
const DEFAULTS = {
  heartbeat: 60_000,
  engineRefreshMinInterval: DEFAULT_TIMES.refreshMinMs,
  engineRefreshMaxInterval: DEFAULT_TIMES.refreshMaxMs,
  engineProbeInterval: DEFAULT_TIMES.probeIntervalMs,
  engineProbeTimeout: DEFAULT_TIMES.probeTimeoutMs,
} as const;

const EXAMPLES = `
Examples:
  $ enxame manage 10.0.0.1:2375,10.0.0.2:2375                 # engines that already run, for this host only
  $ enxame manage --tlsverify --tlscacert ca.pem --tlscert cert.pem --tlskey key.pem -H tcp://:3376 token://TOKEN
  $ enxame manage --strategy binpack --filter health --filter port nodes://10.0.0.[10:200]:2376
  $ docker -H tcp://127.0.0.1:2375 info                       # then use docker as always

What a manager keeps is found again by the engines and their addresses, however discovery lists them. --cluster says which
cluster is meant when that does not tell: its name (given to a new one), its ID, or the mark of a substrate whose state was lost.

--cluster-opt takes:
  swarm.overcommit=0.05       how much more than a node has may be reserved
  swarm.createretry=0         on how many other nodes to try what an engine failed to create
  enxame.substrate=eager      when cluster networks are prepared: eager, lazy or off
  enxame.subnet-pool=CIDR     where cluster networks take their subnets
  enxame.pull=all             docker pull on every node (all) or on one (one)
${DISCOVERY_HELP}`;

/** `enxame manage`: the manager. */
export function configure(command: Command, context: CommandContext): void {
  const shown = Object.fromEntries(Object.entries(DEFAULTS).map(([name, ms]) => [name, formatDuration(ms)]));
  addDiscovery(command)
    .option(
      '-H, --host <address>',
      `where to listen; may be repeated ($ENXAME_HOST) (default: ${DEFAULT_HOST})`,
      collect,
    )
    .addOption(new Option('--strategy <name>', 'how nodes are ranked').choices(STRATEGY_NAMES).default('spread'))
    .addOption(
      new Option('-f, --filter <name>', 'use only these filters; may be repeated')
        .choices(FILTER_NAMES)
        .argParser(collectFilters),
    )
    .option('--cluster-opt <key=value>', 'see below; may be repeated', collect)
    .option(
      '--heartbeat <duration>',
      `time between two looks at discovery (default: ${shown.heartbeat})`,
      durationFlag('--heartbeat'),
    )
    .option(
      '--engine-refresh-min-interval <duration>',
      `list everything again after at least this (default: ${shown.engineRefreshMinInterval})`,
      durationFlag('--engine-refresh-min-interval'),
    )
    .option(
      '--engine-refresh-max-interval <duration>',
      `and at most this (default: ${shown.engineRefreshMaxInterval})`,
      durationFlag('--engine-refresh-max-interval'),
    )
    .option(
      '--engine-failure-retry <count>',
      'failed probes that make a node unhealthy',
      String(DEFAULT_TIMES.failureRetry),
    )
    .option(
      '--engine-probe-interval <duration>',
      `time between two probes of an engine (default: ${shown.engineProbeInterval})`,
      durationFlag('--engine-probe-interval'),
    )
    .option(
      '--engine-probe-timeout <duration>',
      `how long an engine may take to answer a probe (default: ${shown.engineProbeTimeout})`,
      durationFlag('--engine-probe-timeout'),
    )
    .option('--tls', 'use TLS without checking the other side')
    .option('--tlsverify', 'use TLS and demand certificates of clients and engines')
    .option('--tlscacert <file>', 'authority of client and engine certificates')
    .option('--tlscert <file>', 'certificate for both sides')
    .option('--tlskey <file>', 'its key')
    .option('--allow-host <name>', 'a name clients may call this manager by without TLS; may be repeated', collect)
    .option('--insecure', 'allow others than this host without client certificates')
    .option('--state-dir <folder>', 'where to keep the cluster’s state, or none ($ENXAME_STATE_DIR)')
    .option('--cluster <name|id>', 'which cluster’s state to use, when the engines do not tell ($ENXAME_CLUSTER)')
    .option(
      '--discovery-service [address]',
      `serve tokens too (default address: tcp://127.0.0.1:${DEFAULT_TOKEN_SERVICE_PORT})`,
    )
    .option('--adopt-swarm', 'take over engines that are members of another swarm')
    .option('--print-unit', 'print a systemd unit that runs this command line, and do nothing else');
  addClassicFlags(command)
    .addHelpText('after', EXAMPLES)
    .action((discovery: string | undefined, flags: Flags) => manage(discovery, { ...DEFAULTS, ...flags }, context));
}

async function manage(discovery: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  tuneHeap();
  const material = await readTlsFiles({ ca: flags.tlscacert, cert: flags.tlscert, key: flags.tlskey });
  const listeners = (flags.host ?? [context.env.ENXAME_HOST || context.env.SWARM_HOST || DEFAULT_HOST]).map(
    parseListenAddress,
  );
  const serverTls = readServerTls(flags, material);
  for (const address of listeners) assertListener(address, serverTls, flags.insecure ?? false);
  const refresh = readClassicFlags(flags);
  const clusterOptions = readClusterOptions(flags.clusterOpt ?? [], flags.adoptSwarm ?? false);
  const times = readTimes(flags);
  const folder = stateDir(flags.stateDir, context.env, context.isRoot);
  const cluster = flags.cluster || context.env.ENXAME_CLUSTER || undefined;
  if (cluster !== undefined) assertClusterName(cluster);
  if (flags.printUnit) return printUnit(discovery, flags, listeners, context);
  const logger = await context.logger();
  const service = await startDiscoveryService(flags, folder, serverTls, logger);
  const wrong = new AbortController();
  const manager = await start();
  const stop = context.stopSignal();
  context.out(`Manager at ${manager.addresses.map(({ text }) => text).join(', ')}\n`);
  if (service) context.out(`Token service at ${service.url}\n`);
  const ended = AbortSignal.any([stop, wrong.signal]);
  if (!ended.aborted)
    await new Promise<void>((resolve) => ended.addEventListener('abort', () => resolve(), { once: true }));
  await Promise.all([manager.close(), service?.close()]);
  if (wrong.signal.aborted) throw wrong.signal.reason;

  async function start(): Promise<Manager> {
    try {
      const uri = discoveryUri(discovery, context.env);
      const onLeftOut = (entry: string, why: string): void =>
        logger.warn({ entry, reason: why }, 'an entry of the token is not used');
      const backend = await openDiscoveryArgument(uri, flags.discoveryOpt, {
        ...context,
        heartbeatMs: flags.heartbeat,
        onLeftOut,
      });
      // A manager that serves tokens itself may be started before its token is made there.
      if (!service) await firstLook(backend, context.clock);
      return await startManager({
        backend: service ? backend : untilItWorked(backend, (error) => wrong.abort(error)),
        listeners,
        allowHosts: flags.allowHost,
        serverTls,
        engineTls: engineTls(flags, material),
        scheduler: schedulerOptions({
          strategy: flags.strategy,
          ...(flags.filter ? { filters: flags.filter } : {}),
          overcommit: clusterOptions.overcommit,
        }),
        clusterOptions,
        refresh,
        times,
        stateFolder: folder,
        discovery: uri,
        cluster,
        logger,
        clock: context.clock,
      });
    } catch (error) {
      await service?.close();
      throw error;
    }
  }
}

/** What was checked before holds for the unit too. */
function printUnit(
  discovery: string | undefined,
  flags: Flags,
  listeners: readonly ListenAddress[],
  { argv, env, out, err }: CommandContext,
): void {
  const uri = discoveryUri(discovery, env);
  const sockets = listeners.flatMap((each) =>
    each.kind === 'unix' && !each.path.startsWith('/run/enxame/') ? dirname(each.path) : [],
  );
  const states = flags.stateDir === undefined || flags.stateDir === 'none' ? [] : [flags.stateDir];
  const writes = [...new Set([...sockets, ...states])];
  const script = realpathSync(process.argv[1] ?? '');
  const program = [process.execPath, script] as const;
  const isInHome = program.some((path) => /^\/(?:home|root)\//.test(path));
  const needsRoot = /(?:ssh|unix):\/\//.test(uri) || writes.length > 0 || isInHome;
  if (/[0-9a-f]{32}/.test(uri) && argv.includes(uri))
    err(
      'enxame: manage: everybody on this host can read a unit, and this one has the token of the cluster: better leave the discovery argument out and write ENXAME_DISCOVERY=… into /etc/enxame/manage.env, mode 0600\n',
    );
  out(systemdUnit({ program, argv, folder: process.cwd(), needsRoot, writes }));
}

function readServerTls(flags: Flags, material: TlsMaterial): TlsServerOptions | undefined {
  if ((flags.tls || flags.tlsverify) && material.cert === undefined) {
    throw new UsageError('--tls and --tlsverify need --tlscert and --tlskey');
  }
  if (flags.tlsverify && material.ca === undefined) throw new UsageError('--tlsverify needs --tlscacert');
  // `--tls` alone encrypts without checking who the client is.
  const { ca, ...own } = material;
  return tlsServerOptions(flags.tls && !flags.tlsverify ? own : { ...own, ...(ca ? { ca } : {}) });
}

function assertListener(address: ListenAddress, tls: TlsServerOptions | undefined, insecure: boolean): void {
  assertSafeListener(
    address,
    tls === undefined ? 'plain' : tls.requestCert ? 'mutual-tls' : 'tls',
    'mutual-tls',
    insecure,
  );
}

function readTimes(flags: Flags): MonitorTimes {
  const times: MonitorTimes = {
    ...DEFAULT_TIMES,
    refreshMinMs: flags.engineRefreshMinInterval,
    refreshMaxMs: flags.engineRefreshMaxInterval,
    failureRetry: Number(flags.engineFailureRetry),
    probeIntervalMs: flags.engineProbeInterval,
    probeTimeoutMs: flags.engineProbeTimeout,
  };
  if (!Number.isInteger(times.failureRetry) || times.failureRetry < 1) {
    throw new UsageError(`--engine-failure-retry should be a whole number from 1, not "${flags.engineFailureRetry}"`);
  }
  if (flags.heartbeat < 1000) throw new UsageError('--heartbeat should be at least one second');
  if (times.refreshMinMs < 1000) throw new UsageError('--engine-refresh-min-interval should be at least one second');
  if (times.refreshMaxMs < times.refreshMinMs)
    throw new UsageError('--engine-refresh-max-interval should not be below --engine-refresh-min-interval');
  if (times.probeIntervalMs < 100 || times.probeTimeoutMs < 100)
    throw new UsageError('--engine-probe-interval and --engine-probe-timeout should be at least 100ms');
  return times;
}

async function startDiscoveryService(
  flags: Flags,
  folder: string | undefined,
  tls: TlsServerOptions | undefined,
  logger: Awaited<ReturnType<CommandContext['logger']>>,
): Promise<TokenService | undefined> {
  if (flags.discoveryService === undefined) return undefined;
  const address =
    flags.discoveryService === true ? `tcp://127.0.0.1:${DEFAULT_TOKEN_SERVICE_PORT}` : flags.discoveryService;
  const listen = parseListenAddress(address);
  const isLocal = listen.kind === 'unix' || isLoopback(listen.host);
  return startTokenService({
    listen,
    stateFolder: folder === undefined ? undefined : join(folder, 'discovery'),
    tls: isLocal ? undefined : tls,
    insecure: flags.insecure ?? false,
    logger,
  });
}

function collectFilters(value: string, earlier: readonly string[] | undefined): readonly string[] {
  const known: readonly string[] = FILTER_NAMES;
  if (known.includes(value)) return collect(value, earlier);
  throw new UsageError(`unknown filter "${value}": use one of ${known.join(', ')}`);
}

function collect(value: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), value];
}
