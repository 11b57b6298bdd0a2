import { describe, expect, test } from 'vitest';
import { readReschedule } from './reschedule.ts';

const flags = { reschedule: 'auto', rescheduleGrace: 1_000 };

describe('what becomes of the containers of lost nodes', () => {
  test.each([
    ['10.0.0.1:53', { host: '10.0.0.1', port: 53 }],
    ['[fd00::1]:443', { host: 'fd00::1', port: 443 }],
    ['dns.example.org:853', { host: 'dns.example.org', port: 853 }],
  ])('with the witness %s', (witness, expected) => {
    expect(readReschedule({ ...flags, witness })).toEqual({ policy: 'auto', graceMs: 1_000, witness: expected });
  });

  test.each(['', 'host', 'host:', ':53', 'host:0', 'host:70000', 'fd00::1:53', 'http://host:80', 'a b:1'])(
    'not with the witness "%s"',
    (witness) => {
      expect(() => readReschedule({ ...flags, witness })).toThrow(/--witness should be of the form host:port/);
    },
  );

  test.each([
    '127.0.0.1:53',
    '[::1]:53',
    '[::ffff:127.0.0.1]:53',
    'localhost:53',
    'LOCALHOST.:53',
    '0.0.0.0:53',
    '127.1:53',
  ])('not with %s as the witness, which a manager that is cut off reaches as well', (witness) => {
    expect(() => readReschedule({ ...flags, witness })).toThrow(/would answer also when this manager is cut off/);
  });

  test('not with a grace of days', () => {
    expect(() => readReschedule({ ...flags, rescheduleGrace: 48 * 3_600_000 })).toThrow(/use --reschedule off/);
  });
});
