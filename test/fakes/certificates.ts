import { webcrypto } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const DAY_MS = 86_400_000;

/**
 * Writes `NAME.pem` and `NAME-key.pem` into `folder`: a self-signed certificate for 127.0.0.1, its own authority, good from two days
 * ago to `days` from now; `use` says what for, which otherwise nothing does.
 */
export async function writeCertificate(folder: string, name: string, days: number = 1, use?: 'clients'): Promise<void> {
  await import('reflect-metadata');
  const {
    ExtendedKeyUsage,
    ExtendedKeyUsageExtension,
    PemConverter,
    SubjectAlternativeNameExtension,
    X509CertificateGenerator,
  } = await import('@peculiar/x509');
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: `CN=${name}`,
    notBefore: new Date(Date.now() - 2 * DAY_MS),
    notAfter: new Date(Date.now() + days * DAY_MS),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }]),
      ...(use ? [new ExtendedKeyUsageExtension([ExtendedKeyUsage.clientAuth])] : []),
    ],
  });
  const key = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  await writeFile(join(folder, `${name}.pem`), certificate.toString('pem'));
  await writeFile(join(folder, `${name}-key.pem`), PemConverter.encode(key, 'PRIVATE KEY'));
}
