import { createHash } from 'node:crypto';
import { mkdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from '../../src/common/command.ts';
import { machineMirror } from '../../src/namespaces/apt-sources.ts';
import { withLock } from '../../src/namespaces/lock.ts';
import { cacheRoot, lockPath } from '../../src/namespaces/paths.ts';

/** What a virtual machine of the tests is started from. */
export interface VmImage {
  readonly disk: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly append: string;
}

const SUITE = 'bookworm';
const SYSTEM = [
  ...['systemd-sysv', 'dbus', 'udev', 'openssh-server', 'sudo', 'iproute2', 'procps', 'netbase', 'cloud-init'],
  ...['netplan.io', 'linux-image-cloud-amd64', 'zstd', 'e2fsprogs', 'cloud-guest-utils', 'kmod'],
];
/** As Debian's own image: its file system by label, no swap. */
const FSTAB = 'LABEL=test-root / ext4 defaults 0 1\n';

/** Debian with cloud-init on an ext4 disk without partitions, and its kernel beside it. Made when it is not in the cache yet. */
export async function ensureVmImage(report: (line: string) => void): Promise<VmImage> {
  const { uri } = await machineMirror();
  const recipe = JSON.stringify([SUITE, uri, SYSTEM, FSTAB]);
  const folder = join(cacheRoot(), 'vm', createHash('sha256').update(recipe).digest('hex').slice(0, 12));
  await withLock(lockPath('vm-image'), async () => {
    const isThere = await stat(folder).then(
      () => true,
      () => false,
    );
    if (!isThere) await build(folder, report);
  });
  return {
    disk: join(folder, 'disk.raw'),
    kernel: join(folder, 'vmlinuz'),
    initrd: join(folder, 'initrd.img'),
    append: 'root=LABEL=test-root rw console=ttyS0 mitigations=off systemd.show_status=0',
  };
}

async function build(folder: string, report: (line: string) => void): Promise<void> {
  const draft = `${folder}.draft`;
  const tree = join(draft, 'tree');
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { recursive: true });
  report(`making a Debian ${SUITE} disk for virtual machines`);
  const { uri, options } = await machineMirror();
  await writeFile(join(draft, 'sources.list'), `deb ${options}${uri} ${SUITE} main\n`);
  const settings = [
    'APT::Install-Recommends "false"',
    'Acquire::Languages "none"',
    'Acquire::Check-Valid-Until "false"',
  ];
  const leaveOut = ['man', 'doc', 'locale', 'info'].map((part) => `--dpkgopt=path-exclude=/usr/share/${part}/*`);
  const how = ['--quiet', '--mode=root', '--variant=minbase', '--format=directory', '--skip=check/empty'];
  await must(
    'mmdebstrap',
    [
      ...how,
      `--include=${SYSTEM.join(',')}`,
      ...settings.map((each) => `--aptopt=${each}`),
      ...leaveOut,
      ...[SUITE, tree, join(draft, 'sources.list')],
    ],
    { timeoutMs: 900_000 },
  );
  await writeFile(join(tree, 'etc/fstab'), FSTAB);
  await must('sh', ['-c', 'rm -rf "$0"/var/lib/apt/lists/* "$0"/etc/ssh/ssh_host_* "$0"/etc/apt/sources.list*', tree]);
  await writeFile(join(tree, 'etc/machine-id'), '');
  await must('sh', [
    '-c',
    'cp -L "$0"/boot/vmlinuz-* "$1/vmlinuz"; cp -L "$0"/boot/initrd.img-* "$1/initrd.img"',
    tree,
    draft,
  ]);
  await must('truncate', ['--size=3G', join(draft, 'disk.raw')]);
  await must('mke2fs', ['-q', '-t', 'ext4', '-L', 'test-root', '-d', tree, join(draft, 'disk.raw')], {
    timeoutMs: 300_000,
  });
  await rm(tree, { recursive: true });
  await rename(draft, folder);
}
