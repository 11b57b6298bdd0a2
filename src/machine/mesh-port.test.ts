import { describe, expect, it } from 'vitest';
import { isMeshPublic, meshPort, meshPublic } from './mesh-port.ts';
import type { SwarmSettings } from './record.ts';

function swarm(more: object): SwarmSettings {
  const fixed = { isMaster: false, isMember: true, discovery: 'token://x/v1/t', discoveryOptions: [], options: [] };
  return { ...fixed, strategy: 'spread', host: 'tcp://0.0.0.0:3376', image: 'self', joinOptions: [], ...more };
}

describe("a machine's UDP port in the mesh", () => {
  it.each([
    ['hetzner', {}, 51_820, '51820'],
    ['hetzner', { joinOptions: ['mesh-port=4500'] }, 4_500, '4500'],
    ['hetzner', { meshPublic: '203.0.113.7:4501' }, 4_501, '203.0.113.7:4501'],
    ['generic', {}, 51_820, undefined],
    ['generic', { meshPublic: '4502' }, 4_502, '4502'],
    ['generic', { meshPublic: '4502', joinOptions: ['--mesh-port=51821'] }, 51_821, '4502'],
  ])('%s %j', (driver, more, port, reached) => {
    expect(meshPort({ swarm: swarm(more) })).toBe(port);
    expect(meshPublic({ driver, swarm: swarm(more) })).toBe(reached);
  });

  it.each([
    ['203.0.113.7:51820', true],
    ['51820', true],
    ['0', false],
    ['70000', false],
    ['203.0.113.7', false],
    ['bee:51820', false],
  ])('--mesh-public %s: %s', (text, isGood) => expect(isMeshPublic(text)).toBe(isGood));
});
