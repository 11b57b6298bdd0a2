import { createCipheriv, createDecipheriv, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { gunzipSync, gzipSync } from 'node:zlib';
import { z } from 'zod';
import { reasonOf, UsageError } from '../../common/errors.ts';

/** One file of a machine or of an authority, as an export carries it. */
export interface SharedFile {
  /** Below the store's root, with slashes: `machines/queen/machine.json`. */
  readonly path: string;
  readonly content: Buffer;
}

/** What lies in an export. */
export interface Share {
  /** Names of the machines in it. */
  readonly machines: readonly string[];
  readonly files: readonly SharedFile[];
}

const MAGIC = Buffer.from('enxame-machines\0');
const PLAIN = 0;
const LOCKED = 1;
const SALT_BYTES = 16;
const IV_BYTES = 12;
const TAG_BYTES = 16;
/** About a tenth of a second and 64 MiB for each guess of a passphrase. */
const SCRYPT = { N: 2 ** 16, r: 8, p: 1, maxmem: 128 * 2 ** 20 } as const;
const MAX_BYTES = 64 * 2 ** 20;

const document = z.object({
  version: z.literal(1),
  machines: z.array(z.string()),
  files: z.array(z.object({ path: z.string(), content: z.base64() })),
});

const derive = promisify<string, Buffer, number, object, Buffer>(scrypt);

/**
 * One file with everything in it: `enxame-machines`, a zero, a byte for whether it is locked, then gzipped JSON; locked with a
 * passphrase it is salt, nonce and the JSON under AES-256-GCM with a key from scrypt.
 */
export async function packShare(share: Share, passphrase: string | undefined): Promise<Buffer> {
  const files = share.files.map(({ path, content }) => ({ path, content: content.toString('base64') }));
  const body = gzipSync(JSON.stringify({ version: 1, machines: share.machines, files }));
  if (passphrase === undefined) return Buffer.concat([MAGIC, Buffer.of(PLAIN), body]);
  const [salt, iv] = [randomBytes(SALT_BYTES), randomBytes(IV_BYTES)];
  const head = Buffer.concat([MAGIC, Buffer.of(LOCKED), salt, iv]);
  const cipher = createCipheriv('aes-256-gcm', await derive(passphrase, salt, 32, SCRYPT), iv);
  cipher.setAAD(head);
  const locked = Buffer.concat([cipher.update(body), cipher.final()]);
  return Buffer.concat([head, locked, cipher.getAuthTag()]);
}

/** Whether the file needs a passphrase. Throws a UsageError for what is no export. */
export function isLocked(file: Buffer): boolean {
  const kind = file[MAGIC.length];
  if (file.subarray(0, MAGIC.length).equals(MAGIC) && (kind === PLAIN || kind === LOCKED)) return kind === LOCKED;
  throw new UsageError('that file is no export of machines: it comes from "enxame machine export"', 'NOT_AN_EXPORT');
}

/** Undoes {@link packShare}. Throws a UsageError for a wrong passphrase and for what was damaged; paths are checked. */
export async function unpackShare(file: Buffer, passphrase: string | undefined): Promise<Share> {
  const at = MAGIC.length + 1;
  if (!isLocked(file)) return readBody(file.subarray(at));
  if (passphrase === undefined) throw new UsageError('that export is locked: give --passphrase-file', 'NO_PASSPHRASE');
  const [salt, iv] = [file.subarray(at, at + SALT_BYTES), file.subarray(at + SALT_BYTES, at + SALT_BYTES + IV_BYTES)];
  const head = file.subarray(0, at + SALT_BYTES + IV_BYTES);
  const decipher = createDecipheriv('aes-256-gcm', await derive(passphrase, Buffer.from(salt), 32, SCRYPT), iv);
  decipher.setAAD(head);
  try {
    decipher.setAuthTag(file.subarray(file.length - TAG_BYTES));
    const body = [decipher.update(file.subarray(head.length, file.length - TAG_BYTES)), decipher.final()];
    return readBody(Buffer.concat(body));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError('the passphrase is wrong, or the export was damaged on its way', 'BAD_PASSPHRASE');
  }
}

function readBody(body: Buffer): Share {
  let value: unknown;
  try {
    value = JSON.parse(gunzipSync(body, { maxOutputLength: MAX_BYTES }).toString());
  } catch (error) {
    throw damaged(reasonOf(error));
  }
  const result = document.safeParse(value);
  if (!result.success) throw damaged(result.error.issues[0]?.message ?? 'unknown content');
  const files = result.data.files.map(({ path, content }) => ({ path, content: Buffer.from(content, 'base64') }));
  const bad = files.find(({ path }) => !isInside(path));
  if (bad !== undefined) throw damaged(`it names the file ${JSON.stringify(bad.path)}`);
  return { machines: result.data.machines, files };
}

/** Only what a store has may be written into one: a share comes from another person. */
function isInside(path: string): boolean {
  const parts = path.split('/');
  return (
    /^(machines|certs)$/.test(parts[0] ?? '') &&
    parts.length >= 3 &&
    parts.every((part) => /^[A-Za-z0-9_@+-][A-Za-z0-9_@+.-]*$/.test(part))
  );
}

function damaged(why: string): UsageError {
  return new UsageError(`the export cannot be read (${why}): ask for it again`, 'NOT_AN_EXPORT');
}
