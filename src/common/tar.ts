import { createReadStream } from 'node:fs';
import { Readable, Writable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createTarPacker, type TarHeader, type TarPackController } from 'modern-tar';

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

/** An archive (POSIX ustar) in memory. Owner root, time zero and the given order: equal entries make equal bytes. */
export function tar(entries: readonly FileEntry[]): Promise<Buffer> {
  return buffer(tarStream(entries));
}

/** As {@link tar}, piece by piece, as fast as it is read. Fails when a stored file has another size than it was given. */
export function tarStream(entries: Iterable<FileEntry | StoredEntry>): Readable {
  const { readable, controller } = createTarPacker();
  // The reader is told.
  addAll(entries, controller).catch((error: unknown) => controller.error(error));
  return Readable.fromWeb(readable);
}

async function addAll(entries: Iterable<FileEntry | StoredEntry>, archive: TarPackController): Promise<void> {
  for (const entry of entries) {
    const content =
      'file' in entry ? createReadStream(entry.file) : Readable.from('content' in entry ? [entry.content] : []);
    await pipeline(content, Writable.fromWeb(archive.add(headerOf(entry))));
  }
  archive.finalize();
}

function headerOf(entry: FileEntry | StoredEntry): TarHeader {
  const { path, mode } = entry;
  const header = { name: path, mode, mtime: new Date(0), uid: 0, gid: 0, size: 0 };
  if ('target' in entry) return { ...header, type: 'symlink', linkname: entry.target };
  if ('file' in entry) return { ...header, type: 'file', size: entry.sizeBytes };
  return 'content' in entry
    ? { ...header, type: 'file', size: entry.content.length }
    : { ...header, type: 'directory' };
}
