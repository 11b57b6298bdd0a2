import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FixtureNode } from '../../test/fakes/fixture-cluster.ts';
import { parsePlacement } from './placement.ts';
import { assignPorts } from './port-assignment.ts';
import { NOTHING } from './reservation.ts';
import type { PortRequest } from './types.ts';

describe('assignPorts', () => {
  const range = (first: number, last: number) => ({ protocol: 'tcp', ip: '', first, last }) as const;

  it.each([
    ['takes the lowest free port of a range', [range(8000, 8002)], [8001]],
    ['gives two equal ranges two ports', [range(8000, 8002), range(8000, 8002)], [8001, 8002]],
    ['finds no third', [range(8000, 8002), range(8000, 8002), range(8000, 8002)], undefined],
    ['compares numbers, not text', [range(9, 10)], [9]],
    ['leaves a port named twice to the engine', [range(90, 90), range(90, 90)], [90, 90]],
  ])('%s', (_name, requests, expected) => {
    const node = new FixtureNode({ name: 'bee' });
    node.ledger.put('c1', { ...NOTHING, ports: [{ protocol: 'tcp', ip: '', port: 8000 }] });
    expect(assignPorts(requests, node)?.map(({ port }) => port)).toEqual(expected);
  });
});

describe('assignPorts with many requests', () => {
  const PORTS = 65_535;

  /** A node that counts how often it is asked. */
  function counting(): { node: FixtureNode; asked: () => number } {
    const node = new FixtureNode({ name: 'bee' });
    let asked = 0;
    const usesPort = node.usesPort.bind(node);
    node.usesPort = (...port) => {
      asked += 1;
      return usesPort(...port);
    };
    return { node, asked: () => asked };
  }

  it.each([
    ['equal ranges', () => 1],
    ['ranges that begin among those taken', (i: number) => (i < 1500 ? 1 : i - 1499)],
    ['ranges from the end', (i: number) => 3000 - i],
  ])('looks at few ports: %s', (_name, first) => {
    const { node, asked } = counting();
    const requests = Array.from({ length: 3000 }, (_, i) => ({
      protocol: 'tcp' as const,
      ip: '',
      first: first(i),
      last: PORTS,
    }));
    expect(new Set(assignPorts(requests, node)?.map(({ port }) => port)).size).toBe(3000);
    expect(asked()).toBeLessThan(10_000);
  });

  it('gives up on a node that is full on address after address', () => {
    const { node, asked } = counting();
    node.ledger.put('full', { ...NOTHING, ports: Array.from({ length: PORTS }, (_, i) => claim('', i + 1)) });
    const requests = Array.from({ length: 100 }, (_, i) => ({ ...range(1, PORTS), ip: `10.0.0.${i}` }));
    expect(assignPorts(requests, node)).toBeUndefined();
    expect(asked()).toBeLessThan(250_000);
  });

  it('finds room whenever there is some', () => {
    const bound = fc.integer({ min: 1, max: 6 });
    const ranges = fc.array(
      fc.tuple(bound, bound).map(([a, b]) => range(Math.min(a, b), Math.max(a, b))),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(ranges, fc.uniqueArray(bound), (requests, taken) => {
        const distinct = requests.filter(({ first, last }, i) => {
          const isFixed = first === last;
          return !isFixed || requests.findIndex((other) => other.first === first && other.last === last) === i;
        });
        const node = new FixtureNode({ name: 'bee' });
        node.ledger.put('c', { ...NOTHING, ports: taken.map((port) => claim('', port)) });
        const assigned = assignPorts(distinct, node);
        expect(assigned !== undefined).toBe(fits(distinct, new Set(taken)));
        expect(new Set(assigned?.map(({ port }) => port) ?? []).size).toBe(assigned?.length ?? 0);
      }),
    );
  });
});

describe('the ports of a create', () => {
  it.each([
    [
      'too many ranges',
      { PortBindings: { '80/tcp': Array.from({ length: 3000 }, () => ({ HostPort: '1-65535' })) } },
      'create a container: 3000 ranges of host ports requested, at most 256 are allowed',
    ],
  ])('%s are refused', (_name, HostConfig, message) => {
    expect(() => parsePlacement({ Image: 'redis', HostConfig })).toThrow(message);
  });

  it('are as many as there are, however often the ranges of a container on the host network say so', () => {
    const ExposedPorts = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`${i + 1}-65535/tcp`, {}]));
    const { request } = parsePlacement({ Image: 'redis', ExposedPorts, HostConfig: { NetworkMode: 'host' } });
    expect(request.ports.map(({ first }) => first)).toEqual(Array.from({ length: 65_535 }, (_, i) => i + 1));
  });

  it('are each fixed one once', () => {
    const PortBindings = { '80/tcp': Array.from({ length: 3000 }, () => ({ HostPort: '80' })) };
    const { request } = parsePlacement({ Image: 'redis', HostConfig: { PortBindings } });
    expect(request.ports).toEqual([range(80, 80)]);
  });
});

function range(first: number, last: number): PortRequest {
  return { protocol: 'tcp', ip: '', first, last };
}

function claim(ip: string, port: number): { protocol: 'tcp'; ip: string; port: number } {
  return { protocol: 'tcp', ip, port };
}

/** By trying everything. */
function fits([request, ...others]: readonly PortRequest[], taken: ReadonlySet<number>): boolean {
  if (!request) return true;
  for (let port = request.first; port <= request.last; port++) {
    if (!taken.has(port) && fits(others, new Set([...taken, port]))) return true;
  }
  return false;
}
