import { ClusterError } from '../../common/errors.ts';

/** One line of a container's log. */
export interface LogLine {
  /** When it was written, to the nanosecond and comparable as text: `1767323045.123456789`; empty when the engine did not say. */
  readonly at: string;
  /** The moment as the engine wrote it. */
  readonly time: string;
  readonly text: string;
}

/** A longer line is handed on in pieces, in bytes; engines themselves cut lines at 16 KiB. */
const MAX_LINE_BYTES = 256 * 1024;
/** Docker's frames: the stream in the first byte, the length in the last four (Engine API, "Attach to a container", stream format). */
const HEAD_BYTES = 8;

/**
 * The lines of `GET /containers/{id}/logs?timestamps=1`. Without a terminal an engine puts both outputs into frames, whose lines are
 * told apart here. Throws for what are no frames.
 */
export async function* logLines(
  bytes: AsyncIterable<Buffer>,
  isTty: boolean,
): AsyncGenerator<LogLine, void, undefined> {
  const outputs = [new Lines(), new Lines(), new Lines()];
  const frames = new Frames();
  for await (const piece of bytes) {
    if (isTty) yield* outputs[0]?.feed(piece) ?? [];
    else for (const { output, part } of frames.feed(piece)) yield* outputs[output]?.feed(part) ?? [];
  }
  for (const output of outputs) yield* output.end();
}

/** Takes frames apart; what is in one is handed on as it comes, whatever length the frame claims. */
class Frames {
  #head = Buffer.alloc(0);
  #output = 0;
  #left = 0;

  *feed(bytes: Buffer): Generator<{ readonly output: number; readonly part: Buffer }> {
    let rest = bytes;
    while (rest.length > 0) {
      if (this.#left === 0) {
        const missing = HEAD_BYTES - this.#head.length;
        this.#head = Buffer.concat([this.#head, rest.subarray(0, missing)]);
        rest = rest.subarray(missing);
        if (this.#head.length < HEAD_BYTES) return;
        this.#output = this.#head[0] ?? 0;
        this.#left = this.#head.readUInt32BE(4);
        if (this.#output > 2)
          throw new ClusterError('the log is not in Docker’s format', { code: 'BAD_LOG', status: 502 });
        this.#head = Buffer.alloc(0);
        continue;
      }
      const part = rest.subarray(0, this.#left);
      this.#left -= part.length;
      rest = rest.subarray(part.length);
      yield { output: this.#output, part };
    }
  }
}

/** Lines of one output. */
class Lines {
  #begun: Buffer[] = [];
  #length = 0;

  *feed(bytes: Buffer): Generator<LogLine> {
    let start = 0;
    for (let end = bytes.indexOf(10); end >= 0; end = bytes.indexOf(10, start)) {
      yield this.#line(bytes.subarray(start, end));
      start = end + 1;
    }
    if (start === bytes.length) return;
    this.#begun.push(Buffer.from(bytes.subarray(start)));
    this.#length += bytes.length - start;
    if (this.#length > MAX_LINE_BYTES) yield this.#line(Buffer.alloc(0));
  }

  *end(): Generator<LogLine> {
    if (this.#length > 0) yield this.#line(Buffer.alloc(0));
  }

  #line(end: Buffer): LogLine {
    const text = Buffer.concat([...this.#begun, end]).toString();
    this.#begun = [];
    this.#length = 0;
    return lineOf(text.endsWith('\r') ? text.slice(0, -1) : text);
  }
}

const STAMPED = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d) ?/;

function lineOf(line: string): LogLine {
  const match = STAMPED.exec(line);
  if (!match) return { at: '', time: '', text: line };
  const [stamp, whole = '', parts = '', zone = ''] = match;
  const seconds = String(Date.parse(whole + zone) / 1_000).padStart(10, '0');
  return { at: `${seconds}.${parts.padEnd(9, '0')}`, time: stamp.trimEnd(), text: line.slice(stamp.length) };
}
