import { chmod, readFile, rm, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { reasonOf, UsageError } from '../../common/errors.ts';
import type { DriverContext } from '../driver.ts';
import { planned } from './planned.ts';

/** The key a machine is reached with. */
export interface KeyFiles {
  /** Absolute path of the private key. */
  readonly path: string;
  /** One line as in `authorized_keys`. */
  readonly publicKey: string;
}

const KEY = 'id_ed25519';

/**
 * The key of a machine's own in its folder, made when it is not there yet: Ed25519, for its owner only. A dry run has no folder, so
 * making it is a change like those at the provider.
 */
export async function ownKey({
  directory,
  name,
  change,
}: Pick<DriverContext<unknown>, 'directory' | 'name' | 'change'>): Promise<KeyFiles> {
  const path = join(directory, KEY);
  const existing = await publicHalf(path);
  if (existing !== undefined) return { path, publicKey: existing };
  const make = async (): Promise<KeyFiles> => {
    const pair = ssh2.utils.generateKeyPairSync('ed25519', { comment: name });
    await writeFile(path, pair.private, { mode: 0o600 });
    await chmod(path, 0o600);
    await writeFile(`${path}.pub`, `${pair.public}\n`);
    return { path, publicKey: pair.public };
  };
  return await change({ action: 'make an SSH key' }, make, { path, publicKey: planned('public key') });
}

/** Removes the key {@link ownKey} made, if it did. */
export async function removeOwnKey(directory: string): Promise<void> {
  for (const name of [KEY, `${KEY}.pub`]) await rm(join(directory, name), { force: true });
}

/** Where {@link ownKey} keeps the private key. */
export function ownKeyPath(directory: string): string {
  return join(directory, KEY);
}

/** A key of the person's. Throws a UsageError that names `flag` when it cannot be read. */
export async function givenKey(file: string, flag: string): Promise<KeyFiles> {
  const path = expandHome(file);
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new UsageError(`--${flag} "${file}" cannot be read: ${reasonOf(error)}`);
  });
  const parsed = ssh2.utils.parseKey(text);
  if (parsed instanceof Error) {
    // A private key with a passphrase: the agent opens it, and the public half lies beside it.
    const beside = await readFile(`${path}.pub`, 'utf8').catch(() => undefined);
    if (beside !== undefined) return { path, publicKey: beside.trim() };
    throw new UsageError(`--${flag} "${file}" is no usable private key: ${parsed.message}`);
  }
  return { path, publicKey: publicLine(parsed) };
}

/** `~/x` as the shell would read it. */
export function expandHome(file: string): string {
  return file.startsWith('~/') ? join(homedir(), file.slice(2)) : file;
}

async function publicHalf(path: string): Promise<string | undefined> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const parsed = ssh2.utils.parseKey(text);
  // A key cut off in the middle of being written is made anew.
  return parsed instanceof Error ? undefined : publicLine(parsed);
}

function publicLine(key: ssh2.ParsedKey): string {
  return `${key.type} ${key.getPublicSSH().toString('base64')} ${key.comment}`.trim();
}
