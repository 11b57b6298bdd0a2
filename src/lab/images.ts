import { createHash } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { exists } from '../common/files.ts';
import { type FileEntry, tar } from '../common/tar.ts';
import { withLock } from '../namespaces/lock.ts';
import { cacheRoot, lockPath } from '../namespaces/paths.ts';
import { imageFiles } from './image-files.ts';

/** Images the lab builds from Debian's programs; each is tagged `latest`. */
export type TestImage = 'busybox' | 'redis';

/** Runtime settings of an image, in the casing of the image specification. */
interface ImageConfig {
  readonly Cmd: readonly string[];
  readonly Env: readonly string[];
  readonly ExposedPorts?: Readonly<Record<string, object>>;
  readonly WorkingDir?: string;
}

const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

const configs: Readonly<Record<TestImage, ImageConfig>> = {
  busybox: { Cmd: ['sh'], Env: [path] },
  redis: {
    // Protected mode would refuse everyone but the container itself.
    Cmd: ['redis-server', '--protected-mode', 'no', '--dir', '/data'],
    Env: [path],
    ExposedPorts: { '6379/tcp': {} },
    WorkingDir: '/data',
  },
};

/** Same input, same image ID on every engine of every lab; part of the file name, so raise it when the content changes. */
const edition = 2;
const created = '2024-01-01T00:00:00Z';

/** Path of a tar that `docker load` takes. Built once and cached; several processes may ask at once. */
export async function ensureImage(image: TestImage): Promise<string> {
  const directory = join(cacheRoot(), 'images');
  const file = join(directory, `${image}-${edition}.tar`);
  if (await exists(file)) return file;
  return await withLock(lockPath(`image-${image}`), async () => {
    if (await exists(file)) return file;
    await mkdir(directory, { recursive: true });
    await writeFile(`${file}.part`, await imageTar(image, configs[image], await imageFiles(image)));
    await rename(`${file}.part`, file);
    return file;
  });
}

/** An image in the format of `docker save`: manifest, configuration, one layer. Deterministic: equal files, equal bytes. */
export async function imageTar(name: string, config: ImageConfig, files: readonly FileEntry[]): Promise<Buffer> {
  const layer = await tar(files);
  const configJson = JSON.stringify({
    architecture: process.arch === 'arm64' ? 'arm64' : 'amd64',
    os: 'linux',
    created,
    config,
    rootfs: { type: 'layers', diff_ids: [`sha256:${sha256(layer)}`] },
    history: [{ created, created_by: 'enxame lab' }],
  });
  // The engine computes the image ID from exactly these bytes.
  const configName = `${sha256(configJson)}.json`;
  const manifest = JSON.stringify([{ Config: configName, RepoTags: [`${name}:latest`], Layers: ['layer.tar'] }]);
  return await tar([
    { path: configName, mode: 0o644, content: Buffer.from(configJson) },
    { path: 'layer.tar', mode: 0o644, content: layer },
    { path: 'manifest.json', mode: 0o644, content: Buffer.from(manifest) },
  ]);
}

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex');
}
