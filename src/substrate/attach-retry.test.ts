import { describe, expect, test } from 'vitest';
import { attachRetryDelayMs } from './attach-retry.ts';

const context = { isClusterNetwork: (network: string): boolean => network === 'web', hasFixedAddress: false };
const delayOf = (message: string, attempt: number = 1, more: Partial<typeof context> = {}): number | undefined =>
  attachRetryDelayMs({ message, attempt }, { ...context, ...more });

describe('attachRetryDelayMs', () => {
  test.each([
    'Could not attach to network web: context deadline exceeded',
    'attaching to network failed, make sure your network options are correct and check manager logs: context deadline exceeded',
    'failed to set up container networking: attaching to network failed, make sure your network options are correct and check manager logs: context deadline exceeded',
    'failed to set up container networking: Address already in use',
    'Address already in use',
    "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online.",
    'network web not found',
    "no available IPv4 addresses on this network's address pools: web (abc)",
  ])('%s: tried again', (message) => {
    expect(delayOf(message)).toBeGreaterThan(0);
  });

  test.each([
    'network other not found',
    'driver failed programming external connectivity: port is already allocated',
    'driver failed programming external connectivity on endpoint c (1f): Error starting userland proxy: listen tcp4 0.0.0.0:80: bind: address already in use',
    'failed to set up container networking: driver failed programming external connectivity on endpoint c (1f): failed to bind host port 0.0.0.0:80/tcp: address already in use',
    'failed to bind host port for 0.0.0.0:80:172.17.0.2:80/tcp: address already in use',
    "failed to set up container networking: no available IPv4 addresses on this network's address pools: bridge1 (abc)",
    'failed to create task for container: context deadline exceeded',
    'No such container: x',
  ])('%s: final', (message) => {
    expect(delayOf(message)).toBeUndefined();
  });

  test('an address that the client chose is not given back by waiting', () => {
    expect(delayOf('Address already in use', 1, { hasFixedAddress: true })).toBeUndefined();
  });

  test('a matter of luck is tried again soon, for a network that exists', () => {
    const unlucky = (network: string): string =>
      `could not find a network matching network mode ${network}: network ${network} not found`;
    expect(delayOf(unlucky('web'))).toBeLessThan(100);
    expect(delayOf(unlucky('web'), 60)).toBeLessThan(100);
    expect(delayOf(unlucky('other'))).toBeUndefined();
  });

  test('waits grow, up to some seconds', () => {
    const message = 'Could not attach to network web: context deadline exceeded';
    const waits = [1, 2, 3, 10].map((attempt) => delayOf(message, attempt) ?? 0);
    expect(waits).toEqual([...waits].sort((a, b) => a - b));
    expect(waits.at(-1)).toBeLessThan(10_000);
  });
});
