import { describe, expect, it } from 'vitest';
import { type LogLine, LogReader } from './docker-stream.ts';

function frame(stream: 1 | 2, text: string): Uint8Array {
  const body = new TextEncoder().encode(text);
  const bytes = new Uint8Array(8 + body.length);
  bytes[0] = stream;
  new DataView(bytes.buffer).setUint32(4, body.length);
  bytes.set(body, 8);
  return bytes;
}

const AT = '2026-11-30T10:00:00.123456789Z';
const BYTES = Uint8Array.from([
  ...frame(1, `${AT} um enxame de abe`),
  ...frame(2, `${AT} \u001b[31mfalha\u001b[0m\r\n`),
  ...frame(1, 'lhas é uma colmeia\nsem fim'),
]);

function read(reader: LogReader, pieces: readonly Uint8Array[]): readonly LogLine[] {
  return [...pieces.flatMap((piece) => reader.take(piece)), ...reader.end()];
}

describe('logs', () => {
  it.each([1, 3, 7, 11, BYTES.length])('are the same in pieces of %i bytes', (size) => {
    const pieces = Array.from({ length: Math.ceil(BYTES.length / size) }, (_, at) =>
      BYTES.slice(at * size, at * size + size),
    );
    expect(read(new LogReader('application/vnd.docker.multiplexed-stream'), pieces)).toEqual([
      { seq: 0, isError: true, at: AT, text: 'falha' },
      { seq: 1, isError: false, at: AT, text: 'um enxame de abelhas é uma colmeia' },
      { seq: 2, isError: false, at: '', text: 'sem fim' },
    ]);
  });

  it('of a terminal are text, without what would move its cursor', () => {
    const bytes = new TextEncoder().encode('\u001b]0;title\u0007a\u0008b\u001b[2K\tc\r\n');
    const lines = read(new LogReader('application/vnd.docker.raw-stream'), [bytes]);
    expect(lines.map(({ text }) => text)).toEqual(['ab\tc']);
  });

  it('without an end of line are shown all the same', () => {
    const reader = new LogReader('application/vnd.docker.raw-stream');
    expect(reader.take(new Uint8Array(20_000).fill(120))).toHaveLength(1);
  });
});
