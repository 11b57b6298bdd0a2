import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseEntries, parseEntry, sameEntries } from './entry.ts';

describe('parseEntry', () => {
  it.each([
    ['10.0.0.1:2375', { scheme: 'auto', host: '10.0.0.1', port: 2375, canonical: '10.0.0.1:2375' }],
    [
      'Node-1.Example.com:2376',
      { scheme: 'auto', host: 'node-1.example.com', port: 2376, canonical: 'node-1.example.com:2376' },
    ],
    ['my_host:1', { scheme: 'auto', host: 'my_host', port: 1, canonical: 'my_host:1' }],
    ['h:02375', { scheme: 'auto', host: 'h', port: 2375, canonical: 'h:2375' }],
    ['[0:0:0:0:0:0:0:1]:2375', { scheme: 'auto', host: '::1', port: 2375, canonical: '[::1]:2375' }],
    ['[FE80::1%eth0]:2375', { scheme: 'auto', host: 'fe80::1%eth0', port: 2375, canonical: '[fe80::1%eth0]:2375' }],
    ['tcp://10.0.0.1:2375', { scheme: 'tcp', host: '10.0.0.1', port: 2375, canonical: 'tcp://10.0.0.1:2375' }],
    ['TLS://10.0.0.1:2376/', { scheme: 'tls', host: '10.0.0.1', port: 2376, canonical: 'tls://10.0.0.1:2376' }],
    [
      'ssh://root@10.0.0.1',
      { scheme: 'ssh', user: 'root', host: '10.0.0.1', port: 22, canonical: 'ssh://root@10.0.0.1' },
    ],
    ['ssh://10.0.0.1:22', { scheme: 'ssh', host: '10.0.0.1', port: 22, canonical: 'ssh://10.0.0.1' }],
    [
      'ssh://ada@[::1]:2222',
      { scheme: 'ssh', user: 'ada', host: '::1', port: 2222, canonical: 'ssh://ada@[::1]:2222' },
    ],
    [
      'unix:///var/run/docker.sock',
      { scheme: 'unix', path: '/var/run/docker.sock', canonical: 'unix:///var/run/docker.sock' },
    ],
  ])('reads %s', (text, entry) => {
    expect(parseEntry(text)).toEqual(entry);
  });

  it.each([
    ['', 'the host is missing'],
    [':2375', 'the host is missing'],
    ['10.0.0.1', 'the port is missing'],
    ['tls://10.0.0.1', 'the port is missing'],
    ['10.0.0.1:', '"" is not a port'],
    ['10.0.0.1:0', '"0" is not a port'],
    ['10.0.0.1:65536', '"65536" is not a port'],
    ['10.0.0.1:http', '"http" is not a port'],
    ['10.0.0.300:2375', '"10.0.0.300" is not an IP address'],
    ['10.0.0:2375', '"10.0.0" is not an IP address'],
    ['-host:2375', '"-host" is not a host name'],
    ['ho st:2375', '"ho st" is not a host name'],
    ['::1', 'an IPv6 address goes in brackets'],
    ['[::g]:2375', '"[::g]" is not an IPv6 address'],
    ['[10.0.0.1]:2375', '"[10.0.0.1]" is not an IPv6 address'],
    ['tcp://10.0.0.1:2375/path', '"2375/path" is not a port'],
    ['http://10.0.0.1:2375', '"http" is not a way to reach an engine'],
    ['ssh://root:secret@h', 'a password does not belong in an entry'],
    ['ssh://@h', '"" is not a user name'],
    ['ssh://-oProxyCommand=x@h', 'is not a user name'],
    ['ssh://-oProxyCommand=x', 'is not a host name'],
    ['unix://var/run/docker.sock', 'the path must be absolute'],
    ['unix:///a\nb', 'control or invisible characters'],
    ['unix:///a\u202eb', 'control or invisible characters'],
    ['h:1\n', 'is not a port'],
    [`${'h'.repeat(600)}:1`, 'longer than 512 characters'],
  ])('explains %j', (text, why) => {
    expect(() => parseEntry(text)).toThrow(why);
    expect(() => parseEntry(text)).toThrow(/^[^\n]+$/);
  });

  const host = fc.oneof(
    fc.ipV4(),
    fc.domain(),
    fc.ipV6().map((address) => `[${address}]`),
  );
  const port = fc.integer({ min: 1, max: 65_535 });
  const entryText = fc.oneof(
    fc.tuple(fc.constantFrom('', 'tcp://', 'tls://'), host, port).map(([scheme, h, p]) => `${scheme}${h}:${p}`),
    fc
      .tuple(fc.constantFrom('', 'root@', 'ada.l@'), host, fc.option(port, { nil: undefined }))
      .map(([user, h, p]) => `ssh://${user}${h}${p === undefined ? '' : `:${p}`}`),
    fc.stringMatching(/^[a-z0-9._-]{1,12}(\/[a-z0-9._-]{1,12}){0,3}$/).map((path) => `unix:///${path}`),
  );

  it('reads its own canonical text back as the same entry', () => {
    fc.assert(
      fc.property(entryText, (text) => {
        const entry = parseEntry(text);
        expect(parseEntry(entry.canonical)).toEqual(entry);
      }),
    );
  });

  it('meets any text with an entry or one clear line', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.string({ unit: 'binary' }),
          entryText.map((t) => `${t}%`),
        ),
        (text) => {
          try {
            expect(parseEntry(text).canonical).toMatch(/^\P{Cc}+$/u);
          } catch (error) {
            expect(error).toMatchObject({ code: 'BAD_ENTRY', message: expect.stringMatching(/^[^\n\r]+$/) });
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

describe('parseEntries', () => {
  it('expands ranges and drops repetitions', () => {
    expect(parseEntries('10.0.0.[1:3]:2375').map((entry) => entry.canonical)).toEqual([
      '10.0.0.1:2375',
      '10.0.0.2:2375',
      '10.0.0.3:2375',
    ]);
    expect(parseEntries('h:[01:01]').map((entry) => entry.canonical)).toEqual(['h:1']);
  });

  it('names the member that is not an entry', () => {
    expect(() => parseEntries('10.0.0.[250:256]:2375')).toThrow('"10.0.0.256" is not an IP address');
  });
});

describe('sameEntries', () => {
  const a = parseEntries('10.0.0.[1:3]:2375');
  it.each([
    [a, [...a].reverse(), true],
    [a, a.slice(1), false],
    [a, [...a.slice(1), parseEntry('h:1')], false],
    [[], [], true],
  ])('case %#', (left, right, same) => {
    expect(sameEntries(left, right)).toBe(same);
  });
});
