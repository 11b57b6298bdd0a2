import type { FileEntry } from './image-files.ts';

const block = 512;

/** A ustar archive (POSIX.1-1988). Owner root, time zero and the given order: equal entries make equal bytes. */
export function tar(entries: readonly FileEntry[]): Buffer {
  const parts = entries.flatMap((entry) => {
    const content = 'content' in entry ? entry.content : Buffer.alloc(0);
    return [header(entry, content.length), content, Buffer.alloc(padding(content.length))];
  });
  return Buffer.concat([...parts, Buffer.alloc(2 * block)]);
}

function header(entry: FileEntry, size: number): Buffer {
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

function typeFlag(entry: FileEntry): string {
  if ('target' in entry) return '2';
  return 'content' in entry ? '0' : '5';
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, '0');
}

function padding(size: number): number {
  return (block - (size % block)) % block;
}
