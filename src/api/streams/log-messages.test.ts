import fc from 'fast-check';
import { expect, test } from 'vitest';
import { multiplexed } from '../../../simulator/routes/payload.ts';
import { LogMessages } from './log-messages.ts';

function stamp(nano: number): string {
  return `2026-01-01T00:00:00.${String(nano).padStart(9, '0')}Z `;
}

/** What comes out of `bytes` when they arrive in pieces. */
function inPieces(messages: LogMessages, bytes: Buffer, cuts: readonly number[]): string {
  const places = [...cuts.map((cut) => cut % (bytes.length + 1)), 0, bytes.length].sort((a, b) => a - b);
  return places
    .slice(1)
    .map((end, i) => messages.feed(bytes.subarray(places[i], end)).toString('latin1'))
    .join('');
}

const LINES = ['one\n', 'two\n', '\n', '2026 is no time\n', `${'x'.repeat(16_384)}`, 'the rest\n'];
const cuts = fc.array(fc.nat(), { maxLength: 12 });

test.each([false, true])('messages in frames come as asked, however they arrive (times: %s)', (showsTimes) => {
  const sent = Buffer.concat(LINES.map((line, i) => multiplexed(1, stamp(i + 1) + line)));
  const meant = Buffer.concat(LINES.map((line, i) => multiplexed(1, (showsTimes ? stamp(i + 1) : '') + line)));
  fc.assert(
    fc.property(cuts, (places) => {
      expect(inPieces(new LogMessages(showsTimes), sent, places)).toBe(meant.toString('latin1'));
    }),
    { numRuns: 50 },
  );
});

test.each([false, true])('a terminal’s output comes as asked, however it arrives (times: %s)', (showsTimes) => {
  const sent = Buffer.from(LINES.map((line, i) => stamp(i + 1) + line).join(''));
  const meant = LINES.map((line, i) => (showsTimes ? stamp(i + 1) : '') + line).join('');
  fc.assert(
    fc.property(cuts, (places) => {
      expect(inPieces(new LogMessages(showsTimes), sent, places)).toBe(meant);
    }),
    { numRuns: 50 },
  );
});

test.each([
  { name: 'frames', write: (text: string): Buffer => multiplexed(2, text) },
  { name: 'a terminal', write: (text: string): Buffer => Buffer.from(text) },
])('of $name the same copy’s messages come once, another’s from its start', ({ write }) => {
  const messages = new LogMessages(false);
  const say = (...nanos: number[]): string =>
    messages.feed(Buffer.concat(nanos.map((nano) => write(`${stamp(nano)}m${nano}\n`)))).toString('latin1');
  say(1, 2);
  expect(messages.since).toBe('1767225600.000000002');
  messages.begin(true);
  expect(say(2, 3)).toBe(write('m3\n').toString('latin1'));
  messages.begin(false);
  expect(messages.since).toBeUndefined();
  expect(say(1)).toBe(write('m1\n').toString('latin1'));
});

test('what carries no time passes as it is', () => {
  const sent = Buffer.concat([multiplexed(1, 'no time\n'), multiplexed(1, '')]);
  expect(new LogMessages(false).feed(sent)).toEqual(sent);
  expect(new LogMessages(false).feed(Buffer.from('plain\n')).toString()).toBe('plain\n');
});

test('a frame that is none ends the stream', () => {
  expect(() => new LogMessages(false).feed(Buffer.from([1, 0, 0, 0, 255, 255, 255, 255]))).toThrow('longer than 4 MiB');
});
