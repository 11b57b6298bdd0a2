import { expect, test } from 'vitest';
import { parseSshConfig } from './config.ts';

const NOTHING = { identityFiles: [], identitiesOnly: false, knownHostsFiles: [] };

const CASES: readonly { name: string; text: string; host?: string; expected: object }[] = [
  { name: 'nothing', text: '', expected: NOTHING },
  { name: 'before any Host', text: 'User ana', expected: { ...NOTHING, user: 'ana' } },
  {
    name: 'a block',
    text: 'Host bee\n  HostName 10.0.0.1\n  User root\n  Port 2222\n  IdentityFile ~/.ssh/bee\n',
    expected: { ...NOTHING, hostName: '10.0.0.1', user: 'root', port: 2222, identityFiles: ['/home/ana/.ssh/bee'] },
  },
  { name: 'another host', text: 'Host wasp\n  User root\n', expected: NOTHING },
  {
    name: 'the first value wins',
    text: 'Host bee\n User one\nHost *\n User two\n Port 23\n',
    expected: { ...NOTHING, user: 'one', port: 23 },
  },
  { name: 'patterns', text: 'Host w* b?e\n User root', expected: { ...NOTHING, user: 'root' } },
  { name: 'negation', text: 'Host * !bee\n User root', expected: NOTHING },
  {
    name: 'equals signs, quotes, case, comments',
    text: 'host=bee\n# User none\n USER = "ana maria"\n IdentitiesOnly yes',
    expected: { ...NOTHING, user: 'ana maria', identitiesOnly: true },
  },
  { name: 'percent h', text: 'Host bee\n HostName %h.hive', expected: { ...NOTHING, hostName: 'bee.hive' } },
  {
    name: 'several identities, kept in order',
    text: 'IdentityFile /k/one\nIdentityFile %d/two\nIdentityFile three',
    expected: { ...NOTHING, identityFiles: ['/k/one', '/home/ana/two', '/home/ana/.ssh/three'] },
  },
  {
    name: 'several files of known hosts',
    text: 'UserKnownHostsFile ~/a /b',
    expected: { ...NOTHING, knownHostsFiles: ['/home/ana/a', '/b'] },
  },
  { name: 'a jump host', text: 'Host bee\n ProxyJump gate', expected: { ...NOTHING, proxy: 'gate' } },
  { name: 'no jump host', text: 'ProxyJump none', expected: NOTHING },
  { name: 'Match all', text: 'Match all\n User root', expected: { ...NOTHING, user: 'root' } },
  { name: 'another Match', text: 'Match host bee\n User root\nHost bee\n Port 9', expected: { ...NOTHING, port: 9 } },
  { name: 'a port that is none', text: 'Port many', expected: NOTHING },
];

test.each(CASES)('$name', ({ text, host = 'bee', expected }) => {
  expect(parseSshConfig(text, host, '/home/ana')).toEqual(expected);
});
