import { createReadStream } from 'node:fs';
import { fileProblem, UsageError } from '../../common/errors.ts';
import { expandHome } from './key-files.ts';

/** What a provider takes as user data. */
export interface UserDataFlag {
  readonly flag: string;
  /** Bytes it takes; default: what the most generous one takes. */
  readonly maxBytes?: number;
}

const MOST_BYTES = 256 * 1024;

/**
 * Content of a file of user data, which may be compressed; undefined without a file. Throws a UsageError that names the flag when it
 * cannot be read or is too long.
 */
export async function givenBytes(
  file: string | undefined,
  { flag, maxBytes = MOST_BYTES }: UserDataFlag,
): Promise<Buffer | undefined> {
  if (file === undefined) return undefined;
  const chunks: Buffer[] = [];
  try {
    // Also pipes and devices, which do not say their size.
    for await (const chunk of createReadStream(expandHome(file), { end: maxBytes })) chunks.push(chunk as Buffer);
  } catch (error) {
    throw new UsageError(`--${flag} "${file}" cannot be read: ${fileProblem(error)}`);
  }
  const content = Buffer.concat(chunks);
  if (content.length <= maxBytes) return content;
  throw new UsageError(`--${flag} "${file}" is too long: the provider takes ${maxBytes} bytes of user data`);
}

/** Like {@link givenBytes}, for providers that take only text. */
export async function givenText(file: string | undefined, flag: UserDataFlag): Promise<string | undefined> {
  const content = await givenBytes(file, flag);
  if (content === undefined) return undefined;
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(content);
  } catch {
    throw new UsageError(`--${flag.flag} "${file}" is no text in UTF-8, and the provider takes nothing else`);
  }
}
