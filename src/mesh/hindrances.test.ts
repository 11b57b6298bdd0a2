import { describe, expect, it } from 'vitest';
import { SimulatedMesh } from '../../test/fakes/simulated-mesh.ts';
import { hindrances } from './hindrances.ts';
import { Links } from './links.ts';

function told(mesh: SimulatedMesh, id: string): readonly string[] {
  const { members, sights } = mesh.situation();
  const member = members.find((each) => each.id === id);
  return member ? hindrances(member, members, new Links({ members, sights })) : [];
}

describe('what is told of a member', () => {
  it('is nothing while all hear each other', () => {
    const mesh = new SimulatedMesh({ public: ['p', 'q'], behindNat: ['a', 'b'] });
    mesh.settle();
    for (const id of ['p', 'q', 'a', 'b']) expect(told(mesh, id)).toEqual([]);
  });

  it('is that it reaches no public node', () => {
    const mesh = new SimulatedMesh({ public: ['p', 'q'], behindNat: ['a', 'b'], isHard: true });
    mesh.block('a', 'p');
    mesh.block('a', 'q');
    mesh.settle();
    expect(told(mesh, 'a')).toEqual([
      'it reaches no public node (udp 198.51.100.1:51820, 198.51.100.2:51820): does a firewall block UDP on its way out?',
    ]);
    expect(told(mesh, 'b')).toEqual([]);
    expect(told(mesh, 'p')).toEqual([]);
  });

  it('is that nobody reaches its port', () => {
    const mesh = new SimulatedMesh({ public: ['p', 'q'], behindNat: ['a'] });
    mesh.block('a', 'p');
    mesh.block('q', 'p');
    mesh.settle();
    expect(told(mesh, 'p')).toEqual([
      'nobody reaches it at udp 198.51.100.1:51820: open this port at its host and provider',
    ]);
    expect(told(mesh, 'a')).toEqual([]);
  });

  it('is that there is no public node', () => {
    const mesh = new SimulatedMesh({ public: [], behindNat: ['a', 'b'] });
    mesh.settle();
    expect(told(mesh, 'a')[0]).toContain('join one with --mesh-public');
  });
});
