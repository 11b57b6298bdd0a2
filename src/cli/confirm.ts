import { createInterface } from 'node:readline/promises';
import { UsageError } from '../common/errors.ts';
import type { Io } from './io.ts';

/** Asks on the terminal. Without one throws a {@link UsageError} that names the flag to pass instead. */
export async function confirm(question: string, flag: string, io: Pick<Io, 'isErrTerminal'>): Promise<boolean> {
  if (!io.isErrTerminal || process.stdin.isTTY !== true)
    throw new UsageError(`${question} Not a terminal: pass ${flag}`, 'NOT_CONFIRMED');
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await prompt.question(`${question} (y/n): `)).trim());
  } finally {
    prompt.close();
  }
}
