import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { type FileEntry, type StoredEntry, tarStream } from '../../common/tar.ts';
import type { Task } from '../../provision/provisioner.ts';
import type { MachineStore } from '../store.ts';
import { findInstallation, type Installation, type InstalledFile, NODE_PATH, PROGRAM_FOLDER } from './installation.ts';

/** An image of this program, ready for `POST /images/load`. */
export interface SelfImage {
  readonly reference: string;
  /** `amd64`, `arm64` as engines say it. */
  readonly architecture: string;
  /** A gzipped tar. */
  readonly file: string;
  readonly sizeBytes: number;
}

const CREATED = '2026-01-01T00:00:00Z';
/** Raise it when the way images are made changes, so that cached ones are made again. */
const EDITION = 3;

const ACCOUNTS: readonly FileEntry[] = [
  ['etc/passwd', 'root:x:0:0:root:/root:/bin/false\nnobody:x:65534:65534:nobody:/:/bin/false\n'],
  ['etc/group', 'root:x:0:\nnogroup:x:65534:\n'],
  ['etc/nsswitch.conf', 'passwd: files\ngroup: files\nhosts: files dns\n'],
].map(([path = '', text = '']) => ({ path, mode: 0o644, content: Buffer.from(text) }));

/** What engines call architectures. */
export function engineArchitecture(arch: string): string {
  return { x64: 'amd64', arm: 'arm', arm64: 'arm64', ia32: '386' }[arch] ?? arch;
}

/**
 * The image of the running program in the store's cache, made when it is not there or the program has changed. Equal installations
 * make equal images.
 */
export async function ensureSelfImage(store: MachineStore, task: Task): Promise<SelfImage> {
  const installation = await findInstallation();
  const key = keyOf(installation);
  const file = join(await store.folder('cache'), `image-${key.slice(0, 16)}.tar.gz`);
  // The tag tells builds of one version apart, as they occur while it is developed.
  const reference = `enxame:${installation.version}-${key.slice(0, 8)}`;
  const architecture = engineArchitecture(process.arch);
  const lock = await store.lockShared('making the swarm image', task.signal);
  try {
    if ((await sizeOf(file)) === undefined) {
      task.report('making the swarm image of this program');
      await writeImage(file, reference, architecture, installation);
      await removeOthers(file);
    }
  } finally {
    await lock.close();
  }
  return { reference, architecture, file, sizeBytes: (await sizeOf(file)) ?? 0 };
}

/** Images of older builds, of no use any more. */
async function removeOthers(file: string): Promise<void> {
  const folder = dirname(file);
  const others = (await readdir(folder)).filter((name) => /^image-\w+\.tar\.gz$/.test(name) && name !== basename(file));
  for (const name of others) await rm(join(folder, name), { force: true });
}

function keyOf({ runtime, program }: Installation): string {
  const hash = createHash('sha256').update(`${EDITION}\n`);
  for (const { to, mode, sizeBytes, mtimeMs } of [...runtime, ...program])
    hash.update(`${to} ${mode} ${sizeBytes} ${mtimeMs}\n`);
  return hash.digest('hex');
}

/** One layer in a file of its own: its digest is part of the configuration, which comes first in the image. */
interface Layer {
  readonly file: string;
  readonly digest: string;
  readonly sizeBytes: number;
}

async function writeImage(file: string, reference: string, architecture: string, parts: Installation): Promise<void> {
  const draft = `${file}.${process.pid}.new`;
  const drafts = { runtime: `${draft}.runtime`, program: `${draft}.program` };
  try {
    const layers = [
      await writeLayer(drafts.runtime, parts.runtime, ACCOUNTS),
      await writeLayer(drafts.program, parts.program, []),
    ];
    const archive = tarStream(imageEntries(reference, architecture, parts.version, layers));
    await pipeline(archive, createGzip({ level: 1 }), createWriteStream(draft, { mode: 0o600 }));
    await rename(draft, file);
  } finally {
    for (const path of [draft, drafts.runtime, drafts.program]) await rm(path, { force: true });
  }
}

function imageEntries(
  reference: string,
  architecture: string,
  version: string,
  layers: readonly Layer[],
): (FileEntry | StoredEntry)[] {
  const config = {
    Entrypoint: [`/${NODE_PATH}`, `/${PROGRAM_FOLDER}/dist/cli/main.js`],
    Cmd: ['--help'],
    Env: ['PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'HOME=/root'],
    WorkingDir: '/',
    Labels: { 'org.opencontainers.image.title': 'enxame', 'org.opencontainers.image.version': version },
  };
  const configText = JSON.stringify({
    architecture,
    os: 'linux',
    created: CREATED,
    config,
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => `sha256:${digest}`) },
    history: layers.map(() => ({ created: CREATED, created_by: 'enxame machine' })),
  });
  const configName = `${sha256(configText)}.json`;
  const names = layers.map((_, index) => `layer-${index + 1}.tar`);
  const manifest = JSON.stringify([{ Config: configName, RepoTags: [reference], Layers: names }]);
  return [
    { path: configName, mode: 0o644, content: Buffer.from(configText) },
    ...layers.map(({ file, sizeBytes }, index) => ({ path: names[index] ?? '', mode: 0o644, file, sizeBytes })),
    { path: 'manifest.json', mode: 0o644, content: Buffer.from(manifest) },
  ];
}

async function writeLayer(
  file: string,
  installed: readonly InstalledFile[],
  more: readonly FileEntry[],
): Promise<Layer> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  const counted = async function* (chunks: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
    for await (const chunk of chunks) {
      hash.update(chunk);
      sizeBytes += chunk.length;
      yield chunk;
    }
  };
  await pipeline(tarStream(layerEntries(installed, more)), counted, createWriteStream(file, { mode: 0o600 }));
  return { file, digest: hash.digest('hex'), sizeBytes };
}

function layerEntries(
  installed: readonly InstalledFile[],
  more: readonly FileEntry[],
): readonly (FileEntry | StoredEntry)[] {
  const stored = installed.map(({ from, to, mode, sizeBytes }) => ({ path: to, mode, file: from, sizeBytes }));
  const folders = new Set([...installed.map(({ to }) => to), ...more.map(({ path }) => path)].flatMap(parentsOf));
  const top =
    more.length === 0
      ? []
      : [
          { path: 'tmp/', mode: 0o1777 },
          { path: 'root/', mode: 0o700 },
        ];
  return [...[...folders].sort().map((path) => ({ path: `${path}/`, mode: 0o755 })), ...top, ...more, ...stored];
}

/** "a/b/c" has the parents "a" and "a/b". */
function parentsOf(path: string): string[] {
  const parts = path.split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}

/** The image's bytes as they go to an engine. */
export function openImage(image: SelfImage): Readable {
  return createReadStream(image.file);
}

function sha256(data: string): string {
  return createHash('sha256').update(data).digest('hex');
}

async function sizeOf(file: string): Promise<number | undefined> {
  return await stat(file).then(
    ({ size }) => size,
    () => undefined,
  );
}
