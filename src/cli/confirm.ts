import { createInterface } from 'node:readline/promises';
import { UsageError } from '../common/errors.ts';
import type { Io } from './io.ts';

/** Asks a person; without one there to answer, says which flag answers instead. */
export async function confirm(question: string, flag: string, io: Pick<Io, 'isErrTerminal'>): Promise<boolean> {
  if (!io.isErrTerminal || process.stdin.isTTY !== true)
    throw new UsageError(`${question} Nobody is there to answer: say ${flag}`, 'NOT_CONFIRMED');
  const prompt = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await prompt.question(`${question} (y/n): `)).trim());
  } finally {
    prompt.close();
  }
}
