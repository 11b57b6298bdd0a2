import type { Exchange, ReplyStream } from '../exchange.ts';

export const TAR_BLOCK = 512;
/** One frame of an engine's copy loop is 32 KiB; the eight bytes of its header come on top. */
const FRAME_BYTES = 32 * 1024;
const HEADER_BYTES = 8;
/** The same frame is sent over and over: producing must cost nothing. */
const FRAME: Buffer = multiplexed(1, Buffer.alloc(FRAME_BYTES - HEADER_BYTES, 'x'));

/** Engine API: in a stream without TTY every piece has a header of stream number and big-endian length. */
export function multiplexed(stream: 0 | 1 | 2, data: string | Buffer): Buffer {
  const payload = Buffer.from(data);
  const header = Buffer.alloc(HEADER_BYTES);
  header[0] = stream;
  header.writeUInt32BE(payload.length, 4);
  return Buffer.concat([header, payload]);
}

/** Writes `bytes` bytes of frames, as fast as the client takes them, then calls `done`. The last frame may be cut. */
export function pump(exchange: Exchange, reply: ReplyStream, bytes: number, done: () => void): void {
  let left = bytes;
  let open = true;
  const write = (): void => {
    while (open && left > 0) {
      const piece = left >= FRAME.length ? FRAME : FRAME.subarray(0, left);
      left -= piece.length;
      if (!reply.write(piece) && left > 0) return;
    }
    if (!open) return;
    open = false;
    done();
  };
  exchange.onClose(() => {
    open = false;
  });
  exchange.onDrain(write);
  write();
}

/** Header of a regular file in a ustar archive. */
export function tarHeader(name: string, size: number): Buffer {
  const header = Buffer.alloc(TAR_BLOCK);
  header.write(name, 0);
  header.write('0000644\0', 100);
  header.write('0000000\0', 108);
  header.write('0000000\0', 116);
  header.write(size < 8 ** 11 ? `${size.toString(8).padStart(11, '0')}\0` : '77777777777\0', 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write('0', 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}
