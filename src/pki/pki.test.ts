import 'reflect-metadata';
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import tls from 'node:tls';
import * as x509 from '@peculiar/x509';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createAuthority, loadAuthority } from './authority.ts';
import { coversHost, isIssuedBy, isPair, type KeyPair, readCertificate, validityOf } from './certificate.ts';

const NOW = Date.parse('2026-06-01T00:00:00Z');
const DAY_MS = 86_400_000;
const at = (days: number): number => NOW + days * DAY_MS;

let folder = '';
let ca: KeyPair;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pki-'));
  ca = await createAuthority('test, "authority"', NOW);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

async function authority(): ReturnType<typeof loadAuthority> {
  return await loadAuthority(ca, () => NOW);
}

/** What openssl says about a certificate for a purpose. */
async function verifies(pair: KeyPair, authorityCert: string, purpose: string): Promise<string> {
  await writeFile(join(folder, 'ca.pem'), authorityCert);
  await writeFile(join(folder, 'cert.pem'), pair.cert);
  const args = ['verify', '-attime', String(NOW / 1000), '-x509_strict', '-purpose', purpose];
  return execFileSync('openssl', [...args, '-CAfile', join(folder, 'ca.pem'), join(folder, 'cert.pem')]).toString();
}

describe('authority', () => {
  it('issues server certificates for IP addresses and names', async () => {
    const hosts = ['10.0.0.7', 'fe80::1', 'queen', 'queen.example.com'];
    const pair = await (await authority()).issue({ commonName: 'queen', purposes: ['server'], hosts });
    expect(isPair(pair)).toBe(true);
    expect(isIssuedBy(pair.cert, ca.cert)).toBe(true);
    expect(hosts.map((host) => coversHost(pair.cert, host))).toEqual([true, true, true, true]);
    expect(coversHost(pair.cert, '10.0.0.8')).toBe(false);
    expect(await verifies(pair, ca.cert, 'sslserver')).toMatch(/OK/);
  });

  it('issues client certificates that are no server certificates', async () => {
    const pair = await (await authority()).issue({ commonName: 'someone', purposes: ['client'] });
    expect(await verifies(pair, ca.cert, 'sslclient')).toMatch(/OK/);
    await expect(verifies(pair, ca.cert, 'sslserver')).rejects.toThrow();
  });

  it('never issues a certificate that outlives it', async () => {
    const pair = await (await loadAuthority(ca, () => at(3500))).issue({ commonName: 'late', purposes: ['client'] });
    expect(validityOf(pair.cert, at(3500)).daysLeft).toBe(150);
  });

  it('refuses to issue once it has expired', async () => {
    const late = await loadAuthority(ca, () => at(3651));
    await expect(late.issue({ commonName: 'x', purposes: ['client'] })).rejects.toThrow(/CA expired on 2036-05-29/);
  });

  it('keeps what it issued good when it is renewed', async () => {
    const old = await (await authority()).issue({ commonName: 'old', purposes: ['server'], hosts: ['a'] });
    const renewed = await (await loadAuthority(ca, () => at(3000))).renew();
    expect(validityOf(renewed.cert, at(3000)).daysLeft).toBe(3650);
    expect(isIssuedBy(old.cert, renewed.cert)).toBe(true);
    const fresh = await (await loadAuthority(renewed, () => NOW)).issue({ commonName: 'new', purposes: ['client'] });
    expect(await verifies(fresh, ca.cert, 'sslclient')).toMatch(/OK/);
  });

  it('can be an RSA authority of another program', async () => {
    const [key, cert] = [join(folder, 'rsa.key'), join(folder, 'rsa.pem')];
    await writeFile(
      key,
      generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs1', format: 'pem' }),
    );
    const request = ['req', '-x509', '-new', '-key', key, '-subj', '/O=someone', '-days', '900', '-out', cert];
    execFileSync('openssl', [...request, '-addext', 'keyUsage=critical,keyCertSign'], { stdio: 'ignore' });

    const rsa: KeyPair = { cert: await readFile(cert, 'utf8'), key: await readFile(key, 'utf8') };
    const pair = await (await loadAuthority(rsa)).issue({ commonName: 'x', purposes: ['server'], hosts: ['x'] });
    expect(isIssuedBy(pair.cert, rsa.cert)).toBe(true);
    const renewed = await (await loadAuthority(rsa)).renew();
    expect(isIssuedBy(pair.cert, renewed.cert)).toBe(true);
    // Engines compare these names byte by byte; openssl writes UTF8String where we would write PrintableString.
    const raw = (pem: string, of: 'subjectName' | 'issuerName'): string =>
      Buffer.from(new x509.X509Certificate(pem)[of].toArrayBuffer()).toString('hex');
    expect(raw(pair.cert, 'issuerName')).toBe(raw(rsa.cert, 'subjectName'));
    expect(raw(renewed.cert, 'subjectName')).toBe(raw(rsa.cert, 'subjectName'));
  });

  it('refuses what is no authority', async () => {
    const leaf = await (await authority()).issue({ commonName: 'x', purposes: ['client'] });
    const cases: readonly [KeyPair, RegExp][] = [
      [{ cert: 'nonsense', key: ca.key }, /CA certificate is not a PEM certificate/],
      [{ cert: ca.cert, key: 'nonsense' }, /not a PEM private key/],
      [{ cert: ca.cert, key: leaf.key }, /does not belong/],
      [leaf, /not the certificate of an authority/],
    ];
    for (const [pair, message] of cases) await expect(loadAuthority(pair)).rejects.toThrow(message);
  });

  it('serves mutual TLS', async () => {
    const live = await createAuthority('live', Date.now());
    const issuer = await loadAuthority(live);
    const server = await issuer.issue({ commonName: 's', purposes: ['server'], hosts: ['127.0.0.1'] });
    const client = await issuer.issue({ commonName: 'c', purposes: ['client'] });
    const listener = tls.createServer({ ...server, ca: live.cert, requestCert: true }, (socket) => {
      socket.on('error', () => socket.destroy());
      socket.end(String(socket.getPeerCertificate().subject.CN));
    });
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const { port } = listener.address() as { port: number };
    const name = await new Promise<string>((resolve, reject) => {
      const socket = tls.connect({ host: '127.0.0.1', port, ca: live.cert, ...client });
      socket.once('data', (data) => resolve(data.toString()));
      socket.once('error', reject);
    });
    await new Promise((resolve) => listener.close(resolve));
    expect(name).toBe('c');
  });
});

describe('validityOf', () => {
  const cases = [
    { days: -2, status: 'not-yet-valid' },
    { days: 0, status: 'valid' },
    { days: 795, status: 'valid' },
    { days: 796, status: 'expiring' },
    { days: 825, status: 'expired' },
  ];
  it.each(cases)('is $status after $days days', async ({ days, status }) => {
    const pair = await (await authority()).issue({ commonName: 'x', purposes: ['client'] });
    expect(validityOf(pair.cert, at(days)).status).toBe(status);
    expect(validityOf(pair.cert, at(days)).daysLeft).toBe(825 - days);
  });

  it('names what it cannot read', () => {
    expect(() => readCertificate('x', '/some/cert.pem')).toThrow('/some/cert.pem is not a PEM certificate');
  });
});
