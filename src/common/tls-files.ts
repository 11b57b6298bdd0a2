import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { reasonOf, UsageError } from './errors.ts';
import { isLoopback, type ListenAddress } from './listen-address.ts';

/** Paths of PEM files, as flags or options name them. */
export interface TlsFileNames {
  /** Authorities the other side's certificate must come from. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}

/** What each file is called in messages. */
export interface TlsFileLabels {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Checked PEM contents. `cert` and `key` are both present or both absent, and belong together. */
export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** What `https.createServer` and `tls.createServer` take. */
export interface TlsServerOptions {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
  readonly requestCert: boolean;
  readonly rejectUnauthorized: boolean;
  readonly minVersion: 'TLSv1.2';
}

/** What `tls.connect` takes. */
export interface TlsClientOptions extends TlsMaterial {
  readonly minVersion: 'TLSv1.2';
}

const FLAGS: TlsFileLabels = { ca: '--tlscacert', cert: '--tlscert', key: '--tlskey' };

/**
 * Reads the named PEM files and checks them: readable, of the right kind, not expired, key and certificate a pair.
 * Throws a {@link UsageError} naming the flag and the file.
 */
export async function readTlsFiles(names: TlsFileNames, labels: TlsFileLabels = FLAGS): Promise<TlsMaterial> {
  if ((names.cert === undefined) !== (names.key === undefined)) {
    throw tlsError(`${labels.cert} and ${labels.key} go together: give both or none`);
  }
  const ca = names.ca === undefined ? undefined : await readPem(labels.ca, names.ca);
  if (ca !== undefined) certificateIn(ca, `${labels.ca} ${names.ca}`);
  if (names.cert === undefined || names.key === undefined) return ca === undefined ? {} : { ca };
  // One after the other: of two files that cannot be read, the same one is named each time.
  const cert = await readPem(labels.cert, names.cert);
  const key = await readPem(labels.key, names.key);
  assertPair(cert, key, `${labels.cert} ${names.cert}`, `${labels.key} ${names.key}`);
  return { ...(ca === undefined ? {} : { ca }), cert, key };
}

const FOR_SERVERS = '1.3.6.1.5.5.7.3.1';
const FOR_ALL = '2.5.29.37.0';

/**
 * Refuses a certificate that says what it is for, and not for servers (RFC 5280 §4.2.1.12): clients would refuse whoever shows it. Throws a
 * {@link UsageError}.
 */
export function assertForServers({ cert }: Pick<TlsMaterial, 'cert'>): void {
  const uses = cert === undefined ? undefined : (certificateIn(cert, FLAGS.cert).keyUsage as string[] | undefined);
  if (uses === undefined || uses.length === 0 || uses.some((use) => use === FOR_SERVERS || use === FOR_ALL)) return;
  throw tlsError(
    `the certificate of ${FLAGS.cert} is not for servers: every client would refuse it. Give one that is, as 'enxame certs server' makes them`,
  );
}

/** Options for a listener, asking for client certificates when there is a CA; undefined when there is no certificate. */
export function tlsServerOptions(material: TlsMaterial): TlsServerOptions | undefined {
  const { ca, cert, key } = material;
  if (cert === undefined || key === undefined) return undefined;
  const mutual = ca !== undefined;
  const base = { cert, key, requestCert: mutual, rejectUnauthorized: mutual, minVersion: 'TLSv1.2' } as const;
  return mutual ? { ...base, ca } : base;
}

/** Options for a connection: the CA to trust and the certificate to show, each when there is one. */
export function tlsClientOptions(material: TlsMaterial): TlsClientOptions {
  return { ...material, minVersion: 'TLSv1.2' };
}

/** How a listener protects what it serves. */
export type ListenerProtection = 'plain' | 'tls' | 'mutual-tls';

/**
 * Refuses a listener that others than this machine can reach with less protection than `needed`, unless `insecure` says so
 * out loud. Loopback addresses and unix sockets are always allowed. Throws a {@link UsageError}.
 */
export function assertSafeListener(
  address: ListenAddress,
  protection: ListenerProtection,
  needed: 'tls' | 'mutual-tls',
  insecure: boolean,
): void {
  if (insecure || address.kind === 'unix' || isLoopback(address.host)) return;
  if (protection === 'mutual-tls' || protection === needed) return;
  const what = protection === 'plain' ? 'without TLS' : 'without client certificates';
  const flags = needed === 'tls' ? '--tlscert and --tlskey' : '--tlscacert, --tlscert and --tlskey';
  throw new UsageError(
    `refusing to listen on ${address.text} ${what}: others could use it. Give ${flags}, a loopback address or a unix:// socket, or say --insecure`,
    'INSECURE_LISTENER',
  );
}

async function readPem(label: string, path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    const why = code === 'ENOENT' ? 'there is no such file' : code === 'EACCES' ? 'permission denied' : reasonOf(error);
    throw tlsError(`cannot read ${label} ${path}: ${why}`, error);
  }
}

function certificateIn(pem: Buffer, what: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw tlsError(`${what} is not a PEM certificate`, error);
  }
}

function assertPair(certPem: Buffer, keyPem: Buffer, certWhat: string, keyWhat: string): void {
  const certificate = certificateIn(certPem, certWhat);
  if (Date.parse(certificate.validTo) < Date.now()) throw tlsError(`${certWhat} expired on ${certificate.validTo}`);
  if (!certificate.checkPrivateKey(privateKeyIn(keyPem, keyWhat))) {
    throw tlsError(`${keyWhat} is not the key of ${certWhat}`);
  }
}

function privateKeyIn(pem: Buffer, what: string): ReturnType<typeof createPrivateKey> {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    const locked = pem.includes('ENCRYPTED');
    throw tlsError(
      locked ? `${what} needs a passphrase: give a key without one` : `${what} is not a PEM private key`,
      error,
    );
  }
}

function tlsError(message: string, cause?: unknown): UsageError {
  const error = new UsageError(message, 'TLS_FILES');
  if (cause !== undefined) error.cause = cause;
  return error;
}
