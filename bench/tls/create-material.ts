import { webcrypto } from 'node:crypto';
import type { EngineTls, TlsMaterial } from './material.ts';

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const HOURS_VALID = 24;
const NODES_PER_CERT = 50;

/** Certificates for one run: a CA, one for the manager and its clients, and one per block of nodes. */
export interface RunTls {
  readonly material: TlsMaterial;
  readonly engines: EngineTls;
}

/** Makes all keys and certificates of a run. @param hosts addresses of the nodes in order */
export async function createRunTls(hosts: readonly string[]): Promise<RunTls> {
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  x509.cryptoProvider.set(webcrypto as unknown as Parameters<typeof x509.cryptoProvider.set>[0]);
  const notAfter = new Date(Date.now() + HOURS_VALID * 3_600_000);
  const caKeys = await generateKeys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned({
    name: 'CN=bench CA',
    keys: caKeys,
    notAfter,
    signingAlgorithm: ALGORITHM,
    extensions: [new x509.BasicConstraintsExtension(true, undefined, true)],
  });
  const keys = await generateKeys();
  const issue = async (name: string, ips: readonly string[]): Promise<string> => {
    const names = new x509.SubjectAlternativeNameExtension(ips.map((value) => ({ type: 'ip', value })));
    const usage = new x509.ExtendedKeyUsageExtension([
      x509.ExtendedKeyUsage.serverAuth,
      x509.ExtendedKeyUsage.clientAuth,
    ]);
    const cert = await x509.X509CertificateGenerator.create({
      subject: `CN=${name}`,
      issuer: ca.subject,
      notAfter,
      signingKey: caKeys.privateKey,
      publicKey: keys.publicKey,
      signingAlgorithm: ALGORITHM,
      extensions: [names, usage],
    });
    return cert.toString('pem');
  };
  const key = await toPem(keys.privateKey);
  const caPem = ca.toString('pem');
  const blocks = Array.from({ length: Math.ceil(hosts.length / NODES_PER_CERT) }, (_, i) => i);
  const certs = await Promise.all(
    blocks.map((block) => issue(`block ${block}`, hosts.slice(block * NODES_PER_CERT, (block + 1) * NODES_PER_CERT))),
  );
  return {
    material: { ca: caPem, cert: await issue('manager', ['127.0.0.1']), key },
    engines: { ca: caPem, key, nodesPerCert: NODES_PER_CERT, certs },
  };
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
}

async function toPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${der.replace(/(.{64})/g, '$1\n')}\n-----END PRIVATE KEY-----\n`;
}
