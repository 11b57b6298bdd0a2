import type { Command } from 'commander';
import { formatDuration } from '../../common/duration.ts';
import { ClusterError } from '../../common/errors.ts';
import type { CommandContext } from '../command.ts';
import { addDiscovery, DISCOVERY_HELP, durationFlag, openDiscoveryArgument } from '../discovery-options.ts';

interface Flags {
  readonly timeout: number;
  readonly discoveryOpt?: readonly string[];
}

const EXAMPLES = `
Examples:
  $ enxame list token://6856663cdefdec325839a4b7e1de38e8
  $ enxame list file:///etc/enxame/nodes
  $ enxame list 10.0.0.[1:3]:2376,ssh://root@10.0.0.9
${DISCOVERY_HELP}`;

const DEFAULT_TIMEOUT_MS = 10_000;
const HEARTBEAT_MS = 60_000;

/** `enxame list`: prints the entries, one a line. */
export function configure(command: Command, context: CommandContext): void {
  addDiscovery(command)
    .option('--timeout <duration>', 'time limit (default: 10s)', durationFlag('--timeout'))
    .addHelpText('after', EXAMPLES)
    .action((discovery: string | undefined, flags: Partial<Flags>) =>
      list(discovery, { timeout: DEFAULT_TIMEOUT_MS, ...flags }, context),
    );
}

async function list(discovery: string | undefined, flags: Flags, context: CommandContext): Promise<void> {
  const backend = await openDiscoveryArgument(discovery, flags.discoveryOpt, {
    ...context,
    heartbeatMs: HEARTBEAT_MS,
    onLeftOut: (entry, why) => context.err(`enxame: list: left out "${entry}": ${why}\n`),
  });
  const timeout = AbortSignal.timeout(Math.min(Math.ceil(flags.timeout), 2 ** 31 - 1));
  try {
    const entries = await backend.entries(timeout);
    context.out(entries.map((entry) => `${entry.canonical}\n`).join(''));
  } catch (error) {
    throw timeout.aborted ? timedOut(flags.timeout) : error;
  } finally {
    await backend.close();
  }
}

function timedOut(timeoutMs: number): ClusterError {
  const message = `Timed out: no answer within ${formatDuration(timeoutMs)}. Wait longer with --timeout`;
  return new ClusterError(message, { code: 'TIMED_OUT', status: 504 });
}
