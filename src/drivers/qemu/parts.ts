import { createHash } from 'node:crypto';
import { readFile, rename } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { writePrivate } from '../../common/private-file.ts';
import { expandHome, ownKey } from '../cloud/key-files.ts';
import type { DriverContext } from '../driver.ts';
import { DriverError } from '../errors.ts';
import { cachedImage, fetchImage, isUrl, localImage } from '../vm/image.ts';
import { chooseForwards } from '../vm/loopback.ts';
import { seedImage } from '../vm/seed.ts';
import { mustRun } from '../vm/tool.ts';
import { FILES, type VmSettings } from './command.ts';
import type { QemuOptions } from './options.ts';

type Context = DriverContext<QemuOptions>;

/** A disk over the image, which stays as it is and must stay where it is. */
export async function makeDisk(context: Context, signal: AbortSignal): Promise<{ readonly id: string }> {
  const { options, env, report, change, directory } = context;
  const image = options['qemu-image'];
  const base = isUrl(image) ? cachedImage(image, env) : await localImage(image, 'qemu-image');
  if (isUrl(image))
    await change({ action: 'fetch', parameters: { image } }, () => fetchImage(image, { env, signal, report }), base);
  const size = `${options['qemu-disk-size']}M`;
  const make = async (): Promise<{ readonly id: string }> => {
    const info = JSON.parse(await mustRun('qemu-img', ['info', '--output=json', base], { signal })) as ImageInfo;
    if (info['virtual-size'] > options['qemu-disk-size'] * 1024 * 1024)
      throw new DriverError(
        `the image has ${Math.ceil(info['virtual-size'] / 1024 ** 2)} MB: give --qemu-disk-size at least that`,
        'DISK_TOO_SMALL',
      );
    const draft = `${FILES.disk}.new`;
    const args = ['create', '-q', '-f', 'qcow2', '-F', info.format, '-b', base, draft, size];
    await mustRun('qemu-img', args, { signal, cwd: directory });
    await rename(join(directory, draft), join(directory, FILES.disk));
    return { id: FILES.disk };
  };
  return await change({ action: 'qemu-img create', parameters: { disk: FILES.disk, base, size } }, make, {
    id: FILES.disk,
  });
}

interface ImageInfo {
  readonly format: string;
  readonly 'virtual-size': number;
}

/** The disc that tells the machine who it is. */
export async function makeSeed(context: Context, settings: VmSettings): Promise<void> {
  const { options, directory, change, id, name } = context;
  const address = options['qemu-ip-address'];
  const network = {
    mac: settings.mac,
    address: address ?? '',
    gateway: options['qemu-gateway'],
    nameservers: options['qemu-nameserver'],
  };
  const { publicKey } = await ownKey(context);
  const make = async (): Promise<void> => {
    const seed = { instanceId: id, hostname: name, user: options['qemu-ssh-user'], publicKey };
    const image = seedImage(address === undefined ? seed : { ...seed, network });
    await writePrivate(join(directory, FILES.seed), image);
  };
  await change({ action: 'write cloud-init seed', parameters: { file: FILES.seed } }, make, undefined);
}

/** What the machine is like: chosen when it is made, and the same ever after, whatever else listens here by then. */
export async function makeSettings(context: Context): Promise<VmSettings> {
  const { options, directory, change, id, name, ports } = context;
  const file = join(directory, 'settings.json');
  const kept = await readFile(file, 'utf8').catch(() => undefined);
  const path = (given: string | undefined): string | undefined => given && resolve(expandHome(given));
  const bridge = options['qemu-bridge'];
  const all = [...new Set([...ports, ...options['qemu-open-port'].map(Number)])];
  const forwards = bridge === undefined ? await reached(kept, id, all) : undefined;
  const [a, b, c] = createHash('sha256').update(id).digest();
  const settings: VmSettings = {
    name,
    memoryMb: options['qemu-memory'],
    cpus: options['qemu-cpus'],
    // 52:54:00 is QEMU's own range.
    mac: ['52', '54', '00', ...[a, b, c].map((octet) => (octet ?? 0).toString(16).padStart(2, '0'))].join(':'),
    forwards,
    bridge,
    kernel: path(options['qemu-kernel']),
    initrd: path(options['qemu-initrd']),
    append: options['qemu-append'],
    firmware: path(options['qemu-firmware']),
  };
  if (kept !== undefined) return settings;
  const keep = (): Promise<void> => writePrivate(file, `${JSON.stringify({ forwards }, null, 2)}\n`);
  await change({ action: 'write settings', parameters: { forwards } }, keep, undefined);
  return settings;
}

async function reached(
  kept: string | undefined,
  id: string,
  ports: readonly number[],
): Promise<VmSettings['forwards']> {
  if (kept !== undefined) return (JSON.parse(kept) as Pick<VmSettings, 'forwards'>).forwards;
  return await chooseForwards(id, ports);
}
