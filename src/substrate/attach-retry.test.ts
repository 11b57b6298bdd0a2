import { describe, expect, test } from 'vitest';
import { attachRetryDelayMs } from './attach-retry.ts';

const knowsWeb = (network: string): boolean => network === 'web';

describe('attachRetryDelayMs', () => {
  test.each([
    'Could not attach to network web: context deadline exceeded',
    'attaching to network failed, make sure your network options are correct and check manager logs: context deadline exceeded',
    'failed to set up container networking: Address already in use',
    "rpc error: code = Unknown desc = The swarm does not have a leader. It's possible that too few managers are online.",
    'network web not found',
  ])('%s: tried again', (message) => {
    expect(attachRetryDelayMs(message, 1, knowsWeb)).toBeGreaterThan(0);
  });

  test.each([
    'network other not found',
    'driver failed programming external connectivity: port is already allocated',
    'No such container: x',
  ])('%s: final', (message) => {
    expect(attachRetryDelayMs(message, 1, knowsWeb)).toBeUndefined();
  });

  test('a matter of luck is tried again soon and often, for a network that exists', () => {
    const unlucky = (network: string): string =>
      `could not find a network matching network mode ${network}: network ${network} not found`;
    expect(attachRetryDelayMs(unlucky('web'), 1, knowsWeb)).toBeLessThan(100);
    expect(attachRetryDelayMs(unlucky('web'), 60, knowsWeb)).toBeLessThan(100);
    expect(attachRetryDelayMs(unlucky('web'), 1000, knowsWeb)).toBeUndefined();
    expect(attachRetryDelayMs(unlucky('other'), 1, knowsWeb)).toBeUndefined();
  });

  test('ends, after about a minute of waiting', () => {
    let attempt = 1;
    let waitedMs = 0;
    for (let delay = attachRetryDelayMs('Could not attach to network', 1, knowsWeb); delay !== undefined; ) {
      waitedMs += delay;
      attempt += 1;
      delay = attachRetryDelayMs('Could not attach to network', attempt, knowsWeb);
    }
    expect(waitedMs).toBeGreaterThan(30_000);
    expect(waitedMs).toBeLessThan(90_000);
  });
});
