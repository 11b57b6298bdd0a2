import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../common/clock.ts';
import { isIssuedBy } from '../pki/certificate.ts';
import { type AuthorityPaths, takeAuthority } from './given-authority.ts';
import { openStore } from './store.ts';
import { readAuthority } from './trust.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'given-'));
  authority('corp', '-addext', 'keyUsage=critical,keyCertSign');
  authority('other');
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const path = (name: string): string => join(folder, name);

/** A self-signed certificate of openssl's, and its key. */
function authority(name: string, ...more: readonly string[]): void {
  const files = ['-keyout', path(`${name}-key.pem`), '-out', path(`${name}.pem`)];
  const request = ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '900', '-subj', `/CN=${name}`];
  execFileSync('openssl', [...request, ...files, ...more], { stdio: 'ignore' });
}

const CORP = (): AuthorityPaths => ({ caCert: path('corp.pem'), caKey: path('corp-key.pem') });

async function take(paths: AuthorityPaths, store = 'store'): Promise<string | undefined> {
  const signal = new AbortController().signal;
  return await takeAuthority(paths, { store: openStore(path(store)), clock: systemClock, signal });
}

describe('takeAuthority', () => {
  it('keeps it with a certificate for us, made once', async () => {
    const name = await take(CORP());
    const context = { store: openStore(path('store')), clock: systemClock, signal: new AbortController().signal };
    const files = await readAuthority(name ?? '', context);
    expect(files.ca.cert).toBe(await readFile(path('corp.pem'), 'utf8'));
    expect(isIssuedBy(files.client.cert, files.ca.cert)).toBe(true);
    expect((await stat(join(path('store'), 'certs', name ?? '', 'ca-key.pem'))).mode & 0o777).toBe(0o600);
    expect(await take(CORP())).toBe(name);
    expect(await readAuthority(name ?? '', context)).toEqual(files);
  });

  it('is not asked for without files', async () => {
    expect(await take({})).toBeUndefined();
  });

  it.each([
    { paths: { caCert: 'corp.pem' }, why: '--tls-ca-cert and --tls-ca-key go together' },
    { paths: { clientKey: 'corp-key.pem' }, why: '--tls-client-cert and --tls-client-key go together' },
    { paths: { clientCert: 'corp.pem', clientKey: 'corp-key.pem' }, why: '--tls-client-cert goes with --tls-ca-cert' },
    { paths: { caCert: 'nowhere.pem', caKey: 'corp-key.pem' }, why: 'cannot read --tls-ca-cert: ENOENT' },
    { paths: { caCert: 'corp-key.pem', caKey: 'corp-key.pem' }, why: 'is not a PEM certificate' },
    { paths: { caCert: 'corp.pem', caKey: 'other-key.pem' }, why: 'does not belong to the certificate in' },
    {
      paths: { caCert: 'corp.pem', caKey: 'corp-key.pem', clientCert: 'other.pem', clientKey: 'other-key.pem' },
      why: 'is not of the authority in',
    },
  ])('refuses $paths', async ({ paths, why }) => {
    const whole = Object.fromEntries(Object.entries(paths).map(([key, name]) => [key, path(name)]));
    await expect(take(whole, 'refused')).rejects.toThrow(why);
    await expect(stat(join(path('refused'), 'certs'))).rejects.toThrow('ENOENT');
  });
});
