import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { BodyDecoder } from './body-decoder.ts';
import type { BodyFraming } from './head.ts';

/** Feeds `wire` in pieces; answers the payload and what was left over. */
function decode(
  framing: BodyFraming,
  wire: Buffer,
  cuts: readonly number[] = [],
): { payload: string; rest: string; done: boolean } {
  const payload: Buffer[] = [];
  const decoder = new BodyDecoder(framing, (piece) => void payload.push(piece));
  const edges = [0, ...[...cuts].sort((a, b) => a - b).map((cut) => cut % (wire.length + 1)), wire.length].sort(
    (a, b) => a - b,
  );
  let rest = Buffer.alloc(0);
  for (let i = 1; i < edges.length; i++) {
    const piece = wire.subarray(edges[i - 1], edges[i]);
    const end = decoder.done ? 0 : decoder.push(piece, 0);
    rest = Buffer.concat([rest, piece.subarray(end)]);
  }
  return { payload: Buffer.concat(payload).toString('latin1'), rest: rest.toString('latin1'), done: decoder.done };
}

function chunked(pieces: readonly string[], trailer: string): string {
  const framed = pieces.map((piece) => `${piece.length.toString(16)};x=y\r\n${piece}\r\n`);
  return `${framed.join('')}0\r\n${trailer}\r\n`;
}

describe('BodyDecoder', () => {
  test('gives a chunked body back however it is cut, and nothing of what follows it', () => {
    const piece = fc.string({ minLength: 1, maxLength: 40, unit: 'binary-ascii' });
    fc.assert(
      fc.property(
        fc.array(piece),
        fc.constantFrom('', 'A: b\r\n'),
        fc.array(fc.nat(), { maxLength: 20 }),
        (pieces, trailer, cuts) => {
          const wire = Buffer.from(`${chunked(pieces, trailer)}NEXT`, 'latin1');
          expect(decode({ kind: 'chunked' }, wire, cuts)).toEqual({
            payload: pieces.join(''),
            rest: 'NEXT',
            done: true,
          });
        },
      ),
    );
  });

  test('ends a body of known length at its length', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1, unit: 'binary-ascii' }),
        fc.array(fc.nat(), { maxLength: 5 }),
        (body, cuts) => {
          const result = decode({ kind: 'length', length: body.length }, Buffer.from(`${body}NEXT`, 'latin1'), cuts);
          expect(result).toEqual({ payload: body, rest: 'NEXT', done: true });
        },
      ),
    );
  });

  test('a body until the connection closes is never done', () => {
    expect(decode({ kind: 'until-close' }, Buffer.from('all'))).toEqual({ payload: 'all', rest: '', done: false });
  });

  test.each([['zz\r\n'], ['\r\nabc'], [`${'1'.repeat(9000)}`]])('refuses what is no chunk: %j', (wire) => {
    expect(() => decode({ kind: 'chunked' }, Buffer.from(wire))).toThrow('chunked body');
  });
});
