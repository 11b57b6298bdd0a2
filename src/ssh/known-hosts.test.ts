import { createHmac } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { fingerprint, judgeHostKey, keyTypeOf, knownHostName, knownKeyTypes, parseKnownHosts } from './known-hosts.ts';

function keyOf(type: string, seed: string): Buffer {
  const name = Buffer.from(type);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(name.length);
  return Buffer.concat([length, name, Buffer.from(seed.repeat(8))]);
}

const ED = keyOf('ssh-ed25519', 'right');
const OTHER_ED = keyOf('ssh-ed25519', 'wrong');
const RSA = keyOf('ssh-rsa', 'right');

function hashed(name: string): string {
  const salt = Buffer.from('twenty bytes of salt');
  return `|1|${salt.toString('base64')}|${createHmac('sha1', salt).update(name).digest('base64')}`;
}

function line(hosts: string, key: Buffer): string {
  return `${hosts} ${keyTypeOf(key)} ${key.toString('base64')} a comment\n`;
}

describe('judging a host key', () => {
  const cases: readonly { name: string; file: string; host?: string; port?: number; key?: Buffer; verdict: string }[] =
    [
      { name: 'plain', file: line('10.0.0.1', ED), verdict: 'known' },
      { name: 'a list of names', file: line('bee,10.0.0.1', ED), verdict: 'known' },
      { name: 'upper case', file: line('Queen.Example', ED), host: 'QUEEN.example', verdict: 'known' },
      { name: 'hashed', file: line(hashed('10.0.0.1'), ED), verdict: 'known' },
      { name: 'hashed, another host', file: line(hashed('10.0.0.2'), ED), verdict: 'unknown' },
      { name: 'another port', file: line('[10.0.0.1]:2222', ED), port: 2222, verdict: 'known' },
      { name: 'hashed with port', file: line(hashed('[10.0.0.1]:2222'), ED), port: 2222, verdict: 'known' },
      { name: 'the name without its port is another host', file: line('10.0.0.1', ED), port: 2222, verdict: 'unknown' },
      { name: 'pattern', file: line('10.0.0.*', ED), verdict: 'known' },
      { name: 'one character', file: line('10.0.0.?', ED), verdict: 'known' },
      { name: 'negated pattern', file: line('10.0.*,!10.0.0.1', ED), verdict: 'unknown' },
      { name: 'a dot is a dot', file: line('10.0x0.1', ED), verdict: 'unknown' },
      { name: 'empty file', file: '', verdict: 'unknown' },
      { name: 'comments and rubbish', file: `# nothing\n\nnot a line\n${line('10.0.0.1', ED)}`, verdict: 'known' },
      { name: 'another key', file: line('10.0.0.1', OTHER_ED), verdict: 'changed' },
      { name: 'one of two keys', file: line('10.0.0.1', OTHER_ED) + line('10.0.0.1', ED), verdict: 'known' },
      { name: 'only a key of another type', file: line('10.0.0.1', RSA), verdict: 'unknown' },
      { name: 'revoked', file: line('10.0.0.1', ED) + line('@revoked *', ED), verdict: 'revoked' },
      { name: 'another key revoked', file: line('10.0.0.1', ED) + line('@revoked *', OTHER_ED), verdict: 'known' },
      { name: 'an authority is no host key', file: line('@cert-authority *', ED), verdict: 'unknown' },
    ];
  test.each(cases)('$name: $verdict', ({ file, host = '10.0.0.1', port = 22, key = ED, verdict }) => {
    const known = parseKnownHosts(file, 'known_hosts');
    expect(judgeHostKey(known, knownHostName(host, port), key).kind).toBe(verdict);
  });

  test('names the line that disagrees', () => {
    const known = parseKnownHosts(`# first\n${line('10.0.0.1', OTHER_ED)}`, '/home/ana/.ssh/known_hosts');
    expect(judgeHostKey(known, '10.0.0.1', ED)).toEqual({ kind: 'changed', where: '/home/ana/.ssh/known_hosts:2' });
  });
});

test('the kinds of key known for a host are asked for first', () => {
  const known = parseKnownHosts(line('a', RSA) + line('a,b', ED) + line('@revoked a', keyOf('ssh-dss', 'x')), 'f');
  expect(knownKeyTypes(known, 'a')).toEqual(['ssh-rsa', 'ssh-ed25519']);
  expect(knownKeyTypes(known, 'b')).toEqual(['ssh-ed25519']);
  expect(knownKeyTypes(known, 'c')).toEqual([]);
});

test('fingerprints are written as ssh writes them', () => {
  // printf abc | openssl sha256 -binary | base64, without padding.
  expect(fingerprint(Buffer.from('abc'))).toBe('SHA256:ungWv48Bz+pBQUDeXa4iI7ADYaOWF3qctBD/YfIAFa0');
});
