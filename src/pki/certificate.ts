import { createPrivateKey, X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { ClusterError } from '../common/errors.ts';

/** A certificate and its private key as PEM texts. */
export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

/** How long a certificate is still good for. */
export interface Validity {
  readonly status: 'valid' | 'expiring' | 'expired' | 'not-yet-valid';
  readonly notAfter: Date;
  /** Whole days until it expires; negative afterwards. */
  readonly daysLeft: number;
}

/** From this many days before the end on, a certificate counts as `expiring`. */
export const EXPIRING_DAYS = 30;

const DAY_MS = 86_400_000;

/** Certificate material that cannot be used: what is wrong and what to do. */
export class CertificateError extends ClusterError {
  constructor(message: string, code: string = 'CERTIFICATE', cause?: unknown) {
    super(message, { code, status: 500, cause });
  }
}

/** Reads one PEM certificate; `what` names it in the error. */
export function readCertificate(pem: string, what: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new CertificateError(`${what} is not a PEM certificate`, 'BAD_CERTIFICATE', error);
  }
}

/** Where a certificate stands at `nowMs`. */
export function validityOf(pem: string, nowMs: number, what: string = 'the certificate'): Validity {
  const certificate = readCertificate(pem, what);
  const notAfter = new Date(certificate.validTo);
  const daysLeft = Math.floor((notAfter.getTime() - nowMs) / DAY_MS);
  return { status: statusOf(Date.parse(certificate.validFrom), notAfter.getTime(), nowMs), notAfter, daysLeft };
}

function statusOf(fromMs: number, toMs: number, nowMs: number): Validity['status'] {
  if (nowMs < fromMs) return 'not-yet-valid';
  if (nowMs >= toMs) return 'expired';
  return toMs - nowMs < EXPIRING_DAYS * DAY_MS ? 'expiring' : 'valid';
}

/** Whether a server certificate is good for that IP address or DNS name. */
export function coversHost(pem: string, host: string): boolean {
  const certificate = readCertificate(pem, 'the server certificate');
  return (isIP(host) === 0 ? certificate.checkHost(host) : certificate.checkIP(host)) !== undefined;
}

/** Whether `ca` signed `pem`. */
export function isIssuedBy(pem: string, ca: string): boolean {
  const certificate = readCertificate(pem, 'the certificate');
  return certificate.verify(readCertificate(ca, 'the CA').publicKey);
}

/** Whether the key belongs to the certificate; false also for a key that cannot be read. */
export function isPair(pair: KeyPair): boolean {
  try {
    return readCertificate(pair.cert, 'the certificate').checkPrivateKey(createPrivateKey(pair.key));
  } catch {
    return false;
  }
}
