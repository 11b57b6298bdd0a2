import { createReadStream } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { fileProblem } from '../../common/errors.ts';
import { DriverError } from '../errors.ts';

type Env = Readonly<Record<string, string | undefined>>;

const MAX_BYTES = 1024 * 1024;

/** Text of a file below the person's configuration folder (`$XDG_CONFIG_HOME`, else `~/.config`), as {@link settingsText} reads it. */
export async function configFile(env: Env, ...path: string[]): Promise<string | undefined> {
  const folder = env.XDG_CONFIG_HOME || join(env.HOME || homedir(), '.config');
  return await settingsText(join(folder, ...path));
}

/**
 * Text of a file with settings; undefined when it is not there. Rejects with a {@link DriverError} that names the file when it is
 * there and cannot be read, or has more than 1 MiB.
 */
export async function settingsText(file: string): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  try {
    // Also pipes and devices, which do not say their size.
    for await (const chunk of createReadStream(file, { end: MAX_BYTES })) chunks.push(chunk as Buffer);
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined;
    throw unreadable(file, fileProblem(error));
  }
  const content = Buffer.concat(chunks);
  if (content.length > MAX_BYTES) throw unreadable(file, 'it has more than 1 MiB');
  return content.toString('utf8');
}

/**
 * Content of a YAML file with settings, in which numbers are texts: passwords and IDs may look like numbers. Its errors name the place and
 * never quote the text, which has secrets in it.
 */
export function parseSettings(file: string, text: string): unknown {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    ...{ lineCounter: lines, prettyErrors: false, logLevel: 'silent' },
    customTags: (tags) => tags.filter((each) => typeof each === 'string' || !/:(int|float)$/.test(each.tag)),
  });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem !== undefined) {
    const { line, col } = lines.linePos(problem.pos[0]);
    throw unreadable(file, `line ${line}, column ${col} is not valid YAML; quotes make text of any value`);
  }
  try {
    return document.toJS();
  } catch {
    throw unreadable(file, 'a value begins with * and names no anchor; quotes make text of any value');
  }
}

function unreadable(file: string, reason: string): DriverError {
  return new DriverError(`${file} cannot be read: ${reason}`, 'BAD_OPTIONS');
}
