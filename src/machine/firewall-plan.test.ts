import { describe, expect, test } from 'vitest';
import { type ClusterMode, openingsOf, sourcesOf, unencryptedNote } from './firewall-plan.ts';

const MASTER = { sshPort: 22, enginePort: 2376, managerPort: 3376, store: { client: 2379, peer: 2380 } };
const MEMBER = { sshPort: 22, enginePort: 2376 };
const NETWORKS = ['2377/tcp members', '2378/tcp members', '4789/udp members', '7946/tcp members', '7946/udp members'];

function texts(mode: ClusterMode, role: Parameters<typeof openingsOf>[1]): string[] {
  return openingsOf(mode, role)
    .map(({ port, protocol, to }) => `${port}/${protocol}${to === 'everywhere' ? '' : ` ${to}`}`)
    .sort();
}

test.each([
  { name: 'an engine by itself', mode: { kind: 'alone' }, role: MEMBER, open: ['22/tcp', '2376/tcp'] },
  { name: 'a member', mode: { kind: 'ports' }, role: MEMBER, open: ['22/tcp', '2376/tcp', ...NETWORKS] },
  {
    name: 'a master',
    mode: { kind: 'ports' },
    role: MASTER,
    open: ['22/tcp', '2376/tcp', '2379/tcp', '2380/tcp masters', '3376/tcp', ...NETWORKS],
  },
  { name: 'a member whose agent dials', mode: { kind: 'dial' }, role: MEMBER, open: ['22/tcp'] },
  {
    name: 'a master that is dialled',
    mode: { kind: 'dial' },
    role: { sshPort: 22, enginePort: 2376, managerPort: 3376 },
    open: ['22/tcp', '3376/tcp'],
  },
  {
    name: 'a public node of a mesh',
    mode: { kind: 'mesh', port: 51_820, isPublic: true },
    role: MEMBER,
    open: ['22/tcp', '2376/tcp', '51820/udp'],
  },
  {
    name: 'a public node of a mesh whose engine has no port',
    mode: { kind: 'mesh', port: 51_820, isPublic: true },
    role: { sshPort: 22, enginePort: undefined },
    open: ['22/tcp', '51820/udp'],
  },
  {
    name: 'a master of a mesh whose engine has no port',
    mode: { kind: 'mesh', port: 51_820, isPublic: false },
    role: { ...MASTER, enginePort: undefined },
    open: ['22/tcp', '2379/tcp', '2380/tcp masters', '3376/tcp'],
  },
  {
    name: 'a node of a mesh behind NAT',
    mode: { kind: 'mesh', port: 51_820, isPublic: false },
    role: MEMBER,
    open: ['22/tcp', '2376/tcp'],
  },
] as const)('$name has exactly its ports open', ({ mode, role, open }) => {
  expect(texts(mode, role)).toEqual([...open].sort());
});

describe('who may reach what is not for everywhere', () => {
  const openings = openingsOf({ kind: 'ports' }, MASTER);

  test('is nobody while there is no other machine', () => {
    expect([...sourcesOf(openings, []).values()].flat()).toEqual([]);
  });

  test('are for an engine its masters, itself among them, and the computers that look after it', () => {
    const own = { name: 'm1', isMaster: true, addresses: ['192.0.2.9'] };
    const others = [
      { name: 'm2', isMaster: true, addresses: ['192.0.2.1'] },
      { name: 'w', isMaster: false, addresses: ['192.0.2.5'] },
    ];
    const closed = openingsOf({ kind: 'ports' }, { ...MASTER, computers: ['198.51.100.7', '2001:db8::5'] });
    expect(sourcesOf(closed, others, own).get('2376/tcp')).toEqual([
      '192.0.2.1/32',
      '192.0.2.9/32',
      '198.51.100.7/32',
      '2001:db8::5/128',
    ]);
    expect(sourcesOf(openings, others, own).has('2376/tcp')).toBe(false);
  });

  test('are the addresses of the others, of masters alone for what is between masters', () => {
    const sources = sourcesOf(openings, [
      { name: 'm2', isMaster: true, addresses: ['192.0.2.1', '192.0.2.1'] },
      { name: 'w', isMaster: false, addresses: ['2001:db8::7', 'hive.example.org'] },
    ]);
    expect(sources.get('2380/tcp')).toEqual(['192.0.2.1/32']);
    expect(sources.get('7946/udp')).toEqual(['192.0.2.1/32', '2001:db8::7/128']);
    expect(sources.has('22/tcp')).toBe(false);
  });
});

test('what is not encrypted is said of several providers', () => {
  expect(unencryptedNote(['hetzner', 'hetzner'])).toBeUndefined();
  expect(unencryptedNote(['linode', 'hetzner', 'linode'])).toMatch(
    /^this cluster is at hetzner and linode: .*4789\/udp/,
  );
});
