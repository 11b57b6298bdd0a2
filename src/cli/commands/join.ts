import { realpathSync } from 'node:fs';
import type { Command } from 'commander';
import { must } from '../../common/command.ts';
import { formatDuration } from '../../common/duration.ts';
import { reasonOf, UsageError } from '../../common/errors.ts';
import type { Logger } from '../../common/logger.ts';
import { printable } from '../../common/printable.ts';
import type { DiscoveryBackend } from '../../discovery/backend.ts';
import { type Entry, parseEntry } from '../../discovery/entry.ts';
import { keepRegistered } from '../../discovery/registration.ts';
import type { CommandContext } from '../command.ts';
import { addDiscovery, DISCOVERY_HELP, durationFlag, openDiscoveryArgument } from '../discovery-options.ts';
import { agentUnit } from '../systemd-unit.ts';
import { addDialFlags, DIAL_HELP, type DialFlags, openDial } from './join-dial.ts';
import { addFenceFlags, FENCE_HELP, type FenceFlags, openFence } from './join-fence.ts';
import { addMeshFlags, MESH_HELP, type MeshFlags, meshOptions, type OpenedMesh, openMesh } from './join-mesh.ts';

interface Flags {
  readonly advertise?: string;
  readonly heartbeat: number;
  readonly ttl: number;
  readonly delay: number;
  readonly discoveryOpt?: readonly string[];
  readonly printUnit?: boolean;
}

type JoinFlags = Flags & FenceFlags & DialFlags & MeshFlags;

const DEFAULTS = { heartbeat: 60_000, ttl: 180_000, delay: 0 } as const;

const EXAMPLES = `
Examples:
  $ enxame join --advertise 10.0.0.1:2376 token://discovery.example.com:2374/v1/TOKEN
  $ ENXAME_DISCOVERY=token://TOKEN enxame join --advertise tls://10.0.0.1:2376 --heartbeat 20s --ttl 60s

The command runs until stopped. The engine leaves the cluster --ttl after its last heartbeat.
${DISCOVERY_HELP}`;

/** `enxame join`: the agent on a node. */
export function configure(command: Command, context: CommandContext): void {
  addDiscovery(command)
    .option('--addr, --advertise <address>', 'address of this engine for managers ($ENXAME_ADVERTISE)', once)
    .option('--heartbeat <duration>', 'interval between registrations (default: 60s)', durationFlag('--heartbeat'))
    .option('--ttl <duration>', 'lifetime of a registration (default: 180s)', durationFlag('--ttl'))
    .option(
      '--delay <duration>',
      'maximum random delay of the first registration (default: 0s)',
      durationFlag('--delay'),
    )
    .option('--print-unit', 'print a systemd unit for this command line and exit')
    .addHelpText('after', EXAMPLES);
  addFenceFlags(addMeshFlags(addDialFlags(command)))
    .addHelpText('after', DIAL_HELP)
    .addHelpText('after', MESH_HELP)
    .addHelpText('after', FENCE_HELP)
    .action((discovery: string | undefined, flags: Partial<JoinFlags>) =>
      join(discovery, { ...DEFAULTS, ...flags, ...dialledManagers(flags) }, context),
    );
}

/** An agent of a node in the mesh dials, too. */
function dialledManagers({ dial, mesh }: Partial<JoinFlags>): Pick<JoinFlags, 'dial'> {
  return mesh === undefined ? {} : { dial: [...(dial ?? []), ...mesh] };
}

async function join(discovery: string | undefined, flags: JoinFlags, context: CommandContext): Promise<void> {
  const { heartbeat: heartbeatMs, ttl: ttlMs, delay: delayMs } = flags;
  const address = flags.advertise || context.env.ENXAME_ADVERTISE || context.env.SWARM_ADVERTISE;
  const isAgent = flags.fence !== undefined || flags.dial !== undefined;
  // What discovery lists by itself needs no address here.
  const given = address || !isAgent ? advertised(address) : undefined;
  if (heartbeatMs < 1000) throw new UsageError('--heartbeat should be at least one second');
  if (ttlMs <= heartbeatMs) throw new UsageError('--ttl must be strictly superior to the heartbeat value');
  if (given?.scheme === 'agent' && flags.dial === undefined)
    throw new UsageError(`${given.canonical} is the entry of an agent that dials: give --dial MANAGER, too`);
  const logger = await context.logger();
  const dial = await openDial(flags, given, logger);
  const entry = dial?.entry ?? given;
  const backend = await backendFor(discovery, flags, context);
  const register = backend?.register?.bind(backend);
  if (backend && register === undefined && !isAgent) {
    throw new UsageError(
      `joining is not implemented in this discovery service: ${backend.name}:// lists its engines itself`,
    );
  }
  if (register !== undefined && entry === undefined) advertised(undefined);
  if (flags.printUnit) {
    await backend?.close();
    return context.out(unitOf(flags, context));
  }
  const stop = context.stopSignal();
  const { clock } = context;
  let mesh: OpenedMesh | undefined;
  try {
    mesh = await openMesh(flags, { clock, logger });
    if (mesh && context.env.NOTIFY_SOCKET) await tellSystemd(logger);
    const fence = await openFence(flags, logger);
    const registered = async (): Promise<void> => {
      if (register === undefined || entry === undefined) return;
      // Rejects only when stopped, which ends the rest too.
      await clock.sleep(delayMs * Math.random(), stop).catch(() => undefined);
      await keepRegistered({ register }, entry, { heartbeatMs, ttlMs, clock, ...reporting(logger, entry) }, stop);
    };
    await Promise.all([registered(), fence?.(stop), dial?.run(stop, mesh)]);
  } finally {
    await mesh?.close();
    await backend?.close();
  }
}

function unitOf(flags: JoinFlags, { argv }: CommandContext): string {
  meshOptions(flags);
  const program = [process.execPath, realpathSync(process.argv[1] ?? '')] as const;
  return agentUnit({ program, argv, folder: process.cwd(), isMesh: flags.mesh !== undefined });
}

/** Tells systemd (sd_notify(3)) that what starts after this service may start. */
async function tellSystemd(logger: Logger): Promise<void> {
  try {
    await must('systemd-notify', ['--ready'], { timeoutMs: 10_000 });
  } catch (error) {
    logger.warn({ reason: reasonOf(error) }, 'systemd cannot be told that the mesh is up');
  }
}

/** Undefined for an agent that registers nothing. */
async function backendFor(
  discovery: string | undefined,
  flags: JoinFlags,
  context: CommandContext,
): Promise<DiscoveryBackend | undefined> {
  const isAgent = flags.fence !== undefined || flags.dial !== undefined;
  if (isAgent && !discovery && !context.env.ENXAME_DISCOVERY && !context.env.SWARM_DISCOVERY) return undefined;
  return await openDiscoveryArgument(discovery, flags.discoveryOpt, { ...context, heartbeatMs: flags.heartbeat });
}

function reporting(
  logger: Logger,
  entry: Entry,
): Pick<Parameters<typeof keepRegistered>[2], 'onRegistered' | 'onFailed'> {
  let isKnown = false;
  return {
    onRegistered: () => {
      logger[isKnown ? 'debug' : 'info']({ entry: entry.canonical }, 'registered');
      isKnown = true;
    },
    onFailed: (reason, retryInMs) => {
      isKnown = false;
      logger.error({ entry: entry.canonical, reason }, `not registered, trying again in ${formatDuration(retryInMs)}`);
    },
  };
}

function advertised(text: string | undefined): Entry {
  if (!text) throw new UsageError('missing mandatory --advertise flag');
  try {
    return parseEntry(text);
  } catch (error) {
    const usage = new UsageError(
      `--advertise should be of the form ip:port or hostname:port, not "${printable(text)}"`,
    );
    usage.cause = error;
    throw usage;
  }
}

function once(text: string, before: string | undefined): string {
  if (before !== undefined)
    throw new UsageError(`--advertise is given twice, "${before}" and "${text}": an engine has one address`);
  return text;
}
