import { type Command, Option } from 'commander';
import { formatDuration, parseDuration } from '../../../common/duration.ts';
import { UsageError } from '../../../common/errors.ts';
import { PUBLISH_PLACES } from '../../../common/labels.ts';
import { DEFAULT_TOKEN_SERVICE_PORT } from '../../../discovery/token-address.ts';
import { DEFAULT_RESCHEDULE } from '../../../manager/availability.ts';
import { METRICS_DETAILS, type MetricsDetail } from '../../../metrics/sources.ts';
import { DEFAULT_TIMES, type MonitorTimes } from '../../../monitor/times.ts';
import type { PublishAt } from '../../../publish/node-ports.ts';
import { FILTER_NAMES } from '../../../scheduler/filters/registry.ts';
import { DEFAULT_SPREAD_BY, parseSpreadBy } from '../../../scheduler/spread-by.ts';
import { STRATEGY_NAMES } from '../../../scheduler/strategies/registry.ts';
import type { SamplerOptions } from '../../../stats/sampler.ts';
import { addDiscovery, durationFlag } from '../../discovery-options.ts';
import { addPriceFlags, type PriceFlags } from '../../price-flags.ts';
import { addClassicFlags, type ClassicFlags } from './classic.ts';

/** The flags of `enxame manage`; durations in milliseconds. */
export interface ManageFlags extends ClassicFlags, PriceFlags {
  readonly host?: readonly string[];
  readonly strategy: string;
  readonly spreadBy?: readonly string[];
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
  readonly metrics?: string | true;
  readonly metricsDetail: MetricsDetail;
  readonly page?: string | true;
  readonly pageActions?: boolean;
  readonly stats?: string;
  readonly adoptSwarm?: boolean;
  readonly reschedule: string;
  readonly rescheduleGrace: number;
  readonly witness?: string;
  readonly notify?: readonly string[];
  readonly notifySecret?: string;
  readonly notifyExec?: readonly string[];
  readonly publishAt: PublishAt;
  readonly publishAddress?: string;
  readonly clusterSocket?: boolean;
  readonly printUnit?: boolean;
}

/** The listener without `--host` and `$ENXAME_HOST`. */
export const DEFAULT_HOST = 'tcp://127.0.0.1:2375';

/** The listener of metrics when `--metrics` names none. */
export const DEFAULT_METRICS = 'tcp://127.0.0.1:9324';

/** The listener of the page when `--page` names none. */
export const DEFAULT_PAGE = 'tcp://127.0.0.1:9325';

/** The time between two samples of a container. */
const DEFAULT_STATS = '10s';

type TimeFlags = Pick<
  ManageFlags,
  | 'heartbeat'
  | 'engineRefreshMinInterval'
  | 'engineRefreshMaxInterval'
  | 'engineProbeInterval'
  | 'engineProbeTimeout'
  | 'rescheduleGrace'
>;

/** Durations in milliseconds; help shows them as they are written. */
export const DEFAULTS: TimeFlags = {
  heartbeat: 60_000,
  engineRefreshMinInterval: DEFAULT_TIMES.refreshMinMs,
  engineRefreshMaxInterval: DEFAULT_TIMES.refreshMaxMs,
  engineProbeInterval: DEFAULT_TIMES.probeIntervalMs,
  engineProbeTimeout: DEFAULT_TIMES.probeTimeoutMs,
  rescheduleGrace: DEFAULT_RESCHEDULE.graceMs,
};

/** Gives `enxame manage` its argument and its flags. */
export function addManageFlags(command: Command): Command {
  const shown = Object.fromEntries(Object.entries(DEFAULTS).map(([name, ms]) => [name, formatDuration(ms)]));
  addDiscovery(command)
    .option(
      '-H, --host <address>',
      `address to listen on; may be repeated ($ENXAME_HOST) (default: ${DEFAULT_HOST})`,
      collect,
    )
    .addOption(new Option('--strategy <name>', 'ranking of nodes').choices(STRATEGY_NAMES).default('spread'))
    .option(
      '--spread-by <labels>',
      `labels of nodes that name failure domains to spread the replicas of a service over, the widest first, or none (default: ${DEFAULT_SPREAD_BY.join(',')})`,
      parseSpreadBy,
    )
    .addOption(
      new Option('-f, --filter <name>', 'a filter to use instead of all; may be repeated')
        .choices(FILTER_NAMES)
        .argParser(collectFilters),
    )
    .option('--cluster-opt <key=value>', 'cluster option, see below; may be repeated', collect)
    .option(
      '--heartbeat <duration>',
      `interval between queries to discovery (default: ${shown.heartbeat})`,
      durationFlag('--heartbeat'),
    )
    .option(
      '--engine-refresh-min-interval <duration>',
      `minimum time between full refreshes of an engine (default: ${shown.engineRefreshMinInterval})`,
      durationFlag('--engine-refresh-min-interval'),
    )
    .option(
      '--engine-refresh-max-interval <duration>',
      `maximum time between full refreshes of an engine (default: ${shown.engineRefreshMaxInterval})`,
      durationFlag('--engine-refresh-max-interval'),
    )
    .option(
      '--engine-failure-retry <count>',
      'failed probes before a node counts as unhealthy',
      String(DEFAULT_TIMES.failureRetry),
    )
    .option(
      '--engine-probe-interval <duration>',
      `interval between probes of an engine (default: ${shown.engineProbeInterval})`,
      durationFlag('--engine-probe-interval'),
    )
    .option(
      '--engine-probe-timeout <duration>',
      `timeout of a probe (default: ${shown.engineProbeTimeout})`,
      durationFlag('--engine-probe-timeout'),
    )
    .addOption(
      new Option(
        '--reschedule <policy>',
        'containers of lost nodes that are made anew elsewhere; a container may say otherwise',
      )
        .choices(['auto', 'on-node-failure', 'off'])
        .default('auto'),
    )
    .option(
      '--reschedule-grace <duration>',
      `time that a node is unhealthy before it counts as lost (default: ${shown.rescheduleGrace})`,
      durationFlag('--reschedule-grace'),
    )
    .option('--witness <host:port>', 'server outside of the cluster that tells a manager it is not cut off itself')
    .option('--notify <url>', 'URL that is told of lost nodes and moved containers; may be repeated', collect)
    .option('--notify-secret <file>', 'file with the key that what is sent to URLs is signed with')
    .option('--notify-exec <program>', 'program that is told of them at its standard input; may be repeated', collect)
    .option('--tls', 'use TLS without verifying clients and engines')
    .option('--tlsverify', 'use TLS and verify clients and engines')
    .option('--tlscacert <file>', 'certificate authority for clients and engines')
    .option('--tlscert <file>', 'certificate shown to clients and engines')
    .option('--tlskey <file>', 'key of the certificate')
    .option('--allow-host <name>', 'host name that clients without TLS may use; may be repeated', collect)
    .option('--insecure', 'allow remote clients without certificates')
    .option('--state-dir <folder>', 'folder for the cluster’s state, or none ($ENXAME_STATE_DIR)')
    .option('--cluster <name|id>', 'cluster to manage, where its engines are ambiguous ($ENXAME_CLUSTER)')
    .option(
      '--discovery-service [address]',
      `run a token service too (default address: tcp://127.0.0.1:${DEFAULT_TOKEN_SERVICE_PORT})`,
    )
    .option('--page [address]', `serve a page that shows the cluster (default address: ${DEFAULT_PAGE})`)
    .option('--page-actions', 'let the page change containers and nodes, and open terminals')
    .option('--metrics [address]', `serve metrics for Prometheus (default address: ${DEFAULT_METRICS})`)
    .addOption(
      new Option('--metrics-detail <what>', 'what metrics tell apart').choices(METRICS_DETAILS).default('nodes'),
    )
    .option('--stats <interval>', `how often to sample what each container uses, or off (default: ${DEFAULT_STATS})`)
    .addOption(
      new Option('--publish-at <where>', 'where clients reach published ports; a container may say otherwise')
        .choices(PUBLISH_PLACES)
        .default('node'),
    )
    .option(
      '--publish-address <ip>',
      'address of this host that ports are published at with endpoint or everywhere (default: that of the first listener)',
    )
    .option('--cluster-socket', 'give containers that mount /var/run/docker.sock the cluster’s, where an agent dials')
    .option('--adopt-swarm', 'take over engines in the swarm mode of another swarm')
    .option('--print-unit', 'print a systemd unit for this command line and exit');
  addPriceFlags(command, 'currency of prices that say none');
  addClassicFlags(command);
  return command;
}

/** The intervals of the monitors. Throws `UsageError` for values that cannot be meant. */
export function readTimes(flags: ManageFlags): MonitorTimes {
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

/** How samples are taken; undefined for `off`. Throws `UsageError` for what is no interval. */
export function readStats({ stats = DEFAULT_STATS }: ManageFlags): SamplerOptions | undefined {
  if (stats === 'off') return undefined;
  const intervalMs = parseDuration(stats);
  if (intervalMs < 1_000 || intervalMs > 3_600_000)
    throw new UsageError(`--stats should be off, or an interval from 1s to 1h, not "${stats}"`);
  return { intervalMs };
}

function collectFilters(value: string, earlier: readonly string[] | undefined): readonly string[] {
  const known: readonly string[] = FILTER_NAMES;
  if (known.includes(value)) return collect(value, earlier);
  throw new UsageError(`unknown filter "${value}": use one of ${known.join(', ')}`);
}

function collect(value: string, earlier: readonly string[] | undefined): readonly string[] {
  return [...(earlier ?? []), value];
}
