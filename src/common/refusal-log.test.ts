import { pino } from 'pino';
import { expect, test } from 'vitest';
import { RefusalLog } from './refusal-log.ts';

test('says each client and reason once a minute, twenty in all, and how many it kept to itself', () => {
  const lines: Record<string, unknown>[] = [];
  let now = 0;
  const log = new RefusalLog(
    pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) }),
    () => now,
  );
  for (let i = 0; i < 30; i++) log.refused(`10.0.0.${i}`, 'no certificate');
  log.refused('10.0.0.1', 'no certificate');
  expect(lines).toHaveLength(20);
  expect(lines[0]).toMatchObject({ client: '10.0.0.0', reason: 'no certificate', msg: 'a client was refused' });
  now += 60_000;
  log.refused('10.0.0.1', 'no certificate');
  expect(lines.slice(20)).toMatchObject([{ times: 11 }, { client: '10.0.0.1' }]);
});
