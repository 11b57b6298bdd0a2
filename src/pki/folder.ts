import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from '../common/files.ts';
import { writePrivate } from '../common/private-file.ts';
import { createAuthority, loadAuthority } from './authority.ts';
import { CertificateError, type KeyPair, readCertificate, type Validity, validityOf } from './certificate.ts';

/**
 * Certificates in a folder that a person keeps: `ca.pem` and `ca-key.pem`, and for each certificate a folder with `ca.pem`, `cert.pem`
 * and `key.pem`, the names that docker looks for in `$DOCKER_CERT_PATH`. Every file is its owner's alone.
 */
export interface CertificateFolder {
  readonly path: string;
  readonly nowMs: number;
}

/** One certificate in the folder. */
export interface HeldCertificate {
  /** Name of its folder; `ca` for the authority. */
  readonly name: string;
  readonly uses: readonly string[];
  /** Addresses and names it is good for. */
  readonly hosts: readonly string[];
  readonly validity: Validity;
}

/** What is asked for; see `CertificateRequest` of authority.ts. */
export interface WantedCertificate {
  readonly name: string;
  readonly purposes: readonly ('server' | 'client')[];
  readonly hosts?: readonly string[];
  readonly days?: number | undefined;
  /** Replace one that is there. */
  readonly replace: boolean;
}

const CA = 'ca';
const OIDS: ReadonlyMap<string, string> = new Map([
  ['1.3.6.1.5.5.7.3.1', 'server'],
  ['1.3.6.1.5.5.7.3.2', 'client'],
]);

/** Makes the folder's authority. Throws when there is one: everything it issued would be worthless. */
export async function makeCa({ path, nowMs }: CertificateFolder, commonName: string): Promise<void> {
  if (await exists(caFile(path)))
    throw failed(
      `${caFile(path)} is there already: a new authority would make everything worthless that this one issued. Use another --dir, or --renew to prolong it`,
    );
  await writeCa(path, await createAuthority(commonName, nowMs));
}

/** Prolongs the authority: the same key and name, so that what it issued stays good. */
export async function renewCa(folder: CertificateFolder): Promise<void> {
  const authority = await loadAuthority(await readCa(folder.path), () => folder.nowMs);
  await writeCa(folder.path, await authority.renew());
}

/** Issues a certificate into a folder of its name; answers that folder. */
export async function issueInto(folder: CertificateFolder, wanted: WantedCertificate): Promise<string> {
  const into = join(folder.path, wanted.name);
  const ca = await readCa(folder.path);
  if (!wanted.replace && (await exists(join(into, 'cert.pem'))))
    throw failed(`${into} has a certificate already. Replace it with --renew, or give another name`);
  const authority = await loadAuthority(ca, () => folder.nowMs);
  const { cert, key } = await authority.issue({
    commonName: wanted.name,
    purposes: wanted.purposes,
    ...(wanted.hosts ? { hosts: wanted.hosts } : {}),
    ...(wanted.days === undefined ? {} : { days: wanted.days }),
  });
  await writePrivate(join(into, 'ca.pem'), ca.cert);
  await writePrivate(join(into, 'key.pem'), key);
  await writePrivate(join(into, 'cert.pem'), cert);
  return into;
}

/** The authority first, then the others by name; what is no certificate is left out. */
export async function heldCertificates({ path, nowMs }: CertificateFolder): Promise<readonly HeldCertificate[]> {
  const entries = await readdir(path, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT' ? noCa(path) : error;
  });
  const names = entries.flatMap((entry) => (entry.isDirectory() ? entry.name : [])).sort();
  const pems = await Promise.all([
    readFile(caFile(path), 'utf8').catch(() => undefined),
    ...names.map((name) => readFile(join(path, name, 'cert.pem'), 'utf8').catch(() => undefined)),
  ]);
  return pems.flatMap((pem, index) => (pem === undefined ? [] : [describe(names[index - 1] ?? CA, pem, nowMs)]));
}

function describe(name: string, pem: string, nowMs: number): HeldCertificate {
  const certificate = readCertificate(pem, name === CA ? 'the CA certificate' : `the certificate of ${name}`);
  const hosts = (certificate.subjectAltName ?? '')
    .split(', ')
    .flatMap((text) => text.replace(/^(?:DNS|IP Address):/, '') || []);
  const uses = certificate.ca ? ['authority'] : (certificate.keyUsage ?? []).map((oid) => OIDS.get(oid) ?? oid);
  return { name, uses, hosts, validity: validityOf(pem, nowMs) };
}

async function readCa(path: string): Promise<KeyPair> {
  try {
    return { cert: await readFile(caFile(path), 'utf8'), key: await readFile(caKeyFile(path), 'utf8') };
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? noCa(path, error) : error;
  }
}

/** The key first: an authority is there when its certificate is. */
async function writeCa(path: string, { cert, key }: KeyPair): Promise<void> {
  await writePrivate(caKeyFile(path), key);
  await writePrivate(caFile(path), cert);
}

function caFile(path: string): string {
  return join(path, 'ca.pem');
}

function caKeyFile(path: string): string {
  return join(path, 'ca-key.pem');
}

function noCa(path: string, cause?: unknown): CertificateError {
  return new CertificateError(
    `there is no authority in ${path} (ca.pem and ca-key.pem). Make one with 'enxame certs ca', or name its folder with --dir`,
    'NO_CA',
    cause,
  );
}

function failed(message: string): CertificateError {
  return new CertificateError(message, 'CERTIFICATE_EXISTS');
}
