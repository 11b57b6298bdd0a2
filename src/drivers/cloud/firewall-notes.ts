import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writePrivate } from '../../common/private-file.ts';
import { DriverError } from '../errors.ts';
import { type Opened, openedFrom, openedText } from './rule-cover.ts';

/** What a machine let in at its firewall; beside the record, which another process may be writing. */
const FILE = 'firewall.json';

/** Undefined where there are none yet. Rejects when they cannot be read: what people let in would count as the machine's. */
export async function readNotes(directory: string): Promise<readonly Opened[] | undefined> {
  const file = join(directory, FILE);
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw unreadable(file, error);
  });
  if (text === undefined) return undefined;
  try {
    return z
      .array(z.string())
      .parse(JSON.parse(text))
      .map((each) => openedFrom(each) ?? fail(each));
  } catch (error) {
    throw unreadable(file, error);
  }
}

export async function writeNotes(directory: string, own: readonly Opened[]): Promise<void> {
  const texts = [...new Set(own.map(openedText))].sort();
  await writePrivate(join(directory, FILE), `${JSON.stringify(texts)}\n`);
}

function fail(text: string): never {
  throw new Error(`"${text}" is no port from a network`);
}

function unreadable(file: string, cause: unknown): DriverError {
  const message = `${file}, which says what rules of its firewall are the machine's, cannot be read. Mend or remove it: without it all rules on the machine's ports are its own`;
  return new DriverError(message, 'BAD_NOTES', cause);
}
