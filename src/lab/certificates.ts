import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import type { Credentials } from '../namespaces/daemon.ts';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;
const dayMs = 86_400_000;

/** Issues certificates into folders; lives as long as the run. */
export interface LabAuthority {
  /** Writes ca.pem, cert.pem and key.pem into `directory`. Without hosts the certificate is good for clients only. */
  issue(directory: string, name: string, hosts?: readonly string[]): Promise<Credentials>;
}

/** Makes a CA that exists in memory only. */
export async function createAuthority(name: string): Promise<LabAuthority> {
  const keys = await generateKeys();
  const ca = await x509.X509CertificateGenerator.createSelfSigned(
    {
      ...common(),
      name: [{ CN: [name] }],
      keys,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return { issue: (directory, subject, hosts = []) => issue(ca, keys.privateKey, directory, subject, hosts) };
}

async function issue(
  ca: x509.X509Certificate,
  signingKey: webcrypto.CryptoKey,
  directory: string,
  subject: string,
  hosts: readonly string[],
): Promise<Credentials> {
  const keys = await generateKeys();
  const extensions: x509.Extension[] = [
    new x509.BasicConstraintsExtension(false),
    // A manager is a server to its clients and a client to the engines.
    new x509.ExtendedKeyUsageExtension(hosts.length > 0 ? [serverAuth, clientAuth] : [clientAuth]),
    await x509.AuthorityKeyIdentifierExtension.create(ca, false, webcrypto),
  ];
  if (hosts.length > 0) extensions.push(new x509.SubjectAlternativeNameExtension(hosts.map(alternativeName)));
  const certificate = await x509.X509CertificateGenerator.create(
    {
      ...common(),
      subject: [{ CN: [subject] }],
      issuer: ca.subject,
      publicKey: keys.publicKey,
      signingKey,
      extensions,
    },
    webcrypto,
  );
  return await write(directory, ca.toString('pem'), certificate.toString('pem'), await keyPem(keys.privateKey));
}

/** The names docker's DOCKER_CERT_PATH expects. */
async function write(directory: string, ca: string, cert: string, key: string): Promise<Credentials> {
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const paths = { ca: join(directory, 'ca.pem'), cert: join(directory, 'cert.pem'), key: join(directory, 'key.pem') };
  await Promise.all([
    writeFile(paths.ca, `${ca}\n`),
    writeFile(paths.cert, `${cert}\n`),
    writeFile(paths.key, `${key}\n`, { mode: 0o600 }),
  ]);
  return paths;
}

function common(): { notBefore: Date; notAfter: Date; signingAlgorithm: typeof algorithm } {
  const now = Date.now();
  // A day in the past: a fake clock or a clock that was set back must not make a certificate invalid.
  return { notBefore: new Date(now - dayMs), notAfter: new Date(now + 30 * dayMs), signingAlgorithm: algorithm };
}

function alternativeName(host: string): x509.JsonGeneralName {
  return /^[\d.]+$/.test(host) || host.includes(':') ? { type: 'ip', value: host } : { type: 'dns', value: host };
}

async function generateKeys(): Promise<webcrypto.CryptoKeyPair> {
  return (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}
