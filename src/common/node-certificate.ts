import { X509Certificate } from 'node:crypto';

/** The protocol (ALPN) that agents of nodes ask a manager for: with it a node's own certificate is enough. */
export const AGENT_PROTOCOL = 'enxame-agent';

const FOR_SERVERS = '1.3.6.1.5.5.7.3.1';

/**
 * Whether an authority itself gave this certificate to a server: a node shows it, which must not be able to act as a client. Checked here and
 * not by OpenSSL, which of several faults tells one. `ca` is PEM text, of several authorities maybe.
 */
export function isOfServer(
  certificate: X509Certificate | undefined,
  ca: string | Buffer | undefined,
  nowMs: number,
): boolean {
  if (
    certificate === undefined ||
    ca === undefined ||
    !(certificate.keyUsage as string[] | undefined)?.includes(FOR_SERVERS)
  )
    return false;
  if (!(Date.parse(certificate.validFrom) <= nowMs && nowMs <= Date.parse(certificate.validTo))) return false;
  const blocks = ca.toString().match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  return blocks
    .map((pem) => new X509Certificate(pem))
    .some((issuer) => issuer.ca && certificate.checkIssued(issuer) && certificate.verify(issuer.publicKey));
}
