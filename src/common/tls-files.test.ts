import { createPrivateKey } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { writeCertificate } from '../../test/fakes/certificates.ts';
import { parseListenAddress } from './listen-address.ts';
import { assertForServers, assertSafeListener, readTlsFiles, tlsServerOptions } from './tls-files.ts';

let folder: string;
const file = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'enxame-tls-'));
  await writeCertificate(folder, 'one', 1);
  await writeCertificate(folder, 'two', 1);
  await writeCertificate(folder, 'old', -1);
  const locked = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'x' } as const;
  writeFileSync(file('locked-key.pem'), createPrivateKey(readFileSync(file('one-key.pem'))).export(locked));
  writeFileSync(file('text.pem'), 'hello');
});

afterAll(() => rmSync(folder, { recursive: true }));

describe('readTlsFiles', () => {
  it('reads what is named and nothing else', async () => {
    expect(await readTlsFiles({})).toEqual({});
    expect(Object.keys(await readTlsFiles({ ca: file('one.pem') }))).toEqual(['ca']);
    const material = await readTlsFiles({ cert: file('one.pem'), key: file('one-key.pem') });
    expect(material.cert?.toString()).toContain('BEGIN CERTIFICATE');
    expect(material.key?.toString()).toContain('PRIVATE KEY');
  });

  it.each([
    [{ cert: 'one.pem' }, '--tlscert and --tlskey go together: give both or none'],
    [{ key: 'one-key.pem' }, '--tlscert and --tlskey go together: give both or none'],
    [{ cert: 'none.pem', key: 'one-key.pem' }, 'cannot read --tlscert FOLDER/none.pem: there is no such file'],
    [{ cert: 'one.pem', key: 'none.pem' }, 'cannot read --tlskey FOLDER/none.pem: there is no such file'],
    [{ ca: 'none.pem' }, 'cannot read --tlscacert FOLDER/none.pem: there is no such file'],
    [{ ca: 'text.pem' }, '--tlscacert FOLDER/text.pem is not a PEM certificate'],
    [{ ca: '.' }, 'cannot read --tlscacert FOLDER'],
    [{ cert: 'text.pem', key: 'one-key.pem' }, '--tlscert FOLDER/text.pem is not a PEM certificate'],
    [{ cert: 'one.pem', key: 'text.pem' }, '--tlskey FOLDER/text.pem is not a PEM private key'],
    [{ cert: 'one.pem', key: 'one.pem' }, '--tlskey FOLDER/one.pem is not a PEM private key'],
    [
      { cert: 'one.pem', key: 'locked-key.pem' },
      '--tlskey FOLDER/locked-key.pem needs a passphrase: give a key without one',
    ],
    [{ cert: 'one.pem', key: 'two-key.pem' }, '--tlskey FOLDER/two-key.pem is not the key of --tlscert FOLDER/one.pem'],
    [{ cert: 'old.pem', key: 'old-key.pem' }, '--tlscert FOLDER/old.pem expired on '],
  ])('explains %j', async (names, why) => {
    const paths = Object.fromEntries(Object.entries(names).map(([kind, name]) => [kind, file(name)]));
    await expect(readTlsFiles(paths)).rejects.toThrow(why.replaceAll('FOLDER', folder));
    await expect(readTlsFiles(paths)).rejects.toMatchObject({ name: 'UsageError', code: 'TLS_FILES' });
  });
});

test('a certificate for clients alone is none for a server', async () => {
  await writeCertificate(folder, 'alice', 1, 'clients');
  const alice = await readTlsFiles({ cert: file('alice.pem'), key: file('alice-key.pem') });
  expect(() => assertForServers(alice)).toThrow(/^the certificate of --tlscert is not for servers: /);
  assertForServers(await readTlsFiles({ cert: file('one.pem'), key: file('one-key.pem') }));
  assertForServers({});
});

describe('tlsServerOptions', () => {
  it('asks for client certificates exactly when there is an authority', async () => {
    const pair = { cert: file('one.pem'), key: file('one-key.pem') };
    expect(tlsServerOptions(await readTlsFiles({ ca: file('two.pem') }))).toBeUndefined();
    expect(tlsServerOptions(await readTlsFiles(pair))).toMatchObject({ requestCert: false, minVersion: 'TLSv1.2' });
    const mutual = tlsServerOptions(await readTlsFiles({ ...pair, ca: file('two.pem') }));
    expect(mutual).toMatchObject({ requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' });
  });
});

describe('assertSafeListener', () => {
  it.each([
    ['tcp://127.0.0.1:1', 'plain', 'mutual-tls', false],
    ['tcp://[::1]:1', 'plain', 'mutual-tls', false],
    ['tcp://localhost:1', 'plain', 'tls', false],
    ['unix:///x', 'plain', 'mutual-tls', false],
    ['tcp://:1', 'mutual-tls', 'mutual-tls', false],
    ['tcp://:1', 'mutual-tls', 'tls', false],
    ['tcp://:1', 'tls', 'tls', false],
    ['tcp://:1', 'plain', 'mutual-tls', true],
  ] as const)('allows %s with %s where %s is needed, insecure %s', (text, has, needed, insecure) => {
    expect(() => assertSafeListener(parseListenAddress(text), has, needed, insecure)).not.toThrow();
  });

  it.each([
    ['tcp://:1', 'plain', 'tls', 'refusing to listen on tcp://:1 without TLS'],
    ['tcp://0.0.0.0:1', 'plain', 'mutual-tls', 'without TLS'],
    ['tcp://10.0.0.1:1', 'tls', 'mutual-tls', 'without client certificates'],
    ['tcp://example.com:1', 'plain', 'tls', 'or say --insecure'],
  ] as const)('refuses %s with %s where %s is needed', (text, has, needed, why) => {
    expect(() => assertSafeListener(parseListenAddress(text), has, needed, false)).toThrow(why);
  });
});
