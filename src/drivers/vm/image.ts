import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { reasonOf, UsageError } from '../../common/errors.ts';
import { fetchWeb } from '../../common/web.ts';
import { expandHome } from '../cloud/key-files.ts';
import { DriverError } from '../errors.ts';

/** How an image is fetched. */
export interface FetchOptions {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  readonly report: (text: string) => void;
}

/** Debian's image for clouds, by this computer's processor. */
export function debianImage(format: 'qcow2' | 'raw'): string {
  const processor = process.arch === 'arm64' ? 'arm64' : 'amd64';
  const folder = 'https://cloud.debian.org/images/cloud/bookworm/latest';
  return `${folder}/debian-12-generic-${processor}.${format}`;
}

/** Whether it is fetched and not a file of this computer. */
export function isUrl(image: string): boolean {
  return /^https?:\/\//.test(image);
}

/** Absolute path of an image file. Throws a UsageError that names `flag` when there is none. */
export async function localImage(image: string, flag: string): Promise<string> {
  const path = resolve(expandHome(image));
  const info = await stat(path).catch(() => undefined);
  if (info?.isFile()) return path;
  throw new UsageError(`--${flag} "${image}" is no file here`);
}

/** Where {@link fetchImage} puts it. */
export function cachedImage(url: string, env: FetchOptions['env']): string {
  const root = env.ENXAME_CACHE_DIR ?? join(env.XDG_CACHE_HOME ?? join(env.HOME ?? homedir(), '.cache'), 'enxame');
  const hash = createHash('sha256').update(url).digest('hex').slice(0, 8);
  return join(root, 'images', `${hash}-${basename(new URL(url).pathname)}`);
}

/**
 * Fetches an image into the cache, once; answers its path. It is checked against `SHA512SUMS` beside it where the server has that,
 * as Debian's and Ubuntu's do.
 */
export async function fetchImage(url: string, options: FetchOptions): Promise<string> {
  const path = cachedImage(url, options.env);
  if ((await stat(path).catch(() => undefined)) !== undefined) return path;
  const draft = `${path}.${process.pid}.part`;
  await mkdir(dirname(path), { recursive: true });
  try {
    const hash = await download(url, draft, options);
    await check(url, hash, options.signal);
    await rename(draft, path);
    return path;
  } catch (error) {
    if (options.signal.aborted || error instanceof DriverError) throw error;
    throw new DriverError(`cannot fetch ${url}: ${reasonOf(error)}. Give an image file instead`, 'NO_IMAGE', error);
  } finally {
    await rm(draft, { force: true });
  }
}

async function download(url: string, path: string, { signal, report }: FetchOptions): Promise<string> {
  const answer = await fetchWeb(url, { signal });
  if (!answer.ok || answer.body === null) throw new Error(`the server answers ${answer.status}`);
  const totalBytes = Number(answer.headers.get('content-length') ?? 0);
  const hash = createHash('sha512');
  const progress = { bytes: 0, told: -1 };
  const count = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      hash.update(chunk);
      progress.bytes += chunk.length;
      const tenth = totalBytes === 0 ? 0 : Math.floor((progress.bytes * 10) / totalBytes);
      if (tenth !== progress.told) report(`fetching the image (${tenth * 10} % of ${Math.round(totalBytes / 1e6)} MB)`);
      progress.told = tenth;
      done(undefined, chunk);
    },
  });
  await pipeline(Readable.fromWeb(answer.body), count, createWriteStream(path), { signal });
  return hash.digest('hex');
}

async function check(url: string, hash: string, signal: AbortSignal): Promise<void> {
  const answer = await fetchWeb(new URL('SHA512SUMS', url), { signal });
  if (!answer.ok) return;
  const name = basename(new URL(url).pathname);
  const line = (await answer.text()).split('\n').find((each) => each.trim().split(/\s+\*?/)[1] === name);
  if (line === undefined || line.startsWith(hash)) return;
  throw new DriverError(`${url} is not the image its SHA512SUMS describes: fetch it again later`, 'BAD_IMAGE');
}
