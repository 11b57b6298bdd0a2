import { constants, gunzipSync } from 'node:zlib';

/** What a search in the beginning of an archive found: the file, that more is needed, or that it is not in it. */
export type Found = { readonly kind: 'found'; readonly content: string } | { readonly kind: 'more' | 'absent' };

const BLOCK = 512;
const MORE: Found = { kind: 'more' };
const ABSENT: Found = { kind: 'absent' };

/** Looks for a file in the beginning of a tar archive, plain or gzipped. A build's context has its Dockerfile somewhere in it. */
export function findFile(archive: Buffer, path: string, maxBytes: number): Found {
  const plain = archive[0] === 0x1f && archive[1] === 0x8b ? unzipped(archive, maxBytes) : archive;
  return plain ? findInTar(plain, normal(path)) : ABSENT;
}

/** What a cut gzip stream holds so far; undefined when it is broken or too large. */
function unzipped(archive: Buffer, maxBytes: number): Buffer | undefined {
  try {
    return gunzipSync(archive, { finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: maxBytes });
  } catch {
    return undefined;
  }
}

function findInTar(archive: Buffer, path: string): Found {
  for (let at = 0; at + BLOCK <= archive.length; ) {
    const header = archive.subarray(at, at + BLOCK);
    if (header[0] === 0) return ABSENT;
    const size = Number.parseInt(text(header, 124, 12).trim() || '0', 8);
    if (!Number.isFinite(size)) return ABSENT;
    const start = at + BLOCK;
    if (normal(nameOf(header)) === path) {
      if (start + size > archive.length) return MORE;
      return { kind: 'found', content: archive.toString('utf8', start, start + size) };
    }
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return MORE;
}

function nameOf(header: Buffer): string {
  const prefix = text(header, 257, 5) === 'ustar' ? text(header, 345, 155) : '';
  const name = text(header, 0, 100);
  return prefix === '' ? name : `${prefix}/${name}`;
}

function text(header: Buffer, start: number, length: number): string {
  const end = header.indexOf(0, start);
  return header.toString('latin1', start, end < 0 || end > start + length ? start + length : end);
}

function normal(path: string): string {
  return path.replace(/^(?:\.?\/)+/, '');
}

/** Images a Dockerfile builds on or copies from, build arguments filled in; no stages of its own. */
export function baseImages(dockerfile: string, buildArgs: ReadonlyMap<string, string | null>): readonly string[] {
  const args = new Map<string, string>();
  const stages = new Set(['scratch']);
  const images = new Set<string>();
  const add = (reference: string): void => {
    const image = fillIn(reference, args);
    if (image !== '' && !stages.has(image.toLowerCase()) && !/^\d+$/.test(image)) images.add(image);
  };
  for (const line of dockerfile.replace(/\\[ \t]*\r?\n/g, ' ').split('\n')) {
    const [, name, value] = /^\s*ARG\s+(\w+)(?:=("[^"]*"|'[^']*'|\S*))?/i.exec(line) ?? [];
    // Only arguments before the first FROM count in one; those of stages do no harm here.
    if (name !== undefined) args.set(name, buildArgs.get(name) ?? unquoted(value ?? ''));
    const [, from, stage] = /^\s*FROM\s+(?:--\S+\s+)*(\S+)(?:\s+AS\s+(\S+))?/i.exec(line) ?? [];
    if (from !== undefined) add(from);
    if (stage !== undefined) stages.add(stage.toLowerCase());
    const [, source] = /^\s*COPY\s+.*?--from=(\S+)/i.exec(line) ?? [];
    if (source !== undefined) add(source);
  }
  return [...images];
}

function fillIn(reference: string, args: ReadonlyMap<string, string>): string {
  return reference.replace(
    /\$(?:(\w+)|\{(\w+)(?::?-([^}]*))?\})/g,
    (_, plain?: string, braced?: string, otherwise?: string) => {
      return args.get(plain ?? braced ?? '') || (otherwise ?? '');
    },
  );
}

function unquoted(value: string): string {
  return value.replace(/^(["'])(.*)\1$/, '$2');
}
