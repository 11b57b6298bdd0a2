import { describe, expect, it } from 'vitest';
import { diagnose } from './diagnosis.ts';
import type { MeshNodeStatus, MeshPathStatus, MeshStatus } from './status.ts';

function node(id: string, more: Partial<MeshNodeStatus> = {}): MeshNodeStatus {
  const known = { address: '10.231.0.1', key: 'k', endpoint: undefined, kind: 'program', problems: [] } as const;
  return { id, state: 'up', ...known, ...more };
}

function path(a: string, b: string, more: Partial<MeshPathStatus> = {}): MeshPathStatus {
  return { a, b, way: { kind: 'direct' }, isProbed: false, latencyMs: 1, sent: 40, lost: 0, mtu: 1280, ...more };
}

function found(status: Partial<MeshStatus>): readonly string[] {
  const whole = {
    subnet: '10.231.0.0/16',
    mtu: 1280,
    nodes: [node('a'), node('b')],
    paths: [],
    outside: [],
    revoked: [],
    ...status,
  };
  return diagnose(whole).map(({ about, text }) => `${about}: ${text}`);
}

describe('diagnose', () => {
  it('finds nothing where all is well, relays included', () => {
    expect(found({ paths: [path('a', 'b', { way: { kind: 'relay', by: 'c' }, sent: 3, lost: 3 })] })).toEqual([]);
  });

  it.each([
    [{ nodes: [] }, /^mesh: no node is in it: run 'enxame join --mesh/],
    [{ outside: ['c'] }, /^c: discovery lists it, and its agent has not dialled in/],
    [{ outside: ['c'], revoked: ['c'] }, /^c: its agent was revoked: 'enxame agent allow c' lets it in again/],
    [{ nodes: [node('a', { state: 'silent' })] }, /^a: its agent does not answer: is its host up/],
    [{ nodes: [node('a', { state: 'refused', problems: ['its key is that of b'] })] }, /^a: its key is that of b$/],
    [{ paths: [path('a', 'b', { way: { kind: 'none' } })] }, /^a and b: they do not reach each other/],
    [{ paths: [path('a', 'b', { lost: 10 })] }, /^a and b: 25 % of the packets .*\(directly\)/],
    [{ paths: [path('a', 'b', { mtu: 1200 })] }, /^a and b: .*send 1200 bytes at most: .* MTU to 1340$/],
  ])('%j', (status, expected) => {
    expect(found(status)).toEqual([expect.stringMatching(expected)]);
  });

  it('says nothing of the ways of a node that has a problem itself', () => {
    const nodes = [node('a', { problems: ['its clock is 90 s slow'] }), node('b')];
    expect(found({ nodes, paths: [path('a', 'b', { way: { kind: 'none' } })] })).toEqual(['a: its clock is 90 s slow']);
  });
});
