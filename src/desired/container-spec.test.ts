import { describe, expect, test } from 'vitest';
import { parseSpec, type SpecSource, withName } from './container-spec.ts';

function specOf(body: object, more: Partial<SpecSource> & { readonly name?: string } = {}) {
  const { name, ...source } = more;
  return parseSpec({ text: JSON.stringify(body), api: '1.44', largestNodeCpus: 4, ...source }, body, name);
}

const BODY = {
  Image: 'redis:7',
  Env: ['A=1', 'constraint:rack==r1', 'reschedule:on-node-failure'],
  Labels: { team: 'web' },
  HostConfig: {
    NetworkMode: 'front',
    Binds: ['data:/data', '/srv:/srv'],
    Memory: 2 ** 28,
    CpuShares: 2,
    PortBindings: { '80/tcp': [{ HostPort: '8080' }] },
    VolumesFrom: ['seed'],
  },
};

test('a specification says everything that a body, a name and a platform ask for', () => {
  const spec = specOf(BODY, { name: '/web', platform: 'linux/arm64' });
  expect(spec).toMatchObject({
    name: 'web',
    image: 'redis:7',
    networks: ['front'],
    volumes: ['data'],
    labels: { team: 'web', 'com.docker.swarm.constraints': '["rack==r1"]' },
    placement: {
      name: 'web',
      platform: { os: 'linux', architecture: 'arm64' },
      memoryBytes: 2 ** 28,
      nanoCpus: 2e9,
      ports: [{ protocol: 'tcp', first: 8080, last: 8080 }],
      dependencies: [{ option: '--volumes-from', container: 'seed' }],
      reschedule: 'on-node-failure',
    },
    edits: { env: ['A=1'], cpuShares: 2048 },
    warnings: [],
  });
  // The client's own labels are in the body already.
  expect(Object.keys(spec.edits.labels)).not.toContain('team');
});

test('it is read from its source as the same specification later, whatever nodes there are then', () => {
  const spec = specOf(BODY, { name: 'web', platform: 'linux' });
  const kept = JSON.parse(JSON.stringify(spec.source)) as SpecSource;
  expect(parseSpec(kept, JSON.parse(kept.text), 'web')).toEqual(spec);
});

test('another name is one in every part of it', () => {
  const renamed = withName(specOf(BODY, { name: 'web' }), 'db');
  expect([renamed.name, renamed.placement.name]).toEqual(['db', 'db']);
});

describe('refused', () => {
  test.each([
    ['no body', undefined, 'the body must be a JSON object'],
    ['no image', {}, 'no image specified'],
    ['an unreadable expression', { Image: 'redis', Env: ['constraint:rack'] }, 'One of operator ==, != is expected'],
  ])('%s', (_case, body, message) => {
    const source = { text: JSON.stringify(body) ?? '', api: '1.44', largestNodeCpus: 4 } as const;
    expect(() => parseSpec(source, body)).toThrow(message);
    expect(() => parseSpec(source, body)).toThrow(expect.objectContaining({ status: 400 }));
  });
});
