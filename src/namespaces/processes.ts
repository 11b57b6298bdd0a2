import { readdirSync, readFileSync } from 'node:fs';
import { systemClock } from '../common/clock.ts';
import { retry } from '../common/retry.ts';
import { HostError } from './errors.ts';

const LONGEST_TIMER_MS = 2 ** 31 - 1;
/** Only against what never comes: a busy machine is late with everything. */
const PATIENCE_MS = 120_000;

/** A process that cannot be mistaken for another one that got its ID later. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks since boot, from /proc/PID/stat. */
  readonly startTicks: string;
}

/** Identity of a running process; undefined when there is none (a zombie counts as none). */
export function identify(pid: number): ProcessIdentity | undefined {
  const fields = statFields(pid);
  const [state, startTicks] = [fields?.[0], fields?.[19]];
  if (startTicks === undefined || state === 'Z' || state === 'X') return undefined;
  return { pid, startTicks };
}

/** Identity of a child just spawned, which may have ended already: it stays a zombie at least until this turn ends. */
export function identifyChild(pid: number): ProcessIdentity | undefined {
  const startTicks = statFields(pid)?.[19];
  return startTicks === undefined ? undefined : { pid, startTicks };
}

/** Whether exactly this process still runs. */
export function isAlive(identity: ProcessIdentity): boolean {
  return identify(identity.pid)?.startTicks === identity.startTicks;
}

/** Sends the signal to exactly this process; false when it is gone. */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!isAlive(identity)) return false;
  try {
    return process.kill(identity.pid, signal);
  } catch {
    return false;
  }
}

/** Children of a process, oldest first. */
export function childrenOf(pid: number): number[] {
  const threads = listing(`/proc/${pid}/task`);
  return threads.flatMap((thread) => numbers(content(`/proc/${pid}/task/${thread}/children`)));
}

/** The name the kernel shows for a process ("dockerd"). */
export function commandName(pid: number): string {
  return content(`/proc/${pid}/comm`).trim();
}

/**
 * Polls until `probe` answers something; rejects with `what` after `timeoutMs` (default: two minutes). Keeps the process alive meanwhile, as the clock does not:
 * hosts that are being made or removed must not be left half-way.
 */
export async function waitFor<T>(
  what: string,
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  options: {
    readonly timeoutMs?: number;
    readonly everyMs?: number;
    readonly signal?: AbortSignal | undefined;
    /** Whether an error of `probe` may pass; any may, unless told. Others are thrown at once. */
    readonly passes?: (error: unknown) => boolean;
    /** What is told beside `what` when it did not come. */
    readonly why?: () => string | Promise<string>;
  } = {},
): Promise<T> {
  const { timeoutMs = PATIENCE_MS, everyMs = 20, signal, passes = () => true, why = () => '' } = options;
  const isThere = (found: T | undefined | false): boolean => found !== undefined && found !== false;
  const deadline = systemClock.now() + timeoutMs;
  const alive = setInterval(() => undefined, LONGEST_TIMER_MS);
  const waiting = retry(systemClock, probe, { backoff: everyMs, until: isThere, deadline, signal, passes });
  const found = await waiting.finally(() => clearInterval(alive));
  if (found !== undefined && found !== false) return found;
  throw new HostError(`wait for ${what}: not after ${timeoutMs} ms${await why()}`, 'HOST_TIMEOUT');
}

/** Fields of /proc/PID/stat from the state on; the command before may itself hold spaces and brackets. */
function statFields(pid: number): string[] | undefined {
  const stat = content(`/proc/${pid}/stat`);
  return stat === '' ? undefined : stat.slice(stat.lastIndexOf(')') + 2).split(' ');
}

function content(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

function listing(path: string): string[] {
  try {
    return readdirSync(path);
  } catch {
    return [];
  }
}

function numbers(list: string): number[] {
  return list.split(/\s+/).filter(Boolean).map(Number);
}
