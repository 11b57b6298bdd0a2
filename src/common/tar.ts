import { createReadStream } from 'node:fs';

/** One entry of an archive: a file (content), a symbolic link (target) or a folder (neither). Paths are relative. */
export type FileEntry =
  | { readonly path: string; readonly mode: number; readonly content: Buffer }
  | { readonly path: string; readonly mode: number; readonly target: string }
  | { readonly path: string; readonly mode: number };

/** A file whose content is read from the disk when its turn comes. */
export interface StoredEntry {
  readonly path: string;
  readonly mode: number;
  readonly file: string;
  readonly sizeBytes: number;
}

const block = 512;
const END = Buffer.alloc(2 * block);

/** A ustar archive (POSIX.1-1988). Owner root, time zero and the given order: equal entries make equal bytes. */
export function tar(entries: readonly FileEntry[]): Buffer {
  return Buffer.concat([...entries.flatMap(blocksOf), END]);
}

/** As {@link tar}, piece by piece. Throws when a stored file has another size than it was given. */
export async function* tarStream(entries: Iterable<FileEntry | StoredEntry>): AsyncGenerator<Buffer, void, void> {
  for (const entry of entries) {
    if ('file' in entry) yield* storedBlocks(entry);
    else yield* blocksOf(entry);
  }
  yield END;
}

function blocksOf(entry: FileEntry): Buffer[] {
  const content = 'content' in entry ? entry.content : Buffer.alloc(0);
  return [header(entry, content.length), content, Buffer.alloc(padding(content.length))];
}

async function* storedBlocks(entry: StoredEntry): AsyncGenerator<Buffer, void, void> {
  const { file, sizeBytes } = entry;
  yield header(entry, sizeBytes);
  let readBytes = 0;
  for await (const chunk of createReadStream(file)) {
    readBytes += (chunk as Buffer).length;
    if (readBytes > sizeBytes) break;
    yield chunk as Buffer;
  }
  if (readBytes !== sizeBytes) throw new Error(`${file} changed while it was read`);
  yield Buffer.alloc(padding(sizeBytes));
}

function header(entry: FileEntry | StoredEntry, size: number): Buffer {
  const head = Buffer.alloc(block);
  const { name, prefix } = splitPath(entry.path);
  name.copy(head, 0);
  prefix.copy(head, 345);
  head.write(octal(entry.mode, 7), 100);
  head.write(octal(0, 7), 108); // uid
  head.write(octal(0, 7), 116); // gid
  head.write(octal(size, 11), 124);
  head.write(octal(0, 11), 136); // mtime
  head.write(' '.repeat(8), 148); // The checksum counts its own field as blanks.
  head.write(typeFlag(entry), 156);
  if ('target' in entry) head.write(entry.target, 157, 100);
  head.write('ustar\x0000', 257, 'latin1');
  const sum = head.reduce((total, byte) => total + byte, 0);
  head.write(`${octal(sum, 6)}\0 `, 148, 'latin1');
  return head;
}

/** ustar: a path of more than 100 bytes is cut at a slash, up to 155 bytes of it go into a field of their own. */
function splitPath(path: string): { readonly name: Buffer; readonly prefix: Buffer } {
  const whole = Buffer.from(path);
  if (whole.length <= 100) return { name: whole, prefix: Buffer.alloc(0) };
  const slash = whole.indexOf('/', whole.length - 101);
  if (slash < 1 || slash > 155 || slash === whole.length - 1)
    throw new RangeError(`tar: path too long for the format: ${path}`);
  return { name: whole.subarray(slash + 1), prefix: whole.subarray(0, slash) };
}

function typeFlag(entry: FileEntry | StoredEntry): string {
  if ('target' in entry) return '2';
  return 'content' in entry || 'file' in entry ? '0' : '5';
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

function padding(size: number): number {
  return (block - (size % block)) % block;
}
