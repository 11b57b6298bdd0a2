import { readFile, stat } from 'node:fs/promises';
import type { Clock } from '../../common/clock.ts';
import { DiscoveryError, fileProblem, reasonOf } from '../../common/errors.ts';
import type { DiscoveryBackend, DiscoverySettings, WatchEvent } from '../backend.ts';
import { type Entry, parseEntries, uniqueEntries } from '../entry.ts';
import { pollEntries } from '../poll.ts';
import { MAX_RANGE_ENTRIES } from '../range.ts';

const LOOK_EVERY_MS = 1000;
const RETRY_MAX_MS = 10_000;
const MAX_FILE_BYTES = 8 * 1024 * 1024;

/** `file:///path`: one entry or range a line, `#` starts a comment. Changes are seen within a few seconds. */
export async function openFileDiscovery(rest: string, settings: DiscoverySettings): Promise<DiscoveryBackend> {
  if (rest === '') throw new DiscoveryError('the path of the file is missing. Write it like file:///etc/enxame/nodes');
  return new FileDiscovery(rest, settings.heartbeatMs, settings.clock);
}

class FileDiscovery implements DiscoveryBackend {
  readonly name = 'file';
  readonly #path: string;
  readonly #heartbeatMs: number;
  readonly #clock: Clock;
  readonly #closed = new AbortController();

  constructor(path: string, heartbeatMs: number, clock: Clock) {
    this.#path = path;
    this.#heartbeatMs = heartbeatMs;
    this.#clock = clock;
  }

  async entries(signal: AbortSignal): Promise<readonly Entry[]> {
    signal.throwIfAborted();
    await stampOf(this.#path);
    return readEntries(this.#path, signal);
  }

  watch(signal: AbortSignal): AsyncIterable<WatchEvent> {
    const intervalMs = Math.min(LOOK_EVERY_MS, this.#heartbeatMs);
    const retryMaxMs = Math.min(RETRY_MAX_MS, this.#heartbeatMs);
    const ended = AbortSignal.any([signal, this.#closed.signal]);
    const look = lookAt(this.#path, this.#heartbeatMs, this.#clock);
    return pollEntries(look, { intervalMs, retryMaxMs, clock: this.#clock }, ended);
  }

  async close(): Promise<void> {
    this.#closed.abort();
  }
}

/**
 * Reads the file when it changed or a heartbeat has passed. A changed file must look the same at two looks before it counts:
 * editors and shells empty a file before they write it, and a file seen empty would mean that every engine left.
 */
function lookAt(path: string, heartbeatMs: number, clock: Clock): (signal: AbortSignal) => Promise<readonly Entry[]> {
  let known: { readonly stamp: string; readonly at: number; readonly entries: readonly Entry[] } | undefined;
  let settling: string | undefined;
  return async (signal) => {
    const stamp = await stampOf(path);
    if (known !== undefined) {
      if (stamp === known.stamp && clock.now() - known.at < heartbeatMs) return known.entries;
      if (stamp !== known.stamp && stamp !== settling) {
        settling = stamp;
        return known.entries;
      }
    }
    known = { stamp, at: clock.now(), entries: await readEntries(path, signal) };
    return known.entries;
  };
}

async function stampOf(path: string): Promise<string> {
  const stats = await stat(path).catch((error: unknown) => {
    throw unreadable(path, error);
  });
  if (!stats.isFile()) throw new DiscoveryError(`cannot read ${path}: it is not a regular file`, 'DISCOVERY_FILE');
  if (stats.size > MAX_FILE_BYTES) {
    throw new DiscoveryError(`cannot read ${path}: it is larger than ${MAX_FILE_BYTES} bytes`, 'DISCOVERY_FILE');
  }
  return `${stats.ino} ${stats.size} ${stats.mtimeMs}`;
}

async function readEntries(path: string, signal: AbortSignal): Promise<readonly Entry[]> {
  const text = await readFile(path, { encoding: 'utf8', signal }).catch((error: unknown) => {
    throw signal.aborted ? error : unreadable(path, error);
  });
  const found: Entry[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const content = line.replace(/#.*/, '').trim();
    if (content === '') continue;
    for (const entry of entriesOfLine(content, path, index + 1)) found.push(entry);
    if (found.length > MAX_RANGE_ENTRIES) {
      throw new DiscoveryError(`${path} has more than ${MAX_RANGE_ENTRIES} entries`, 'DISCOVERY_FILE');
    }
  }
  return uniqueEntries(found);
}

function entriesOfLine(content: string, path: string, line: number): readonly Entry[] {
  try {
    return parseEntries(content);
  } catch (error) {
    throw new DiscoveryError(`${path}, line ${line}: ${reasonOf(error)}`, 'BAD_ENTRY', error);
  }
}

function unreadable(path: string, cause: unknown): DiscoveryError {
  return new DiscoveryError(`cannot read ${path}: ${fileProblem(cause)}`, 'DISCOVERY_FILE', cause);
}
