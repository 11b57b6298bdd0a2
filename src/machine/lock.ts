import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { link, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import type { Clock } from '../common/clock.ts';
import { ConflictError } from '../common/errors.ts';
import { privateFolder } from '../common/private-file.ts';
import { retry } from '../common/retry.ts';

/** A lock that is held. */
export interface Lock {
  /** Gives it free. May be called again. */
  close(): Promise<void>;
}

interface Holder {
  readonly id: string;
  readonly host: string;
  readonly pid: number;
  /** When the process began, as far as the system tells: a process ID alone may come again. */
  readonly startTicks: string;
  readonly purpose: string;
}

const RETRY_MS = 50;
/** A guard older than this was left by a process that ended within the microseconds it is held. */
const GUARD_MS = 10_000;

/**
 * Takes the lock of that file, made complete or not at all by link(2). A lock whose process ended is taken over. Waits up to
 * `waitMs` for another holder, then throws a {@link ConflictError} that names it.
 */
export async function acquireLock(
  path: string,
  options: { readonly purpose: string; readonly waitMs: number; readonly what: string; readonly clock: Clock },
  signal: AbortSignal,
): Promise<Lock> {
  const { clock, waitMs, purpose, what } = options;
  const self: Holder = { id: randomBytes(8).toString('hex'), host: hostname(), ...ownProcess(), purpose };
  const deadline = clock.now() + waitMs;
  await privateFolder(dirname(path));
  const outcome = await retry(clock, () => take(path, self, signal), {
    until: isLock,
    passes: () => false,
    backoff: RETRY_MS,
    deadline,
    signal,
  });
  if (isLock(outcome)) return outcome;
  throw inUse(what, outcome, path);
}

/** The lock, or its holder if that still runs. */
async function take(path: string, self: Holder, signal: AbortSignal): Promise<Lock | Holder> {
  for (;;) {
    signal.throwIfAborted();
    if (await place(path, self)) return held(path, self);
    const holder = await holderOf(path);
    if (holder === undefined) continue;
    if (!isGone(holder)) return holder;
    await evict(path, holder.id);
  }
}

function isLock(outcome: Lock | Holder): outcome is Lock {
  return 'close' in outcome;
}

function held(path: string, self: Holder): Lock {
  return {
    close: async () => {
      if ((await holderOf(path))?.id === self.id) await rm(path, { force: true });
    },
  };
}

async function place(path: string, self: Holder): Promise<boolean> {
  const draft = join(dirname(path), `.${self.id}`);
  await writeFile(draft, JSON.stringify(self), { mode: 0o600 });
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  } finally {
    await rm(draft, { force: true });
  }
}

/** Undefined when there is none; one that cannot be read has no holder any more. */
async function holderOf(path: string): Promise<Holder | undefined> {
  const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  try {
    return JSON.parse(text) as Holder;
  } catch {
    return { id: '', host: hostname(), pid: 0, startTicks: '', purpose: '' };
  }
}

/** Removes the lock if it is still that holder's. The guard keeps two processes from doing it one after the other. */
async function evict(path: string, id: string): Promise<void> {
  const guard = `${path}.guard`;
  try {
    await writeFile(guard, '', { flag: 'wx', mode: 0o600 });
  } catch {
    const age = await stat(guard).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
    if (age > GUARD_MS) await rm(guard, { force: true });
    return;
  }
  try {
    const holder = await holderOf(path);
    if (holder?.id === id) await rm(path, { force: true });
  } finally {
    await rm(guard, { force: true });
  }
}

function isGone(holder: Holder): boolean {
  // Of a process on another computer that shares the folder nothing can be known.
  if (holder.host !== hostname()) return false;
  if (holder.pid === 0) return true;
  try {
    process.kill(holder.pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
  const ticks = startTicks(holder.pid);
  return ticks !== '' && holder.startTicks !== '' && ticks !== holder.startTicks;
}

function ownProcess(): { readonly pid: number; readonly startTicks: string } {
  return { pid: process.pid, startTicks: startTicks(process.pid) };
}

/** Clock ticks since boot from /proc; empty where there is no /proc. */
function startTicks(pid: number): string {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ')[19] ?? '';
  } catch {
    return '';
  }
}

function inUse(what: string, holder: Holder, path: string): ConflictError {
  const where = holder.host === hostname() ? '' : ` on ${holder.host}; if that is gone, remove ${path}`;
  return new ConflictError(
    `${what} is in use by another enxame (process ${holder.pid}: ${holder.purpose})${where}. Try again when it is done`,
    'MACHINE_BUSY',
  );
}
