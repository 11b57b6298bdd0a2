import { readFile } from 'node:fs/promises';

/** Connections to one engine that stay open: events, probe, one or two for calls. */
const PER_ENGINE = 4;
/** For clients, files and streams. */
const RESERVE = 1_000;

/** One line when this process may not open as many files as so many engines need; undefined when it may, or when that is unknown. */
export async function descriptorWarning(
  engines: number,
  limitsFile: string = LIMITS_FILE,
): Promise<string | undefined> {
  const text = await readFile(limitsFile, 'utf8').catch(() => ''); // Only Linux has it.
  const limit = Number(/^Max open files\s+(\d+)/m.exec(text)?.[1]);
  const needed = engines * PER_ENGINE + RESERVE;
  if (!(limit < needed)) return undefined;
  return `${engines} engines may need ${needed} open files, but the limit is ${limit}: start the manager after "ulimit -n ${needed}", or with LimitNOFILE=${needed} in its systemd unit`;
}

const LIMITS_FILE = '/proc/self/limits';
