import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { coversHost, isIssuedBy, isPair } from './certificate.ts';
import { type CertificateFolder, heldCertificates, issueInto, makeCa, renewCa } from './folder.ts';

const DAY_MS = 86_400_000;
let folder: CertificateFolder;

beforeEach(async () => {
  folder = { path: await mkdtemp(join(tmpdir(), 'enxame-certs-')), nowMs: Date.now() };
});

afterEach(() => rm(folder.path, { recursive: true }));

function pem(...parts: readonly string[]): Promise<string> {
  return readFile(join(folder.path, ...parts), 'utf8');
}

test('an authority and what it issues, each file for its owner alone', async () => {
  await makeCa(folder, 'test');
  const into = await issueInto(folder, { name: 'n1', purposes: ['server'], hosts: ['10.0.0.1', 'n1'], replace: false });
  const [cert, key, ca] = await Promise.all([pem('n1', 'cert.pem'), pem('n1', 'key.pem'), pem('n1', 'ca.pem')]);
  expect([isPair({ cert, key }), isIssuedBy(cert, ca), ca === (await pem('ca.pem'))]).toEqual([true, true, true]);
  expect([coversHost(cert, '10.0.0.1'), coversHost(cert, 'n1'), coversHost(cert, 'n2')]).toEqual([true, true, false]);
  for (const file of ['ca-key.pem', 'ca.pem', 'n1/key.pem', 'n1/cert.pem'])
    expect((await stat(join(folder.path, file))).mode & 0o777).toBe(0o600);
  expect(into).toBe(join(folder.path, 'n1'));
  expect(await heldCertificates(folder)).toMatchObject([
    { name: 'ca', uses: ['authority'], validity: { status: 'valid' } },
    { name: 'n1', uses: ['server'], hosts: ['10.0.0.1', 'n1'] },
  ]);
});

test('nothing is replaced unless that was asked', async () => {
  await expect(issueInto(folder, { name: 'a', purposes: ['client'], replace: true })).rejects.toThrow(/no authority/);
  await makeCa(folder, 'test');
  await expect(makeCa(folder, 'test')).rejects.toThrow(/is there already/);
  await issueInto(folder, { name: 'a', purposes: ['client'], replace: false });
  const first = await pem('a', 'cert.pem');
  await expect(issueInto(folder, { name: 'a', purposes: ['client'], replace: false })).rejects.toThrow(/already/);
  await issueInto(folder, { name: 'a', purposes: ['client'], replace: true });
  expect(await pem('a', 'cert.pem')).not.toBe(first);
});

test('a prolonged authority keeps its key, and so all it issued', async () => {
  await makeCa({ ...folder, nowMs: folder.nowMs - 3000 * DAY_MS }, 'test');
  await issueInto(folder, { name: 'a', purposes: ['client'], replace: false });
  const before = await pem('ca.pem');
  await renewCa(folder);
  expect(await pem('ca.pem')).not.toBe(before);
  expect(isIssuedBy(await pem('a', 'cert.pem'), await pem('ca.pem'))).toBe(true);
  expect((await heldCertificates(folder))[0]?.validity.daysLeft).toBeGreaterThan(3640);
});
