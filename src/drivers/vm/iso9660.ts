/** A file of a disc; names of letters, digits, dots and dashes, at most 64. */
export interface DiscFile {
  readonly name: string;
  readonly content: string;
}

const SECTOR = 2048;
const ROOT_NAME = Buffer.from([0]);
const PARENT_NAME = Buffer.from([1]);
/** Sectors: 16 and 17 the two volume descriptors, 18 their end, then path tables and the two root directories. */
const AT = { end: 18, paths: 19, widePaths: 21, root: 23, wideRoot: 24, files: 25 } as const;

/**
 * An ISO 9660 image of a few files in one folder, as small discs for virtual machines are (ECMA-119), with the Joliet names
 * (UCS-2, kept as they are) that every system of today prefers to the eight capital letters of old.
 */
export function isoImage(label: string, files: readonly DiscFile[]): Buffer {
  const contents = files.map(({ content }) => Buffer.from(content));
  let next: number = AT.files;
  const places = contents.map(({ length }) => {
    const at = next;
    next += Math.max(1, Math.ceil(length / SECTOR));
    return { at, length };
  });
  const image = Buffer.alloc(next * SECTOR);
  const put = (sector: number, bytes: Buffer): void => void bytes.copy(image, sector * SECTOR);
  put(16, descriptor({ type: 1, label: Buffer.from(label.padEnd(32)), sectors: next, root: AT.root, paths: AT.paths }));
  put(17, descriptor({ type: 2, label: wide(label, 32), sectors: next, root: AT.wideRoot, paths: AT.widePaths }));
  put(AT.end, Buffer.from([255, ...Buffer.from('CD001'), 1]));
  for (const [table, root] of [
    [AT.paths, AT.root],
    [AT.widePaths, AT.wideRoot],
  ] as const) {
    put(table, pathTable(root, 'LE'));
    put(table + 1, pathTable(root, 'BE'));
  }
  const short = (name: string): Buffer => Buffer.from(`${name.toUpperCase()}${name.includes('.') ? '' : '.'};1`);
  const long = (name: string): Buffer => wide(`${name};1`, (name.length + 2) * 2);
  const named = files.map(({ name }, index) => ({ name, place: places[index] ?? { at: 0, length: 0 } }));
  put(
    AT.root,
    directory(
      AT.root,
      named.map(({ name, place }) => ({ name: short(name), ...place })),
    ),
  );
  put(
    AT.wideRoot,
    directory(
      AT.wideRoot,
      named.map(({ name, place }) => ({ name: long(name), ...place })),
    ),
  );
  for (const [index, bytes] of contents.entries()) put(places[index]?.at ?? 0, bytes);
  return image;
}

interface Entry {
  readonly name: Buffer;
  readonly at: number;
  readonly length: number;
}

function directory(self: number, files: readonly Entry[]): Buffer {
  const here = { at: self, length: SECTOR };
  const sorted = [...files].sort((a, b) => Buffer.compare(a.name, b.name));
  return Buffer.concat([
    record({ name: ROOT_NAME, ...here }, true),
    record({ name: PARENT_NAME, ...here }, true),
    ...sorted.map((file) => record(file, false)),
  ]);
}

/** ECMA-119, 9.1. The date stays zero: the same content gives the same image. */
function record({ name, at, length }: Entry, isDirectory: boolean): Buffer {
  const size = 33 + name.length + ((name.length + 1) % 2);
  const bytes = Buffer.alloc(size);
  bytes[0] = size;
  both32(bytes, 2, at);
  both32(bytes, 10, length);
  bytes[25] = isDirectory ? 2 : 0;
  both16(bytes, 28, 1);
  bytes[32] = name.length;
  name.copy(bytes, 33);
  return bytes;
}

interface Volume {
  readonly type: 1 | 2;
  readonly label: Buffer;
  readonly sectors: number;
  readonly root: number;
  readonly paths: number;
}

/** ECMA-119, 8.4 and 8.5; `%/E` says that the names are UCS-2, level 3. */
function descriptor({ type, label, sectors, root, paths }: Volume): Buffer {
  const bytes = Buffer.alloc(SECTOR);
  const blank = (from: number, to: number): void => void bytes.fill(type === 1 ? ' ' : '\0 ', from, to, 'latin1');
  bytes[0] = type;
  bytes.write('CD001', 1, 'latin1');
  bytes[6] = 1;
  blank(8, 40);
  label.copy(bytes, 40);
  both32(bytes, 80, sectors);
  if (type === 2) bytes.write('%/E', 88, 'latin1');
  both16(bytes, 120, 1);
  both16(bytes, 124, 1);
  both16(bytes, 128, SECTOR);
  both32(bytes, 132, pathTable(root, 'LE').length);
  bytes.writeUInt32LE(paths, 140);
  bytes.writeUInt32BE(paths + 1, 148);
  record({ name: ROOT_NAME, at: root, length: SECTOR }, true).copy(bytes, 156);
  blank(190, 813);
  for (const date of [813, 830, 847, 864]) bytes.fill('0', date, date + 16, 'latin1');
  bytes[881] = 1;
  return bytes;
}

/** ECMA-119, 9.4: the root alone. */
function pathTable(root: number, order: 'LE' | 'BE'): Buffer {
  const bytes = Buffer.alloc(10);
  bytes[0] = 1;
  bytes[`writeUInt32${order}`](root, 2);
  bytes[`writeUInt16${order}`](1, 6);
  return bytes;
}

function wide(text: string, size: number): Buffer {
  return Buffer.from(text.padEnd(size / 2).slice(0, size / 2), 'utf16le').swap16();
}

function both32(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32LE(value, at);
  bytes.writeUInt32BE(value, at + 4);
}

function both16(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt16LE(value, at);
  bytes.writeUInt16BE(value, at + 2);
}
