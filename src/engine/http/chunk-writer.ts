import type { Writable } from 'node:stream';

/** What ends a chunked body. */
export const LAST_CHUNK = '0\r\n\r\n';

/** Writes pieces as one chunk, in one write where the stream can; false asks to wait for `drain`. Nothing is no chunk: it would be the last. */
export function writeChunk(stream: Writable, pieces: readonly Buffer[]): boolean {
  const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
  if (bytes === 0) return !stream.writableNeedDrain;
  stream.cork();
  stream.write(`${bytes.toString(16)}\r\n`, 'latin1');
  for (const piece of pieces) stream.write(piece);
  const hasRoom = stream.write('\r\n', 'latin1');
  stream.uncork();
  return hasRoom;
}

/** A chunk ready to be written to many streams and, in the same memory, the text in it, which must not be empty. */
export function chunkOf(text: string): { readonly chunk: Buffer; readonly data: Buffer } {
  const bytes = Buffer.byteLength(text);
  const size = `${bytes.toString(16)}\r\n`;
  const chunk = Buffer.from(`${size}${text}\r\n`);
  return { chunk, data: chunk.subarray(size.length, size.length + bytes) };
}
