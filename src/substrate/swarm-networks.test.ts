import { expect, test } from 'vitest';
import { isInternalEndpoint } from './swarm-networks.ts';

test.each([
  ['lb-web', true],
  // The load balancer's endpoint while the network is being removed: named `web-endpoint`, without a sandbox.
  ['ep-6ed1e0d8b91c', true],
  ['a'.repeat(64), false],
])('an endpoint under %s belongs to no container: %s', (key, expected) => {
  expect(isInternalEndpoint(key)).toBe(expected);
});
