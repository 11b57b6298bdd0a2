import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { childrenOf, commandName, identify, isAlive, signalProcess, waitFor } from './processes.ts';

test.skipIf(process.platform !== 'linux')('a process is known by its ID and its start', async () => {
  const child = spawn('sleep', ['60'], { stdio: 'ignore' });
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  const identity = await waitFor('sleep', () => commandName(pid) === 'sleep' && identify(pid));
  expect(childrenOf(process.pid)).toContain(pid);
  expect(isAlive(identity)).toBe(true);
  // The same ID with another start is somebody else: never signalled.
  const other = { pid, startTicks: `${identity.startTicks}0` };
  expect(isAlive(other)).toBe(false);
  expect(signalProcess(other, 'SIGKILL')).toBe(false);
  expect(signalProcess(identity, 'SIGKILL')).toBe(true);
  await once(child, 'exit');
  expect(isAlive(identity)).toBe(false);
  expect(signalProcess(identity, 'SIGKILL')).toBe(false);
});

test('waitFor ends with what was found, with its time or with its signal', async () => {
  let calls = 0;
  expect(await waitFor('third call', () => ++calls === 3 && 'found', { everyMs: 1 })).toBe('found');
  await expect(waitFor('never', () => undefined, { timeoutMs: 5, everyMs: 1 })).rejects.toThrow(
    'wait for never: not after 5 ms',
  );
  await expect(waitFor('never', () => undefined, { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow(
    'enough',
  );
});

test('waitFor ends at once with an error that may not pass', async () => {
  let calls = 0;
  const ends = (): never => {
    calls += 1;
    throw new Error('it ended');
  };
  await expect(waitFor('it', ends, { everyMs: 1, passes: () => calls < 3 })).rejects.toThrow('it ended');
  expect(calls).toBe(3);
});

test('waitFor keeps the process alive, and only as long as it waits', async () => {
  const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  const before = timers();
  let during = before;
  await waitFor('a second look', () => {
    const isSecond = during !== before;
    during = timers();
    return isSecond;
  });
  expect(during).toBe(before + 1);
  expect(timers()).toBe(before);
});
