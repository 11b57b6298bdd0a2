import { parseDuration } from '../../../common/duration.ts';
import { reasonOf, UsageError } from '../../../common/errors.ts';
import { openSharedStore } from '../../../kv/open-shared-store.ts';
import { DEFAULT_TTL_MS, type ReplicationOptions } from '../../../manager/replication.ts';
import type { CommandContext } from '../../command.ts';
import { discoveryOptions, discoveryUri } from '../../discovery-options.ts';
import type { ManageFlags } from './flags.ts';

/** Shorter ones end while a busy machine or store takes a breath, in milliseconds. */
const LEAST_TTL_MS = 2_000;
const MOST_TTL_MS = 600_000;

/**
 * How a manager takes part among several; undefined without `--replication`. The store is that of `--replication-store`, else that of the discovery
 * argument. Throws `UsageError` for what cannot be meant.
 */
export async function readReplication(
  flags: ManageFlags,
  discovery: string | undefined,
  env: CommandContext['env'],
): Promise<ReplicationOptions | undefined> {
  const { replication, replicationTtl, advertise, replicationStore, replicationStoreOpt } = flags;
  if (!replication) {
    assertAlone(flags);
    return undefined;
  }
  if (advertise === undefined)
    throw new UsageError('--replication needs --advertise HOST:PORT, where the other managers reach this one');
  const ttlMs = readTtl(replicationTtl);
  if (replicationStore === undefined && replicationStoreOpt !== undefined)
    throw new UsageError(
      '--replication-store-opt goes with --replication-store: the other store takes --discovery-opt',
    );
  const [uri, options, flag] = replicationStore
    ? ([replicationStore, replicationStoreOpt, '--replication-store-opt'] as const)
    : ([discoveryUri(discovery, env), flags.discoveryOpt, '--discovery-opt'] as const);
  const opened = await openSharedStore(uri, discoveryOptions(options ?? [], flag), env);
  return { ...opened, advertise, ttlMs };
}

function assertAlone({ replicationTtl, replicationStore, replicationStoreOpt }: ManageFlags): void {
  const given = [
    ...(replicationTtl === undefined ? [] : ['--replication-ttl']),
    ...(replicationStore === undefined ? [] : ['--replication-store']),
    ...(replicationStoreOpt === undefined ? [] : ['--replication-store-opt']),
  ];
  if (given[0] !== undefined) throw new UsageError(`${given[0]} is for several managers: pass --replication`);
}

function readTtl(text: string | undefined): number {
  if (text === undefined) return DEFAULT_TTL_MS;
  const ttlMs = durationOf(text);
  if (ttlMs < LEAST_TTL_MS || ttlMs > MOST_TTL_MS)
    throw new UsageError(
      `--replication-ttl should be from 2s to 10m, not "${text}": a primary renews its lease four times in that time`,
    );
  return ttlMs;
}

function durationOf(text: string): number {
  try {
    return parseDuration(text);
  } catch (error) {
    throw new UsageError(`--replication-ttl ${reasonOf(error)}`, 'BAD_DURATION');
  }
}
