import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { extname, join } from 'node:path';

interface StaticFile {
  readonly bytes: Buffer;
  /** Compressed when the page was built; undefined for what does not shrink. */
  readonly gzip: Buffer | undefined;
  readonly type: string;
  readonly etag: string;
  /** Its name has a hash of its content: it never changes. */
  readonly isImmutable: boolean;
}

const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.txt': 'text/plain; charset=utf-8',
};

const MAX_FILES = 1_000;

/** Built files have the hash of their content in their names: `index-B7rXk2Qa.js`. */
const HASHED = /-[\w-]{8,}\.\w+$/;

/** The files of the built page, read once and kept in memory: the page's whole folder is a few hundred kilobytes. */
export class StaticFiles {
  readonly #folder: string;
  #files: Promise<ReadonlyMap<string, StaticFile>> | undefined;

  /** @param folder where the page was built to; it may not be there (yet) */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Answers `GET` and `HEAD` of a path; paths that name no file are the page's own, and show it. Resolves with whether there is a page. */
  async answer(req: IncomingMessage, res: ServerResponse, path: string): Promise<boolean> {
    const files = await this.#read();
    const index = files.get('/index.html');
    if (!index) return false;
    const file = files.get(path) ?? (extname(path) === '' ? index : undefined);
    if (file) send(req, res, file);
    else {
      res.writeHead(404, { 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-store' });
      res.end('there is no such file\n');
    }
    return true;
  }

  /** A page that is built later is found then. */
  async #read(): Promise<ReadonlyMap<string, StaticFile>> {
    this.#files ??= readFiles(this.#folder).then((files) => {
      if (!files.has('/index.html')) this.#files = undefined;
      return files;
    });
    return this.#files;
  }
}

async function readFiles(folder: string): Promise<ReadonlyMap<string, StaticFile>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const contents = new Map<string, Buffer>();
  for (const path of paths.slice(0, MAX_FILES)) contents.set(path.slice(folder.length), await readFile(path));
  const files = new Map<string, StaticFile>();
  for (const [path, bytes] of contents) {
    const type = TYPES[extname(path)];
    if (type === undefined) continue;
    const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
    files.set(path, { bytes, gzip: contents.get(`${path}.gz`), type, etag, isImmutable: HASHED.test(path) });
  }
  return files;
}

function send(req: IncomingMessage, res: ServerResponse, { bytes, gzip, type, etag, isImmutable }: StaticFile): void {
  res.setHeader('Cache-Control', isImmutable ? 'public, max-age=31536000, immutable' : 'no-cache');
  res.setHeader('ETag', etag);
  res.setHeader('Vary', 'Accept-Encoding');
  if (req.headers['if-none-match']?.includes(etag)) {
    res.writeHead(304);
    res.end();
    return;
  }
  const isCompressed = gzip !== undefined && /\bgzip\b/.test(req.headers['accept-encoding'] ?? '');
  const body = isCompressed ? gzip : bytes;
  res.writeHead(200, {
    'Content-Type': type,
    'Content-Length': body.length,
    ...(isCompressed && { 'Content-Encoding': 'gzip' }),
  });
  res.end(req.method === 'HEAD' ? undefined : body);
}
