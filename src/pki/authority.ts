import 'reflect-metadata';
import { createPrivateKey, type KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { isIP } from 'node:net';
import * as x509 from '@peculiar/x509';
import { CertificateError, type KeyPair, readCertificate } from './certificate.ts';

/** What a certificate is good for. */
export type Purpose = 'server' | 'client';

/** A certificate to issue. */
export interface CertificateRequest {
  readonly commonName: string;
  readonly purposes: readonly Purpose[];
  /** IP addresses and DNS names it is good for; none for a client. */
  readonly hosts?: readonly string[];
  /** Default {@link LEAF_DAYS}; never longer than the authority's own certificate. */
  readonly days?: number;
}

/** Days an authority and a certificate are good for. */
export const CA_DAYS = 3650;
export const LEAF_DAYS = 825;

/** Issues certificates. Holds a private key in memory; nothing to close. */
export interface Authority {
  /** The authority's own certificate. */
  readonly cert: string;
  issue(request: CertificateRequest): Promise<KeyPair>;
  /**
   * The same authority with a new certificate for the same key and name: everything it issued before stays good, for those who
   * trust either certificate.
   */
  renew(days?: number): Promise<KeyPair>;
}

const DAY_MS = 86_400_000;
const CURVE = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const { serverAuth, clientAuth } = x509.ExtendedKeyUsage;

/** Makes an authority: ECDSA P-256, good for {@link CA_DAYS} days. */
export async function createAuthority(name: string, nowMs: number): Promise<KeyPair> {
  const keys = (await webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const subject = `CN=${escaped(name)}`;
  const cert = await selfSigned({ subject, keys, algorithm: signing('ec'), nowMs, days: CA_DAYS });
  return { cert, key: await keyPem(keys.privateKey) };
}

/**
 * The authority with that certificate and key (ECDSA or RSA, PKCS #1, SEC 1 or PKCS #8). Throws a {@link CertificateError} when
 * they are no pair or the certificate is no authority's. `now` answers milliseconds since the epoch.
 */
export async function loadAuthority(pair: KeyPair, now: () => number = Date.now): Promise<Authority> {
  const certificate = readCertificate(pair.cert, 'the CA certificate');
  const key = privateKey(pair.key);
  if (!certificate.checkPrivateKey(key)) throw bad('the CA key does not belong to the CA certificate');
  if (!certificate.ca) throw bad('the CA certificate is not the certificate of an authority');
  const algorithm = signing(key.asymmetricKeyType);
  const signingKey = await importKey(key, algorithm);
  const ca = new x509.X509Certificate(pair.cert);
  return {
    cert: pair.cert,
    issue: (request) => issue(ca, signingKey, algorithm, request, now()),
    renew: async (days = CA_DAYS) => {
      const keys = { privateKey: signingKey, publicKey: await ca.publicKey.export(webcrypto) };
      return {
        cert: await selfSigned({ subject: ca.subjectName, keys, algorithm, nowMs: now(), days }),
        key: pair.key,
      };
    },
  };
}

async function issue(
  ca: x509.X509Certificate,
  signingKey: webcrypto.CryptoKey,
  algorithm: SigningAlgorithm,
  request: CertificateRequest,
  nowMs: number,
): Promise<KeyPair> {
  if (nowMs >= ca.notAfter.getTime())
    throw bad(`the CA expired on ${ca.notAfter.toISOString().slice(0, 10)}`, 'CA_EXPIRED');
  const keys = (await webcrypto.subtle.generateKey(CURVE, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const certificate = await x509.X509CertificateGenerator.create(
    {
      serialNumber: serialNumber(),
      ...period(nowMs, request.days ?? LEAF_DAYS, ca.notAfter),
      subject: `CN=${escaped(request.commonName)}`,
      // As it is encoded there: Go compares issuer and subject byte by byte.
      issuer: ca.subjectName,
      publicKey: keys.publicKey,
      signingKey,
      signingAlgorithm: algorithm,
      extensions: await leafExtensions(ca, keys.publicKey, request),
    },
    webcrypto,
  );
  return { cert: `${certificate.toString('pem')}\n`, key: await keyPem(keys.privateKey) };
}

async function leafExtensions(
  ca: x509.X509Certificate,
  publicKey: webcrypto.CryptoKey,
  { hosts = [], purposes }: CertificateRequest,
): Promise<x509.Extension[]> {
  const uses = purposes.map((purpose) => (purpose === 'server' ? serverAuth : clientAuth));
  const names = [...new Set(hosts)].map(alternativeName);
  return [
    new x509.BasicConstraintsExtension(false, undefined, true),
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.ExtendedKeyUsageExtension(uses),
    ...(names.length > 0 ? [new x509.SubjectAlternativeNameExtension(names)] : []),
    await x509.AuthorityKeyIdentifierExtension.create(ca, false, webcrypto),
    await x509.SubjectKeyIdentifierExtension.create(publicKey, false, webcrypto),
  ];
}

interface SelfSigned {
  readonly subject: string | x509.Name;
  readonly keys: webcrypto.CryptoKeyPair;
  readonly algorithm: SigningAlgorithm;
  readonly nowMs: number;
  readonly days: number;
}

async function selfSigned({ subject, keys, algorithm, nowMs, days }: SelfSigned): Promise<string> {
  const certificate = await x509.X509CertificateGenerator.createSelfSigned(
    {
      serialNumber: serialNumber(),
      ...period(nowMs, days),
      name: subject,
      keys,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(true, 0, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
        await x509.SubjectKeyIdentifierExtension.create(keys.publicKey, false, webcrypto),
      ],
    },
    webcrypto,
  );
  return `${certificate.toString('pem')}\n`;
}

type SigningAlgorithm =
  | { readonly name: 'ECDSA'; readonly namedCurve: 'P-256'; readonly hash: 'SHA-256' }
  | { readonly name: 'RSASSA-PKCS1-v1_5'; readonly hash: 'SHA-256' };

function signing(keyType: string | undefined): SigningAlgorithm {
  if (keyType === 'ec') return { ...CURVE, hash: 'SHA-256' };
  if (keyType === 'rsa') return { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' };
  throw bad(`the CA key is of type ${keyType}: use RSA or ECDSA P-256`);
}

async function importKey(key: KeyObject, algorithm: SigningAlgorithm): Promise<webcrypto.CryptoKey> {
  const der = key.export({ type: 'pkcs8', format: 'der' });
  try {
    return await webcrypto.subtle.importKey('pkcs8', der, algorithm, false, ['sign']);
  } catch (error) {
    throw bad('the CA key cannot be used: use RSA or ECDSA P-256', 'BAD_CA', error);
  }
}

function privateKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw bad('the CA key is not a PEM private key without a passphrase', 'BAD_CA', error);
  }
}

/** A day in the past, so that a clock that is a little behind accepts it. */
function period(nowMs: number, days: number, latest?: Date): { notBefore: Date; notAfter: Date } {
  const end = Math.min(nowMs + days * DAY_MS, latest?.getTime() ?? Number.POSITIVE_INFINITY);
  return { notBefore: new Date(nowMs - DAY_MS), notAfter: new Date(end) };
}

/** 127 random bits: positive, and never twice from one authority, however often it is renewed. */
function serialNumber(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return bytes.toString('hex');
}

function alternativeName(host: string): x509.JsonGeneralName {
  return isIP(host) === 0 ? { type: 'dns', value: host } : { type: 'ip', value: host };
}

/** A common name as RFC 4514 writes it. */
function escaped(name: string): string {
  return name.replace(/[,+"\\<>;=#]/g, (character) => `\\${character}`).trim();
}

async function keyPem(key: webcrypto.CryptoKey): Promise<string> {
  const der = await webcrypto.subtle.exportKey('pkcs8', key);
  return `${x509.PemConverter.encode(der, 'PRIVATE KEY')}\n`;
}

function bad(message: string, code: string = 'BAD_CA', cause?: unknown): CertificateError {
  return new CertificateError(message, code, cause);
}
