import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { reasonOf, UsageError } from '../common/errors.ts';
import { isIssuedBy, isPair, type KeyPair, readCertificate, validityOf } from '../pki/certificate.ts';
import { type AuthorityFiles, issueClient, type TrustDeps, writeAuthority } from './trust.ts';

/** PEM files of an authority of the person's own: docker-machine's `--tls-…` flags. */
export interface AuthorityPaths {
  readonly caCert?: string | undefined;
  readonly caKey?: string | undefined;
  readonly clientCert?: string | undefined;
  readonly clientKey?: string | undefined;
}

/**
 * Takes the person's own authority into the store, which holds no paths to files elsewhere, and answers its name there; undefined
 * when none is given. Without a client certificate one is issued, once. Throws a UsageError for files that do not fit each other.
 */
export async function takeAuthority(paths: AuthorityPaths, context: TrustDeps): Promise<string | undefined> {
  const ca = await readPair(paths.caCert, '--tls-ca-cert', paths.caKey, '--tls-ca-key');
  const client = await readPair(paths.clientCert, '--tls-client-cert', paths.clientKey, '--tls-client-key');
  if (ca === undefined && client === undefined) return undefined;
  if (ca === undefined) throw bad('--tls-client-cert goes with --tls-ca-cert and --tls-ca-key');
  const { loadAuthority } = await import('../pki/authority.ts');
  // Says itself what is wrong with an authority that cannot sign.
  await loadAuthority(ca);
  if (validityOf(ca.cert, context.clock.now()).status === 'expired')
    throw bad(`the authority in ${paths.caCert} has expired: give another --tls-ca-cert`);
  if (client !== undefined && !isIssuedBy(client.cert, ca.cert))
    throw bad(`the certificate in ${paths.clientCert} is not of the authority in ${paths.caCert}`);
  const name = `given-${createHash('sha256').update(readCertificate(ca.cert, 'the CA').raw).digest('hex').slice(0, 8)}`;
  await keep(name, ca, client, context);
  return name;
}

async function keep(name: string, ca: KeyPair, client: KeyPair | undefined, context: TrustDeps): Promise<void> {
  const folder = await context.store.folder('certs', name);
  const lock = await context.store.lockShared('taking an authority', context.signal);
  try {
    const known = await readFile(`${folder}/cert.pem`, 'utf8').catch(() => undefined);
    if (known !== undefined && (client === undefined || client.cert === known)) return;
    const files: AuthorityFiles = { ca, client: client ?? (await issueClient(ca, context)) };
    await writeAuthority(context.store, name, files);
  } finally {
    await lock.close();
  }
}

async function readPair(
  certPath: string | undefined,
  certFlag: string,
  keyPath: string | undefined,
  keyFlag: string,
): Promise<KeyPair | undefined> {
  if (!certPath && !keyPath) return undefined;
  if (!certPath || !keyPath) throw bad(`${certFlag} and ${keyFlag} go together`);
  const [cert, key] = await Promise.all([readGiven(certPath, certFlag), readGiven(keyPath, keyFlag)]);
  readCertificate(cert, `${certFlag} ${certPath}`);
  if (!isPair({ cert, key })) throw bad(`the key in ${keyPath} does not belong to the certificate in ${certPath}`);
  return { cert, key };
}

async function readGiven(path: string, flag: string): Promise<string> {
  return await readFile(path, 'utf8').catch((error: unknown) => {
    throw bad(`cannot read ${flag}: ${reasonOf(error)}`);
  });
}

function bad(message: string): UsageError {
  return new UsageError(message, 'BAD_AUTHORITY');
}
