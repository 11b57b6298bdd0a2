import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { containerSummary, modelNode } from '../../../test/fakes/model.ts';
import { Container } from '../../cluster/container.ts';
import { exitCodeOf, healthOf, readStatus } from '../../cluster/status.ts';
import { renderStatus, shownStatus } from './container-status.ts';

const NOW = 1_800_000_000_000;
const MINUTE = 60_000;

/** Every form the engine's `State.String()` and health suffix can take. */
const FORMS: readonly (readonly [text: string, afterAnHour: string])[] = [
  ['Up 5 minutes', 'Up About an hour'],
  ['Up 5 minutes (Paused)', 'Up About an hour (Paused)'],
  ['Up 5 minutes (healthy)', 'Up About an hour (healthy)'],
  ['Up About a minute (health: starting)', 'Up About an hour (health: starting)'],
  ['Up Less than a second', 'Up About an hour'],
  ['Up 3 days (unhealthy)', 'Up 3 days (unhealthy)'],
  ['Exited (0) 2 hours ago', 'Exited (0) 3 hours ago'],
  ['Exited (137) About an hour ago', 'Exited (137) 2 hours ago'],
  ['Exited (-1) 1 second ago', 'Exited (-1) About an hour ago'],
  ['Restarting (1) 5 seconds ago', 'Restarting (1) About an hour ago'],
  ['Created', 'Created'],
  ['Dead', 'Dead'],
  ['Removal In Progress', 'Removal In Progress'],
  ['Up an age nobody knows', 'Up an age nobody knows'],
  ['', ''],
];

describe('a status', () => {
  test.each(FORMS)('%j is shown as it was read, and an hour later as %j', (text, later) => {
    const status = readStatus(text, NOW);
    expect(renderStatus(status, NOW).text).toBe(text);
    expect(renderStatus(status, NOW + 60 * MINUTE).text).toBe(later);
  });

  test('is true until it says', () => {
    fc.assert(
      fc.property(fc.constantFrom(...FORMS), fc.nat(400 * 24 * 60 * MINUTE), ([text], passedMs) => {
        const status = readStatus(text, NOW);
        const shown = renderStatus(status, NOW + passedMs);
        if (shown.validUntilMs === Number.POSITIVE_INFINITY) return;
        expect(renderStatus(status, shown.validUntilMs - 1).text).toBe(shown.text);
        expect(renderStatus(status, shown.validUntilMs).text).not.toBe(shown.text);
      }),
    );
  });

  test('keeps the earlier beginning while the engine agrees with it', () => {
    const first = readStatus('Up 5 minutes', NOW);
    const second = readStatus('Up 6 minutes', NOW + MINUTE + 30_000, first);
    expect(second.sinceMs).toBe(first.sinceMs);
  });

  test('takes the new beginning when the engine disagrees (restarted, or our guess was off)', () => {
    const first = readStatus('Up 2 hours', NOW);
    const restarted = readStatus('Up 3 seconds', NOW + MINUTE, first);
    expect(renderStatus(restarted, NOW + MINUTE).text).toBe('Up 3 seconds');
    const exited = readStatus('Exited (0) 2 hours ago', NOW, first);
    expect(renderStatus(exited, NOW).text).toBe('Exited (0) 2 hours ago');
  });
});

test.each([
  ['Exited (137) 2 hours ago', 137],
  ['Exited (-1) 2 hours ago', -1],
  ['Exited (0) Less than a second ago', 0],
  ['Up 5 minutes', undefined],
  ['Created', undefined],
  ['Restarting (3) 5 seconds ago', undefined],
])('exit code of %j: %s', (text, code) => {
  expect(exitCodeOf(readStatus(text, NOW))).toBe(code);
});

test.each([
  ['Up 5 minutes', 'none'],
  ['Up 5 minutes (healthy)', 'healthy'],
  ['Up 5 minutes (unhealthy)', 'unhealthy'],
  ['Up 5 minutes (health: starting)', 'starting'],
  ['Up 5 minutes (Paused)', 'none'],
  ['Exited (0) 5 minutes ago', 'none'],
])('health of %j: %s', (text, health) => {
  expect(healthOf(readStatus(text, NOW))).toBe(health);
});

test('a container of a node that is not there says why it waits, while that is so', () => {
  const node = modelNode('a');
  const container = new Container(node, containerSummary('c1'), 0);
  const text = (): string => shownStatus(container, 0).text;
  node.setWaiting(container.engineId, 'waits: no node has the label disk=ssd');
  expect(text()).toBe('Up 5 minutes');
  node.setState('Unhealthy', 'no answer');
  expect(text()).toBe('Host Down, waits: no node has the label disk=ssd');
  node.setWaiting(container.engineId, 'x'.repeat(1_000));
  expect(text().length).toBeLessThan(200);
  node.setStopOwed(container.engineId, true);
  expect(text()).toBe('Host Down, stopped: done when its node is back');
  node.setStopOwed(container.engineId, false);
  node.setWaiting(container.engineId, undefined);
  expect(text()).toBe('Host Down');
});
