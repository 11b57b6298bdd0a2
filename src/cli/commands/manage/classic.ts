import { type Command, Option } from 'commander';
import type { RefreshFilters } from '../../../api/refresh-filters.ts';
import { formatDuration } from '../../../common/duration.ts';
import { UsageError } from '../../../common/errors.ts';
import { printable } from '../../../common/printable.ts';
import { type Entry, parseEntry } from '../../../discovery/entry.ts';
import { unreachableBecause } from '../../../discovery/reachable.ts';
import { DEFAULT_TTL_MS } from '../../../manager/replication.ts';

/** Flags of classic swarm's `manage`, kept for scripts. */
export interface ClassicFlags {
  readonly advertise?: string;
  readonly clusterDriver?: string;
  readonly refreshOnNodeFilter?: boolean;
  readonly containerNameRefreshFilter?: readonly string[];
  readonly engineRefreshRetry?: string;
  readonly apiEnableCors?: boolean;
  readonly replication?: boolean;
  readonly replicationTtl?: string;
  readonly replicationStore?: string;
  readonly replicationStoreOpt?: readonly string[];
}

/** Adds them; refused and meaningless ones are not shown in help. */
export function addClassicFlags(command: Command): Command {
  return command
    .option('--addr, --advertise <address>', 'address of this manager for others', once)
    .option('-c, --cluster-driver <name>', 'only swarm is supported (default: swarm)')
    .option('--refresh-on-node-filter', 'refresh the node before answering docker ps --filter node=')
    .option(
      '--container-name-refresh-filter <name>',
      'refresh all nodes before answering docker ps --filter name=NAME; may be repeated',
      (name, earlier: readonly string[] = []) => [...earlier, name],
    )
    .addOption(new Option('--engine-refresh-retry <count>').hideHelp())
    .addOption(new Option('--cors, --api-enable-cors').hideHelp())
    .option('--replication', 'be one of several managers, which share a store')
    .option('--replication-store <uri>', 'store that the managers share (default: that of the discovery argument)')
    .option(
      '--replication-store-opt <key=value>',
      'option of that store, like those of discovery; may be repeated',
      (text, earlier: readonly string[] = []) => [...earlier, text],
    )
    .option(
      '--replication-ttl <duration>',
      `time until the managers replace a primary that the store does not hear (default: ${formatDuration(DEFAULT_TTL_MS)})`,
    );
}

/** Throws a {@link UsageError} for a flag that cannot be obeyed; returns when `docker ps` asks engines first. */
export function readClassicFlags(flags: ClassicFlags): RefreshFilters {
  if (flags.clusterDriver !== undefined && flags.clusterDriver !== 'swarm')
    throw new UsageError(`unknown --cluster-driver "${flags.clusterDriver}": only swarm is supported`);
  if (flags.engineRefreshRetry !== undefined && flags.engineRefreshRetry !== '3')
    throw new UsageError('--engine-refresh-retry is deprecated: use --engine-failure-retry');
  if (flags.apiEnableCors)
    throw new UsageError(
      '--api-enable-cors is not offered: any web page could use the engines. Put an authenticating proxy in front of the manager',
    );
  if (flags.advertise !== undefined) assertAdvertised(flags.advertise);
  return { onNode: flags.refreshOnNodeFilter ?? false, onNames: flags.containerNameRefreshFilter ?? [] };
}

function assertAdvertised(text: string): void {
  const entry = entryOf(text);
  if (entry === undefined || !['auto', 'tcp', 'tls'].includes(entry.scheme))
    throw new UsageError(`--advertise should be of the form ip:port or hostname:port, not "${printable(text)}"`);
  const problem = unreachableBecause(entry, { loopback: true });
  if (problem !== undefined)
    throw new UsageError(`--advertise ${printable(text)} is not where other managers reach this one: ${problem}`);
}

function entryOf(text: string): Entry | undefined {
  try {
    return parseEntry(text);
  } catch {
    return undefined;
  }
}

function once(text: string, before: string | undefined): string {
  if (before !== undefined)
    throw new UsageError(`--advertise is given twice, "${before}" and "${text}": a manager has one address`);
  return text;
}
