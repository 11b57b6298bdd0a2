import { describe, expect, test } from 'vitest';
import { logFormatter } from './log-text.ts';

const time = new Date(2026, 0, 2, 3, 4, 5).getTime();
const plain = logFormatter({ color: false, withStacks: false });

function line(fields: object): string {
  return JSON.stringify({ level: 30, time, ...fields });
}

describe('a line of the log for people', () => {
  test.each([
    [{ msg: 'node is healthy', node: 'n1' }, '03:04:05 INFO  node is healthy  node=n1\n'],
    [{ level: 40, msg: 'm', reason: 'no such host' }, '03:04:05 WARN  m  reason="no such host"\n'],
    [{ level: 50, msg: 'm', err: { message: 'bad "x"' } }, '03:04:05 ERROR m  error="bad \\"x\\""\n'],
    [
      { level: 20, msg: 'm', count: 3, list: ['a'], none: null },
      '03:04:05 DEBUG m  count=3 list="[\\"a\\"]" none=null\n',
    ],
    [{ msg: '' }, '03:04:05 INFO  \n'],
  ])('%j', (fields, text) => {
    expect(plain(line(fields))).toBe(text);
  });

  test('nothing of others moves the cursor or forges a line', () => {
    const text = plain(line({ msg: 'a\u001b[2J\nb', node: 'x\r\n03:04:05 INFO  forged', '\u202ek': '\u202e' }));
    expect(text).toBe('03:04:05 INFO  a\ufffd[2J b  node="x 03:04:05 INFO  forged" \ufffdk=\ufffd\n');
  });

  test('colours only when wanted, stacks only for those who look for causes', () => {
    const failed = line({ level: 50, msg: 'm', err: { message: 'e', stack: 'Error: e\n    at f (x.ts:1)' } });
    expect(plain(failed).split('\n')).toHaveLength(2);
    expect(logFormatter({ color: false, withStacks: true })(failed)).toContain('at f (x.ts:1)\n');
    expect(logFormatter({ color: true, withStacks: false })(failed)).toContain('\u001b[31mERROR\u001b[39m');
  });

  test('what is no JSON is written as it is', () => {
    expect(plain('not JSON')).toBe('not JSON\n');
  });
});
