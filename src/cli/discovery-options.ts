import type { Command } from 'commander';
import { parseDuration } from '../common/duration.ts';
import { DiscoveryError, reasonOf, UsageError } from '../common/errors.ts';
import type { DiscoveryBackend, DiscoverySettings } from '../discovery/backend.ts';
import { openDiscovery } from '../discovery/discovery.ts';
import type { Io } from './io.ts';

/** Help on the `<discovery>` argument, after the examples of a command. */
export const DISCOVERY_HELP = `
Discovery (argument or $ENXAME_DISCOVERY):
  token://HOST:PORT/v1/TOKEN   the token service at HOST; token://TOKEN: at $ENXAME_DISCOVERY_URL or on this host
  file:///path                 one entry or range a line, # for comments
  etcd://HOST,HOST/PREFIX      keys of etcd 3.4 or newer
  zk://HOST,HOST/PREFIX        nodes of ZooKeeper 3.4 or newer
  consul://HOST,HOST/PREFIX    keys of Consul
  nodes://ENTRY,ENTRY          or just ENTRY,ENTRY
An entry is host:port, tcp://host:port, tls://host:port, ssh://[user@]host[:port], agent://NAME (see join --dial) or unix:///path;
ranges like 10.0.0.[10:200]:2376 stand for many.
--discovery-opt takes kv.path, kv.cacertfile, kv.certfile, kv.keyfile, kv.username and kv.password for these stores, kv.token for Consul,
and token.cacertfile, token.certfile, token.keyfile and token.insecure for a token service.`;

/** Adds the argument `[discovery]` and the flag `--discovery-opt`. */
export function addDiscovery(command: Command): Command {
  return command
    .argument('[discovery]', 'the engines of the cluster, see below ($ENXAME_DISCOVERY)')
    .option('--discovery-opt <key=value>', 'option of the discovery backend; may be repeated', collect);
}

/** An argument parser for commander: the duration a flag was given, in milliseconds. Throws a {@link UsageError} that names the flag. */
export function durationFlag(flag: string): (text: string) => number {
  return (text) => {
    try {
      return parseDuration(text);
    } catch (error) {
      throw new UsageError(`${flag} ${reasonOf(error)}`, 'BAD_DURATION');
    }
  };
}

/** Opens the backend of the `[discovery]` argument or the environment. Throws a {@link UsageError}, also for what the backend refuses. */
export async function openDiscoveryArgument(
  argument: string | undefined,
  options: readonly string[] | undefined,
  context: Pick<DiscoverySettings, 'env' | 'clock' | 'heartbeatMs' | 'onLeftOut'>,
): Promise<DiscoveryBackend> {
  const uri = discoveryUri(argument, context.env);
  const { env, clock, heartbeatMs, onLeftOut } = context;
  try {
    return await openDiscovery(uri, {
      ...{ env, clock, heartbeatMs, onLeftOut },
      options: discoveryOptions(options ?? []),
    });
  } catch (error) {
    throw asUsage(error);
  }
}

/** Where discovery is, from the argument or the environment. Throws a {@link UsageError} when neither says so. */
export function discoveryUri(argument: string | undefined, env: Io['env']): string {
  const uri = argument || env.ENXAME_DISCOVERY || env.SWARM_DISCOVERY;
  if (uri) return uri;
  throw new UsageError('the discovery argument is missing: say where the engines are known, as in token://TOKEN');
}

/** What a person gave on the command line and discovery refused to read, as a usage error; anything else unchanged. */
export function asUsage(error: unknown): unknown {
  if (!(error instanceof DiscoveryError)) return error;
  const usage = new UsageError(error.message, error.code);
  usage.cause = error;
  return usage;
}

function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

/** The texts `key=value` by key. Throws a {@link UsageError} that names the flag for what is none. */
export function discoveryOptions(texts: readonly string[], flag = '--discovery-opt'): ReadonlyMap<string, string> {
  return new Map(
    texts.map((text) => {
      const equals = text.indexOf('=');
      if (equals < 1) throw new UsageError(`${flag} "${text}" is not of the form key=value`);
      return [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
}
