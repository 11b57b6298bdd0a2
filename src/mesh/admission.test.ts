import { describe, expect, it } from 'vitest';
import { keyOf } from '../../test/fakes/simulated-mesh.ts';
import { type Applicants, admit, endpointOf } from './admission.ts';
import type { MeshReport } from './protocol.ts';
import type { MeshMember, MeshSight } from './types.ts';

function sight(key: string, report: Partial<MeshReport> = {}, from = '203.0.113.1'): MeshSight {
  const base = { port: 51820, kind: 'program', interface: 'enxame-1', addresses: [], routes: [], peers: [] } as const;
  return { report: { ...base, key: keyOf(key), ways: [], problems: [], nowMs: 0, ...report }, from, isFresh: true };
}

function member(id: string, key: string, address: string): MeshMember {
  return { id, key: keyOf(key), address };
}

function asked(sights: Record<string, MeshSight>, given: Partial<Applicants> = {}): Applicants {
  return {
    subnet: undefined,
    wishedSubnet: undefined,
    members: [],
    sights: new Map(Object.entries(sights)),
    listed: new Set(Object.keys(sights)),
    ...given,
  };
}

describe('admit', () => {
  it('gives new nodes an address each, in a subnet that overlaps none of their networks', () => {
    const { subnet, changed, problems } = admit(
      asked({ a: sight('a'), b: sight('b', { routes: ['10.231.4.0/24', '0.0.0.0/1'] }) }),
    );
    expect(subnet).toBe('10.199.0.0/16');
    expect(changed.map(({ id, address }) => [id, address])).toEqual([
      ['a', '10.199.0.1'],
      ['b', '10.199.0.2'],
    ]);
    expect(problems.size).toBe(0);
  });

  it('lets members keep their address, and changes nothing without need', () => {
    const known = { subnet: '10.231.0.0/16', members: [member('a', 'a', '10.231.0.7')] };
    expect(admit(asked({ a: sight('a') }, known)).changed).toEqual([]);
    expect(admit(asked({ b: sight('b') }, known)).changed).toMatchObject([{ id: 'b', address: '10.231.0.8' }]);
  });

  it('refuses a node with the key of another one', () => {
    const known = { subnet: '10.231.0.0/16', members: [member('a', 'a', '10.231.0.1')] };
    const { refused, changed, problems } = admit(asked({ a: sight('a'), copy: sight('a') }, known));
    expect([...refused]).toEqual(['copy']);
    expect(changed).toEqual([]);
    expect(problems.get('copy')).toContain('its key is that of a');
    // Its address and route in the mesh are those of the other one, and overlap what it asks for with another key.
    expect(problems.get('copy')).toContain("'ip link delete enxame-1'");
  });

  it('lets of two new nodes with one key the first in', () => {
    const { refused, changed } = admit(asked({ a: sight('same'), b: sight('same') }));
    expect(changed.map(({ id }) => id)).toEqual(['a']);
    expect([...refused]).toEqual(['b']);
  });

  it('takes a new key of a node that was installed again, unless the old one is still in use', () => {
    const known = {
      subnet: '10.231.0.0/16',
      members: [member('a', 'old', '10.231.0.1'), member('b', 'b', '10.231.0.2')],
    };
    const heard = (heardS: number | undefined): MeshSight =>
      sight('b', { peers: [{ key: keyOf('old'), allowed: [], ...(heardS !== undefined && { heardS }) }] });
    expect(admit(asked({ a: sight('new'), b: heard(200) }, known)).changed).toMatchObject([
      { id: 'a', key: keyOf('new'), address: '10.231.0.1' },
    ]);
    const { changed, refused, problems } = admit(asked({ a: sight('new'), b: heard(3) }, known));
    expect(changed).toEqual([]);
    expect([...refused]).toEqual(['a']);
    expect(problems.get('a')).toContain('another key than before');
  });

  it('refuses a node whose network overlaps the mesh, and only warns of a member', () => {
    const known = { subnet: '10.231.0.0/16', members: [member('a', 'a', '10.231.0.1')] };
    const routes = { routes: ['10.231.0.0/24'] };
    const { refused, problems } = admit(asked({ a: sight('a', routes), b: sight('b', routes) }, known));
    expect([...refused]).toEqual(['b']);
    expect(problems.get('a')).toBe(
      "its network 10.231.0.0/24 overlaps the mesh's 10.231.0.0/16: before the first node joins, choose another one with --cluster-opt enxame.mesh-subnet=CIDR",
    );
    expect(problems.get('b')).toEqual(problems.get('a'));
  });

  it('says so when there is no address left', () => {
    const members = Array.from({ length: 14 }, (_, i) => member(`m${i}`, `m${i}`, `10.231.0.${i + 1}`));
    const { refused, problems } = admit(asked({ x: sight('x') }, { subnet: '10.231.0.0/28', members }));
    expect([...refused]).toEqual(['x']);
    expect(problems.get('x')).toBe("the mesh's subnet 10.231.0.0/28 has no address left");
  });

  it('leaves nodes that do not answer as they are', () => {
    const known = {
      subnet: '10.231.0.0/16',
      members: [{ ...member('a', 'a', '10.231.0.1'), endpoint: '198.51.100.1:1' }],
    };
    expect(admit(asked({ a: { ...sight('a'), isFresh: false } }, known)).changed).toEqual([]);
  });

  it('notes where a public node has moved to', () => {
    const known = {
      subnet: '10.231.0.0/16',
      members: [{ ...member('a', 'a', '10.231.0.1'), endpoint: '8.8.4.4:51820' }],
    };
    const moved = sight('a', { public: ':51820' }, '8.8.8.8');
    expect(admit(asked({ a: moved }, known)).changed).toMatchObject([{ id: 'a', endpoint: '8.8.8.8:51820' }]);
  });
});

describe('endpointOf', () => {
  it.each([
    ['what the operator says', { public: '198.51.100.7:4500' }, '203.0.113.1', '198.51.100.7:4500'],
    ['a port at the address it dials from', { public: ':4500' }, '203.0.113.1', '203.0.113.1:4500'],
    ['the same, told as IPv6', { public: ':4500' }, '::ffff:203.0.113.1', '203.0.113.1:4500'],
    ['an address of its own', { addresses: ['10.0.0.4', '8.8.8.8'] }, '8.8.8.8', '8.8.8.8:51820'],
    ['the address of its router', { addresses: ['10.0.0.4'] }, '8.8.8.8', undefined],
    ['an address that is private', { addresses: ['10.0.0.4'] }, '10.0.0.4', undefined],
    ['what is no address', { public: ':4500' }, '', undefined],
  ])('%s', (_, report, from, expected) => expect(endpointOf(sight('a', report, from))).toBe(expected));
});
