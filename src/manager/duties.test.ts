import { expect, test } from 'vitest';
import { silentLogger } from '../common/logger.ts';
import { Duties, type Duty } from './duties.ts';

/** Duties that note their starts and stops; those in `broken` fail at them. */
function setUp(broken: readonly string[] = []): { duties: Duties; log: string[] } {
  const log: string[] = [];
  const note = async (what: string): Promise<void> => {
    await new Promise((resolve) => setImmediate(resolve));
    log.push(`${what} as ${duties.role}`);
    if (broken.includes(what)) throw new Error(what);
  };
  const duty = (name: string): Duty => ({ start: () => note(`start ${name}`), stop: () => note(`stop ${name}`) });
  const duties: Duties = new Duties({ duties: [duty('a'), duty('b')], logger: silentLogger() });
  return { duties, log };
}

test('run before the manager is primary, and end in reverse when it is not any more', async () => {
  const { duties, log } = setUp();
  expect(duties.role).toBe('replica');
  await duties.become('primary');
  expect(duties.role).toBe('primary');
  await duties.become('replica');
  expect(log).toEqual(['start a as replica', 'start b as replica', 'stop b as replica', 'stop a as replica']);
});

test('change one after the other; the last word counts', async () => {
  const { duties, log } = setUp();
  await Promise.all([duties.become('primary'), duties.become('replica'), duties.become('primary')]);
  expect(duties.role).toBe('primary');
  const order = ['start a', 'start b', 'stop b', 'stop a', 'start a', 'start b'];
  expect(log.map((line) => line.split(' as ')[0])).toEqual(order);
});

test('stop all when one cannot start, and may be taken up again', async () => {
  const broken = ['start b'];
  const { duties, log } = setUp(broken);
  await expect(duties.become('primary')).rejects.toThrow('start b');
  expect([duties.role, log.at(-1)]).toEqual(['replica', 'stop a as replica']);
  broken.pop();
  await duties.become('primary');
  expect(duties.role).toBe('primary');
});

test('stop also beside one that fails to', async () => {
  const { duties, log } = setUp(['stop b']);
  await duties.become('primary');
  await duties.become('replica');
  expect([duties.role, log.at(-1)]).toEqual(['replica', 'stop a as replica']);
});
