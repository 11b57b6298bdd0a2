import { createHash } from 'node:crypto';
import { EngineError } from '../common/errors.ts';

/** What an archive holds, as far as two engines that hold the same say the same. */
export interface ArchiveFacts {
  readonly entries: number;
  /** Of files' content. */
  readonly bytes: number;
  /** SHA-256 over each entry's path, type, mode, owner, time, target and attributes, and its content. */
  readonly digest: string;
}

const BLOCK = 512;
/** Headers that describe the next one are read into memory; engines write paths and attributes there, which have bounds of their own. */
const MAX_EXTENDED_BYTES = 4 * 2 ** 20;
const XATTR = 'SCHILY.xattr.';

interface Entry {
  readonly path: string;
  readonly type: string;
  readonly size: number;
  readonly rest: readonly (string | number)[];
}

/**
 * Reads an archive (POSIX ustar with pax headers, and GNU's long names, as engines write it) while it passes. Sub-second times and names of owners
 * are left out: engines of different versions write them differently.
 */
export class ArchiveReader {
  readonly #hash = createHash('sha256');
  #entries = 0;
  #bytes = 0;
  /** Part of a header that is not whole yet. */
  #header: Buffer = Buffer.alloc(0);
  /** Of the entry's content, and the padding behind it. */
  #left = 0;
  #padding = 0;
  /** What an extended header is gathered for, and its content so far. */
  #extended: { readonly type: string; readonly pieces: Buffer[] } | undefined;
  #pax = new Map<string, string>();
  #isOver = false;

  /** Takes the next bytes. Throws for what is no archive. */
  feed(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length && !this.#isOver) {
      if (this.#left > 0) at += this.#content(chunk.subarray(at, at + this.#left));
      else if (this.#padding > 0) at += this.#skip(chunk.length - at);
      else at += this.#gather(chunk.subarray(at));
    }
  }

  /** To be called behind the last byte. Throws when the archive is cut short. */
  end(): ArchiveFacts {
    if (!this.#isOver)
      throw new EngineError(
        'the archive of the volume ends before its time: a file was cut while it was read, or cannot be read',
        'ARCHIVE_CUT_SHORT',
      );
    return { entries: this.#entries, bytes: this.#bytes, digest: this.#hash.digest('hex') };
  }

  #content(piece: Buffer): number {
    this.#left -= piece.length;
    if (this.#extended) this.#extended.pieces.push(Buffer.from(piece));
    else {
      this.#bytes += piece.length;
      this.#hash.update(piece);
    }
    if (this.#left === 0) this.#endExtended();
    return piece.length;
  }

  #skip(available: number): number {
    const skipped = Math.min(this.#padding, available);
    this.#padding -= skipped;
    return skipped;
  }

  #gather(bytes: Buffer): number {
    const piece = bytes.subarray(0, BLOCK - this.#header.length);
    this.#header = this.#header.length === 0 ? piece : Buffer.concat([this.#header, piece]);
    if (this.#header.length < BLOCK) {
      this.#header = Buffer.from(this.#header);
      return piece.length;
    }
    const header = this.#header;
    this.#header = Buffer.alloc(0);
    this.#begin(header);
    return piece.length;
  }

  #begin(header: Buffer): void {
    if (header.every((byte) => byte === 0)) {
      this.#isOver = true;
      return;
    }
    assertChecksum(header);
    const type = String.fromCharCode(header[156] || 0x30);
    const isExtended = 'xgLK'.includes(type);
    const entry = isExtended ? undefined : this.#entry(header, type);
    const size = entry?.size ?? numberAt(header, 124, 12);
    if (isExtended && size > MAX_EXTENDED_BYTES) throw malformed('a header is too large');
    this.#left = size;
    this.#padding = (BLOCK - (size % BLOCK)) % BLOCK;
    this.#extended = isExtended ? { type, pieces: [] } : undefined;
    if (!entry) return;
    this.#entries += 1;
    this.#hash.update(`${JSON.stringify([entry.path, type, size, ...entry.rest])}\n`);
  }

  /** The entry that a header describes, with what extended headers before it say. */
  #entry(header: Buffer, type: string): Entry {
    const pax = this.#pax;
    this.#pax = new Map();
    const prefix = textAt(header, 345, 155);
    const short = prefix === '' ? textAt(header, 0, 100) : `${prefix}/${textAt(header, 0, 100)}`;
    const attributes = [...pax].filter(([key]) => key.startsWith(XATTR)).sort(([a], [b]) => (a < b ? -1 : 1));
    const hasContent = type === '0' || type === '7';
    return {
      path: (pax.get('path') ?? short).replace(/\/+$/, ''),
      type,
      size: hasContent ? Number(pax.get('size') ?? numberAt(header, 124, 12)) : 0,
      rest: [
        numberAt(header, 100, 8) & 0o7777,
        Number(pax.get('uid') ?? numberAt(header, 108, 8)),
        Number(pax.get('gid') ?? numberAt(header, 116, 8)),
        // Engines unpack what is older than 1970 as from then.
        Math.max(0, Math.floor(Number(pax.get('mtime') ?? numberAt(header, 136, 12)))),
        pax.get('linkpath') ?? textAt(header, 157, 100),
        ...(type === '3' || type === '4' ? [numberAt(header, 329, 8), numberAt(header, 337, 8)] : []),
        ...attributes.flat(),
      ],
    };
  }

  #endExtended(): void {
    const extended = this.#extended;
    this.#extended = undefined;
    if (!extended || extended.type === 'g') return;
    const content = Buffer.concat(extended.pieces);
    const text = content.toString('latin1').replace(/\0+$/, '');
    if (extended.type === 'L') this.#pax.set('path', text);
    else if (extended.type === 'K') this.#pax.set('linkpath', text);
    else for (const [key, value] of paxRecords(content)) this.#pax.set(key, value);
  }
}

/** `length key=value\n`, the length in bytes and of the whole; values may be binary. */
function* paxRecords(content: Buffer): Generator<readonly [string, string]> {
  for (let at = 0; at < content.length; ) {
    const space = content.indexOf(0x20, at);
    const length = Number(content.toString('latin1', at, space));
    if (space < 0 || !Number.isSafeInteger(length) || length < 1 || at + length > content.length)
      throw malformed('a pax header cannot be read');
    const equals = content.indexOf(0x3d, space);
    yield [content.toString('latin1', space + 1, equals), content.toString('latin1', equals + 1, at + length - 1)];
    at += length;
  }
}

/** Byte by byte, as all text here: names need not be UTF-8, and different ones are to differ. */
function textAt(header: Buffer, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.toString('latin1', 0, end < 0 ? length : end);
}

/** Octal digits, or with the first bit set a number of the other bytes, as GNU writes large ones. */
function numberAt(header: Buffer, start: number, length: number): number {
  const field = header.subarray(start, start + length);
  if ((field[0] ?? 0) < 0x80) return Number.parseInt(field.toString('latin1').replace(/\0.*$/s, '').trim() || '0', 8);
  return field.subarray(1).reduce((sum, byte) => sum * 256 + byte, (field[0] ?? 0) & 0x7f);
}

function assertChecksum(header: Buffer): void {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 0x20 : (header[i] ?? 0);
  if (sum !== numberAt(header, 148, 8)) throw malformed('a header has another checksum');
}

function malformed(why: string): EngineError {
  return new EngineError(`the archive of the volume is damaged: ${why}`, 'ARCHIVE_DAMAGED');
}
