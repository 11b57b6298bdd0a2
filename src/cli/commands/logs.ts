import type { Command } from 'commander';
import picocolors from 'picocolors';
import { parseDuration } from '../../common/duration.ts';
import { UsageError } from '../../common/errors.ts';
import { printable } from '../../common/printable.ts';
import type { CommandContext } from '../command.ts';
import { LogFollower, type LogWish } from '../logs/log-follower.ts';
import type { LogLine } from '../logs/log-lines.ts';
import { LogMerger } from '../logs/log-merger.ts';
import { findSubject } from '../logs/log-subject.ts';
import { addManagerFlags, MANAGER_HELP, type ManagerFlags, managerClient } from '../manager-client.ts';
import { wantsColor } from '../output/colors.ts';

interface Flags extends ManagerFlags {
  readonly follow?: boolean;
  readonly tail: string;
  readonly since?: string;
  readonly until?: string;
  readonly timestamps?: boolean;
}

const EXAMPLES = `
Examples:
  $ enxame logs -f shop                                   # all containers of the Compose project shop
  $ enxame logs -f --tail 10 shop/web                     # the service web of it
  $ enxame logs --since 10m --timestamps web              # the service web of every project

The lines of all containers come in the order of their time, each with node and container in front. NAME is a Compose project, a
service, a group (label io.enxame.group) or a container. Following goes on when containers are restarted or recreated, and is ended
with Ctrl-C.
${MANAGER_HELP}`;

/** `enxame logs`: the logs of all containers of a service or a project, merged. */
export function configure(command: Command, context: CommandContext): void {
  addManagerFlags(command)
    .argument('<name>', 'a project, a service, PROJECT/SERVICE or a container')
    .option('-f, --follow', 'go on with what is written later')
    .option('-n, --tail <lines>', 'lines of each container to begin with, or all', 'all')
    .option('--since <time>', 'lines since a time (2026-01-31T12:00:00Z) or a duration ago (10m)')
    .option('--until <time>', 'lines before a time or a duration ago')
    .option('-t, --timestamps', 'show when lines were written')
    .addHelpText('after', EXAMPLES)
    .action((name: string, flags: Flags) =>
      flags.follow
        ? logs(name, flags, context, context.stopSignal())
        : context.interruptible((signal) => logs(name, flags, context, signal)),
    );
}

/** How long lines wait for earlier ones: of logs that are silent, and of logs that have not begun. */
const FOLLOWING = { holdMs: 250, firstHoldMs: 3_000 };
const ENDING = { holdMs: 10_000, firstHoldMs: 10_000 };

async function logs(name: string, flags: Flags, context: CommandContext, signal: AbortSignal): Promise<void> {
  const wish = wishOf(flags, context.clock.now());
  const client = await managerClient(flags, context);
  const { clock } = context;
  const write = writer(context, flags.timestamps ?? false);
  const warn = (text: string): void => context.err(`enxame: logs: ${printable(text)}\n`);
  const merger = new LogMerger({ clock, write }, wish.follow ? FOLLOWING : ENDING);
  try {
    const subject = await findSubject(name, client, signal);
    await new LogFollower({ client, merger, clock, warn }, subject, wish, signal).run();
  } catch (error) {
    // Ctrl-C is how following ends.
    if (!(wish.follow && signal.aborted)) throw error;
  } finally {
    merger.flush();
  }
}

function wishOf({ follow = false, tail, since, until }: Flags, nowMs: number): LogWish {
  if (tail !== 'all' && !/^\d{1,9}$/.test(tail))
    throw new UsageError(`--tail should be a number or all, not "${tail}"`);
  if (follow && until !== undefined) throw new UsageError('--follow and --until exclude each other');
  return { follow, tail, since: momentOf('--since', since, nowMs), until: momentOf('--until', until, nowMs) };
}

/** Seconds since the epoch, as the API takes them. */
function momentOf(flag: string, text: string | undefined, nowMs: number): string {
  if (text === undefined) return '';
  if (/^\d{9,11}(\.\d{1,9})?$/.test(text)) return text;
  if (/^\d{4}-/.test(text)) {
    const ms = Date.parse(text);
    if (Number.isFinite(ms)) return (ms / 1_000).toFixed(3);
  } else if (/^[\d.]+[a-zµμ]/.test(text)) return ((nowMs - parseDuration(text)) / 1_000).toFixed(3);
  throw new UsageError(`${flag} "${text}" is neither a time like 2026-01-31T12:00:00Z nor a duration like 10m`);
}

const COLORS = ['cyan', 'yellow', 'green', 'magenta', 'blue'] as const;

/** Titles are aligned to the longest so far; each has a colour of its own where there are colours. */
function writer(context: CommandContext, hasTimes: boolean): (line: LogLine, title: string) => void {
  const colors = picocolors.createColors(context.columns !== undefined && wantsColor(context.env));
  const paints = new Map<string, (text: string) => string>();
  let width = 0;
  return ({ text, time }, title) => {
    width = Math.max(width, title.length);
    const paint = paints.get(title) ?? colors[COLORS[paints.size % COLORS.length] ?? 'cyan'];
    paints.set(title, paint);
    const shown = hasTimes && time !== '' ? `${time} ${text}` : text;
    context.out(`${paint(`${printable(title).padEnd(width)} |`)} ${shown}\n`);
  };
}
