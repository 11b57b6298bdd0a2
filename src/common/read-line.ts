import type { Duplex } from 'node:stream';

const NEWLINE = 0x0a;

/**
 * The next line of a stream that nobody reads, without its end; what follows stays in the stream. Undefined when the stream ends or breaks before,
 * or the line has more than `maxBytes`.
 */
export function readLine(stream: Duplex, maxBytes: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const pieces: Buffer[] = [];
    let bytes = 0;
    const settle = (line: string | undefined): void => {
      stream.off('readable', onReadable).off('end', onEnd).off('close', onEnd);
      resolve(line);
    };
    const onEnd = (): void => settle(undefined);
    const onReadable = (): void => {
      for (let piece = stream.read() as Buffer | null; piece; piece = stream.read() as Buffer | null) {
        const at = piece.indexOf(NEWLINE);
        bytes += at < 0 ? piece.length : at;
        if (bytes > maxBytes) return settle(undefined);
        pieces.push(at < 0 ? piece : piece.subarray(0, at));
        if (at < 0) continue;
        if (at + 1 < piece.length) stream.unshift(piece.subarray(at + 1));
        return settle(Buffer.concat(pieces).toString());
      }
    };
    stream.on('readable', onReadable).once('end', onEnd).once('close', onEnd);
    if (stream.destroyed || stream.readableEnded) onEnd();
    else onReadable();
  });
}
