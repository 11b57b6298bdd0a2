/** A line that a container wrote. */
export interface LogLine {
  /** Grows by one. */
  readonly seq: number;
  readonly isError: boolean;
  /** As the engine told it, with nanoseconds; empty where it is not told. */
  readonly at: string;
  readonly text: string;
}

const HEAD = 8;
const TIME = /^(\d{4}-\d\d-\d\dT[\d:.]+Z?(?:[+-]\d\d:\d\d)?) /;
/** Without an end of line, so much of it is shown as one. */
const MOST_LINE = 16_384;
// biome-ignore lint/suspicious/noControlCharactersInRegex: what terminals are told by.
const ESCAPES = /\u001b(?:\[[0-9;?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they show nothing, or something else than what is there.
const CONTROLS = /[\u0000-\u0008\u000b-\u001f\u007f]/g;

/** Takes Docker's streams apart: frames of stdout and stderr, or the text of a terminal; bytes come in pieces that end anywhere. */
export class LogReader {
  readonly #isFramed: boolean;
  readonly #texts = { out: new LineReader(false), error: new LineReader(true) };
  #rest = new Uint8Array();
  #seq = 0;

  constructor(contentType: string) {
    this.#isFramed = contentType.includes('multiplexed');
  }

  /** The lines that are complete now. */
  take(bytes: Uint8Array): readonly LogLine[] {
    const found = this.#isFramed ? this.#takeFrames(bytes) : this.#texts.out.take(bytes);
    return found.map((line) => ({ ...line, seq: this.#seq++ }));
  }

  /** What is left without an end of line. */
  end(): readonly LogLine[] {
    const found = [...this.#texts.out.end(), ...this.#texts.error.end()];
    return found.map((line) => ({ ...line, seq: this.#seq++ }));
  }

  #takeFrames(bytes: Uint8Array): Omit<LogLine, 'seq'>[] {
    let data = joined(this.#rest, bytes);
    const lines: Omit<LogLine, 'seq'>[] = [];
    while (data.length >= HEAD) {
      const length = new DataView(data.buffer, data.byteOffset).getUint32(4);
      if (data.length < HEAD + length) break;
      const reader = data[0] === 2 ? this.#texts.error : this.#texts.out;
      lines.push(...reader.take(data.subarray(HEAD, HEAD + length)));
      data = data.subarray(HEAD + length);
    }
    this.#rest = data.slice();
    return lines;
  }
}

class LineReader {
  readonly #isError: boolean;
  readonly #decoder = new TextDecoder();
  #text = '';

  constructor(isError: boolean) {
    this.#isError = isError;
  }

  take(bytes: Uint8Array): Omit<LogLine, 'seq'>[] {
    this.#text += this.#decoder.decode(bytes, { stream: true });
    const parts = this.#text.split('\n');
    this.#text = parts.pop() ?? '';
    if (this.#text.length > MOST_LINE) {
      parts.push(this.#text);
      this.#text = '';
    }
    return parts.map((part) => this.#line(part));
  }

  end(): Omit<LogLine, 'seq'>[] {
    const text = this.#text;
    this.#text = '';
    return text === '' ? [] : [this.#line(text)];
  }

  #line(raw: string): Omit<LogLine, 'seq'> {
    const at = TIME.exec(raw)?.[1] ?? '';
    const text = raw.slice(at ? at.length + 1 : 0).replace(ESCAPES, '');
    return { isError: this.#isError, at, text: text.replace(/\r$/, '').replace(CONTROLS, '') };
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  if (a.length === 0) return b;
  const both = new Uint8Array(a.length + b.length);
  both.set(a);
  both.set(b, a.length);
  return both;
}
