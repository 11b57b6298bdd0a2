import { readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../common/clock.ts';
import { writePrivate } from '../common/private-file.ts';
import { type KeyPair, type Validity, validityOf } from '../pki/certificate.ts';
import type { ServerCertificates } from '../provision/provisioner.ts';
import { StoreError } from './errors.ts';
import type { MachineStore, StoredMachine } from './store.ts';

/** The authority of machines made here. Others come with imported machines. */
export const OWN_AUTHORITY = 'own';

/** The files of an authority: `ca` signs, `client` is how we show ourselves to engines. */
export interface AuthorityFiles {
  readonly ca: KeyPair;
  readonly client: KeyPair;
}

/** What trust in machines is made with. */
export interface TrustDeps {
  readonly store: MachineStore;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** The authority of that name; {@link OWN_AUTHORITY} is made when it is not there. */
export async function readAuthority(name: string, context: TrustDeps): Promise<AuthorityFiles> {
  const folder = await context.store.folder('certs', name);
  const found = await readFiles(folder);
  if (found !== undefined) return found;
  if (name !== OWN_AUTHORITY)
    throw new StoreError(
      `the authority "${name}" of that machine has no key here: ask who exported it for a new certificate`,
      'NO_AUTHORITY',
    );
  const lock = await context.store.lockShared('making certificates', context.signal);
  try {
    return (await readFiles(folder)) ?? (await makeAuthority(name, context));
  } finally {
    await lock.close();
  }
}

/** Keeps an authority that came from elsewhere. */
export async function writeAuthority(store: MachineStore, name: string, files: AuthorityFiles): Promise<void> {
  const folder = await store.folder('certs', name);
  await writePrivate(join(folder, 'ca.pem'), files.ca.cert);
  await writePrivate(join(folder, 'cert.pem'), files.client.cert);
  await writePrivate(join(folder, 'key.pem'), files.client.key);
  // Last: the authority is there when its key is.
  await writePrivate(join(folder, 'ca-key.pem'), files.ca.key);
}

async function makeAuthority(name: string, { store, clock }: TrustDeps): Promise<AuthorityFiles> {
  const { createAuthority } = await import('../pki/authority.ts');
  const ca = await createAuthority(`enxame machines of ${userName()}`, clock.now());
  const files = { ca, client: await issueClient(ca, { clock }) };
  await writeAuthority(store, name, files);
  return files;
}

/** A certificate for us, of that authority. */
export async function issueClient(ca: KeyPair, { clock }: Pick<TrustDeps, 'clock'>): Promise<KeyPair> {
  const { loadAuthority } = await import('../pki/authority.ts');
  return await (await loadAuthority(ca, () => clock.now())).issue({ commonName: userName(), purposes: ['client'] });
}

/**
 * A new server certificate for the machine, good for `hosts`, and our own certificate beside it in its `tls` folder. The key is
 * for the machine; it is not kept here.
 */
export async function issueServer(
  machine: StoredMachine,
  hosts: readonly string[],
  context: TrustDeps,
): Promise<ServerCertificates> {
  const { name, swarm, authority = OWN_AUTHORITY } = machine.record;
  const files = await readAuthority(authority, context);
  const { loadAuthority } = await import('../pki/authority.ts');
  const issuer = await loadAuthority(files.ca, () => context.clock.now());
  // A manager is a server to its clients and a client to the engines.
  const purposes = swarm?.isMaster ? (['server', 'client'] as const) : (['server'] as const);
  const server = await issuer.issue({ commonName: name, purposes, hosts });
  await writeClient(machine, files);
  await writePrivate(join(machine.tlsFolder, 'server.pem'), server.cert);
  return { ca: files.ca.cert, cert: server.cert, key: server.key };
}

/**
 * A new client certificate of the authority. Its own certificate is renewed first, under the same key, when it would end
 * before what it issues. Engines take the new ones at once: they check the authority's name and key.
 */
export async function renewClient(name: string, context: TrustDeps): Promise<AuthorityFiles> {
  const files = await readAuthority(name, context);
  const { LEAF_DAYS, loadAuthority } = await import('../pki/authority.ts');
  const lock = await context.store.lockShared('making certificates', context.signal);
  try {
    const now = (): number => context.clock.now();
    const issuer = await loadAuthority(files.ca, now);
    const isShort = validityOf(files.ca.cert, now()).daysLeft < LEAF_DAYS;
    const ca = isShort ? await issuer.renew() : files.ca;
    const client = await issueClient(ca, context);
    await writeAuthority(context.store, name, { ca, client });
    return { ca, client };
  } finally {
    await lock.close();
  }
}

/** Puts our certificate for docker into the machine's `tls` folder. */
export async function writeClient(machine: StoredMachine, { ca, client }: AuthorityFiles): Promise<void> {
  await writePrivate(join(machine.tlsFolder, 'ca.pem'), ca.cert);
  await writePrivate(join(machine.tlsFolder, 'cert.pem'), client.cert);
  await writePrivate(join(machine.tlsFolder, 'key.pem'), client.key);
}

/** The PEM files `docker` uses for the machine; undefined when it is reached without TLS. */
export async function clientFiles(machine: StoredMachine): Promise<(KeyPair & { readonly ca: string }) | undefined> {
  const read = (name: string): Promise<string | undefined> =>
    readFile(join(machine.tlsFolder, name), 'utf8').catch(() => undefined);
  const [ca, cert, key] = await Promise.all([read('ca.pem'), read('cert.pem'), read('key.pem')]);
  return ca === undefined || cert === undefined || key === undefined ? undefined : { ca, cert, key };
}

/** A certificate of a machine that will not do much longer, or does not any more. */
export interface CertificateWarning {
  readonly what: 'server certificate' | 'client certificate' | 'authority';
  readonly validity: Validity;
  /** One sentence with the next step. */
  readonly text: string;
}

/** What the person should know about the machine's certificates; the most urgent first. */
export async function certificateWarnings(
  machine: StoredMachine,
  nowMs: number,
): Promise<readonly CertificateWarning[]> {
  const parts = [
    { file: 'server.pem', what: 'server certificate', flag: '' },
    { file: 'cert.pem', what: 'client certificate', flag: '--client-certs ' },
    { file: 'ca.pem', what: 'authority', flag: '--client-certs ' },
  ] as const;
  const warnings: CertificateWarning[] = [];
  for (const { file, what, flag } of parts) {
    const pem = await readFile(join(machine.tlsFolder, file), 'utf8').catch(() => undefined);
    if (pem === undefined) continue;
    const validity = validityOf(pem, nowMs, join(machine.tlsFolder, file));
    if (validity.status === 'valid') continue;
    const { name } = machine.record;
    const text = `the ${what} of "${name}" ${describe(validity)}: run "enxame machine regenerate-certs ${flag}${name}"`;
    warnings.push({ what, validity, text });
  }
  return warnings.sort((a, b) => a.validity.daysLeft - b.validity.daysLeft);
}

/** When each certificate of the machine ends, ISO 8601, by file name. */
export async function certificateDates(machine: StoredMachine): Promise<Readonly<Record<string, string>>> {
  const dates: Record<string, string> = {};
  for (const file of ['ca.pem', 'cert.pem', 'server.pem']) {
    const pem = await readFile(join(machine.tlsFolder, file), 'utf8').catch(() => undefined);
    if (pem !== undefined) dates[file] = validityOf(pem, 0, join(machine.tlsFolder, file)).notAfter.toISOString();
  }
  return dates;
}

function describe({ status, daysLeft, notAfter }: Validity): string {
  const day = notAfter.toISOString().slice(0, 10);
  if (status === 'expired') return `expired on ${day}`;
  if (status === 'not-yet-valid') return "is not valid yet by this computer's clock";
  return daysLeft === 0 ? 'expires today' : `expires in ${daysLeft} day${daysLeft === 1 ? '' : 's'}, on ${day}`;
}

async function readFiles(folder: string): Promise<AuthorityFiles | undefined> {
  const read = (name: string): Promise<string | undefined> =>
    readFile(join(folder, name), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw new StoreError(
        `cannot read ${join(folder, name)}: ${error.code}. Check its owner`,
        'STORE_UNUSABLE',
        error,
      );
    });
  const [caCert, caKey, cert, key] = await Promise.all(['ca.pem', 'ca-key.pem', 'cert.pem', 'key.pem'].map(read));
  if (caKey === undefined) return undefined;
  if (caCert === undefined || cert === undefined || key === undefined)
    throw new StoreError(`${folder} is not complete: bring it back from a copy`, 'CORRUPT_STORE');
  return { ca: { cert: caCert, key: caKey }, client: { cert, key } };
}

function userName(): string {
  try {
    return userInfo().username;
  } catch {
    // A user ID without an account.
    return 'someone';
  }
}
