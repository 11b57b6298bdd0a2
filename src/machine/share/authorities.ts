import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConflictError, UsageError } from '../../common/errors.ts';
import type { MachineStore } from '../store.ts';
import { type AuthorityFiles, OWN_AUTHORITY, writeAuthority } from '../trust.ts';
import type { Share } from './archive.ts';

/**
 * Name of a shared authority in every store, made of its key and so the same each time: the first one of every store is called `own`, and a name
 * that came along could be that of another one here.
 */
export function sharedAuthorityName(caPem: string): string {
  const key = new X509Certificate(caPem).publicKey.export({ type: 'spki', format: 'der' });
  return `from-${createHash('sha256').update(key).digest('hex').slice(0, 8)}`;
}

/** Authorities a share carries, by the names its machines know them by. Throws a UsageError for what no export has. */
export function authoritiesIn(share: Share): ReadonlyMap<string, AuthorityFiles> {
  const parts = share.files.flatMap(({ path, content }) => {
    const [top, name = '', file = '', ...rest] = path.split('/');
    return top === 'certs' ? [{ name, file: [file, ...rest].join('/'), text: content.toString() }] : [];
  });
  if (parts.some(({ name }) => name === OWN_AUTHORITY)) throw forged(`it carries "certs/${OWN_AUTHORITY}"`);
  return new Map(
    [...new Set(parts.map(({ name }) => name))].map((name) => {
      const files = new Map(parts.filter((part) => part.name === name).map(({ file, text }) => [file, text]));
      return [name, authorityOf(name, files)];
    }),
  );
}

const FILES = ['ca.pem', 'ca-key.pem', 'cert.pem', 'key.pem'];

function authorityOf(name: string, files: ReadonlyMap<string, string>): AuthorityFiles {
  const [caCert = '', caKey = '', cert = '', key = ''] = FILES.map((file) => files.get(file));
  const isPair = (certificate: string, secret: string): boolean =>
    new X509Certificate(certificate).checkPrivateKey(createPrivateKey(secret));
  try {
    if (files.size === FILES.length && isPair(caCert, caKey) && isPair(cert, key))
      return { ca: { cert: caCert, key: caKey }, client: { cert, key } };
  } catch {
    // Said below.
  }
  throw forged(`its authority "${name}" is not whole`);
}

/**
 * Puts authorities that were shared into the store. One that is here already must have the same key and stays as it is. Returns their
 * names here by those they have in the share.
 */
export async function importAuthorities(
  authorities: ReadonlyMap<string, AuthorityFiles>,
  store: MachineStore,
): Promise<ReadonlyMap<string, string>> {
  const names = new Map<string, string>();
  for (const [shared, files] of authorities) {
    const name = sharedAuthorityName(files.ca.cert);
    const place = join(store.root, 'certs', name, 'ca-key.pem');
    const found = await readFile(place, 'utf8').catch(() => undefined);
    if (found === undefined) await writeAuthority(store, name, files);
    else if (found !== files.ca.key)
      throw new ConflictError(`${place} is another authority's key: move it away first`, 'AUTHORITY_DIFFERS');
    names.set(shared, name);
  }
  return names;
}

/**
 * Name of the authority of a machine whose authority did not come with it: one that has no key here, so that no authority is made to sign for
 * another person's machine.
 */
export function keylessAuthority(given: string | undefined, caPem: string | undefined, store: MachineStore): string {
  const isFree = /^from-[0-9a-f]{8}$/.test(given ?? '') && !existsSync(join(store.root, 'certs', given ?? ''));
  if (isFree && given !== undefined) return given;
  return `without-key-${createHash('sha256')
    .update(caPem ?? '')
    .digest('hex')
    .slice(0, 8)}`;
}

function forged(why: string): UsageError {
  return new UsageError(
    `the export was not made by "enxame machine export" (${why}): nothing was imported`,
    'NOT_AN_EXPORT',
  );
}
