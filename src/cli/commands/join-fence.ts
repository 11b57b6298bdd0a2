import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Command, Option } from 'commander';
import { FenceAgent } from '../../agent/fence-agent.ts';
import { openPeerPlace } from '../../agent/peer-place.ts';
import { askPeers } from '../../agent/peers.ts';
import type { ReclaimSource } from '../../agent/reclaim/source.ts';
import { RECLAIM_SOURCES } from '../../agent/reclaim/sources.ts';
import { METADATA_URL, watchReclaim } from '../../agent/reclaim/watch.ts';
import { formatDuration } from '../../common/duration.ts';
import { reasonOf, UsageError } from '../../common/errors.ts';
import type { Logger } from '../../common/logger.ts';
import { AGENT_PROTOCOL } from '../../common/node-certificate.ts';
import { printable } from '../../common/printable.ts';
import { replaceable } from '../../common/private-file.ts';
import { assertForServers, readTlsFiles } from '../../common/tls-files.ts';
import { EngineClient } from '../../engine/client.ts';
import { type EngineTls, tcpConnector, tlsConnector, unixConnector } from '../../engine/connectors/socket.ts';
import { hostAndPort, socketOf } from '../agent-addresses.ts';
import { durationFlag } from '../discovery-options.ts';

/** Flags of an agent that ends strict containers. */
export interface FenceFlags {
  readonly fence?: readonly string[];
  readonly fenceTime?: number;
  readonly fenceEngine?: string;
  readonly fencePeer?: string;
  readonly fenceLease?: string;
  readonly spot?: string;
  readonly spotMetadata?: string;
  readonly tlscacert?: string;
  readonly tlscert?: string;
  readonly tlskey?: string;
  /** An agent that dials has use for the certificates, too. */
  readonly dial?: readonly string[];
}

const DEFAULT_TIME_MS = 10_000;
const DEFAULT_ENGINE = 'unix:///var/run/docker.sock';
const MIN_MS = 2_000;
const MAX_MS = 3_600_000;

export const FENCE_HELP = `
With --fence the agent also holds the right of this node's containers with the label io.enxame.fence=strict to run: it renews with the
manager, and ends them when it could not for --fence-time. With --spot it tells the manager, which drains the node, when the provider takes the machine back. It runs as root on the host itself; in a container, with the host's processes.
Without a discovery argument nothing is registered.
  $ enxame join --advertise 10.0.0.1:2376 --fence 10.0.0.9:3376 --fence-peer 10.0.0.1:2378 \\
      --tlscacert ca.pem --tlscert cert.pem --tlskey key.pem token://TOKEN`;

export function addFenceFlags(command: Command): Command {
  return command
    .option('--fence <manager>', 'manager to renew with, host:port; may be repeated', gather)
    .option(
      '--fence-time <duration>',
      `strict containers end when it could not renew for this long (default: ${formatDuration(DEFAULT_TIME_MS)})`,
      durationFlag('--fence-time'),
    )
    .option('--fence-engine <address>', `socket of this node's engine (default: ${DEFAULT_ENGINE})`)
    .option(
      '--fence-peer <address>',
      'where other agents reach this one, host:port; it listens on the port. mesh:PORT: at its address in the mesh',
    )
    .option('--fence-lease <file>', 'file of the lease, in memory (default: /run/enxame-fence.json)')
    .addOption(
      new Option(
        '--spot <provider>',
        "with --fence: follow the provider's notice that it takes this machine back",
      ).choices(Object.keys(RECLAIM_SOURCES)),
    )
    .option('--spot-metadata <url>', `the provider's metadata service (default: ${METADATA_URL})`)
    .option('--tlscacert <file>', 'certificate authority of managers and agents, for --fence, --dial and --mesh')
    .option('--tlscert <file>', 'certificate of this agent, for --fence, --dial and --mesh')
    .option('--tlskey <file>', 'key of the certificate, for --fence, --dial and --mesh');
}

/**
 * What holds the lease, until the signal given to it is aborted and the lease was handed back; undefined when that is not asked for. Throws a
 * {@link UsageError} for flags that make no sense.
 */
export async function openFence(
  flags: FenceFlags,
  logger: Logger,
): Promise<((stop: AbortSignal) => Promise<void>) | undefined> {
  const { fence: managers, fencePeer: peer, fenceTime: fenceMs = DEFAULT_TIME_MS } = flags;
  if (managers === undefined) {
    assertUnused(flags);
    return undefined;
  }
  if (fenceMs < MIN_MS || fenceMs > MAX_MS) throw new UsageError('--fence-time should be from 2 seconds to an hour');
  for (const manager of managers) hostAndPort(manager, '--fence');
  if (peer !== undefined) hostAndPort(peer, '--fence-peer');
  const reclaim = reclaimOf(flags);
  const socketPath = socketOf(flags.fenceEngine ?? DEFAULT_ENGINE, '--fence-engine');
  const material = await readTlsFiles({ ca: flags.tlscacert, cert: flags.tlscert, key: flags.tlskey });
  if (peer !== undefined) assertForServers(material);
  const protocols = [AGENT_PROTOCOL, 'http/1.1'];
  const tls: EngineTls | undefined = material.ca || material.cert ? { ...material, verify: true } : undefined;
  if (!tls) logger.warn('leases are renewed over plain TCP: give --tlscacert, --tlscert and --tlskey');
  const leaseFile = await replaceable(flags.fenceLease ?? join('/run', 'enxame-fence.json'));
  const agent = randomBytes(8).toString('hex');
  const place =
    peer === undefined
      ? undefined
      : await openPeerPlace(hostAndPort(peer, '--fence-peer'), { tls: material, hears: () => fenced.hears, logger });
  const engine = new EngineClient(unixConnector(socketPath));
  const clients = managers.map((manager) => new EngineClient(connectorTo(manager, tls && { ...tls, protocols })));
  const fenced = new FenceAgent(
    {
      engine,
      managers: clients,
      askPeers: (peers, timeoutMs) => askPeers(peers, tls, timeoutMs),
      place,
      logger,
    },
    { fenceMs, leaseFile, agent },
  );
  return async (stop) => {
    startGuard([leaseFile, agent, socketPath], logger);
    try {
      const watched = reclaim && watchReclaim({ engine, managers: clients, logger }, reclaim.source, reclaim.url, stop);
      await Promise.all([fenced.run(stop), watched]);
    } finally {
      // An open connection would keep the process alive.
      await Promise.all([engine, ...clients, ...(place ? [place] : [])].map((each) => each.close()));
    }
  };
}

function startGuard(args: readonly string[], logger: Logger): void {
  const main = fileURLToPath(new URL('../../agent/guard-main.js', import.meta.url));
  const guard = spawn(process.execPath, [main, ...args], { detached: true, stdio: 'ignore' });
  guard.on('error', (error) => logger.error({ reason: reasonOf(error) }, 'the guard of the lease did not start'));
  guard.unref();
}

function reclaimOf({
  spot,
  spotMetadata: url = METADATA_URL,
}: FenceFlags): { readonly source: ReclaimSource; readonly url: string } | undefined {
  if (spot === undefined) return undefined;
  const source = Object.hasOwn(RECLAIM_SOURCES, spot) ? RECLAIM_SOURCES[spot] : undefined;
  if (!source) return undefined;
  if (!/^https?:\/\/[^/]+$/.test(url))
    throw new UsageError(`--spot-metadata should be like ${METADATA_URL}, not "${printable(url)}"`);
  return { source, url };
}

function assertUnused(flags: FenceFlags): void {
  const { fenceTime, fenceEngine, fencePeer, fenceLease, spot, spotMetadata, tlscacert, tlscert, tlskey, dial } = flags;
  const given = [fenceTime, fenceEngine, fencePeer, fenceLease, spot, spotMetadata];
  if (dial === undefined) given.push(tlscacert, tlscert, tlskey);
  if (given.some((flag) => flag !== undefined))
    throw new UsageError(
      '--fence-…, --spot… and --tls… are about an agent that talks to managers: give --fence MANAGER or --dial MANAGER, too',
    );
}

function connectorTo(manager: string, tls: EngineTls | undefined): ReturnType<typeof tcpConnector> {
  const { host, port } = hostAndPort(manager, '--fence');
  return tls ? tlsConnector(host, port, tls) : tcpConnector(host, port);
}

function gather(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}
