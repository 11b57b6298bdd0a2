import { createHash } from 'node:crypto';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from '../../src/common/command.ts';
import { machineMirror } from '../../src/namespaces/apt-sources.ts';
import { withLock } from '../../src/namespaces/lock.ts';
import { cacheRoot, lockPath } from '../../src/namespaces/paths.ts';

/** A Debian system as a folder, and the packages an engine is installed from. Both are only read. */
export interface HostTree {
  readonly root: string;
  /** Folder of .deb files. */
  readonly packages: string;
  /** systemd-nspawn and the folder of its private library. */
  readonly nspawn: { readonly program: string; readonly libraries: string };
}

const SUITE = 'bookworm';
const SYSTEM = ['systemd-sysv', 'dbus', 'openssh-server', 'sudo', 'iproute2', 'procps', 'netbase'];
/** What provisioning installs on Debian; downloaded once with all they need. */
const ENGINE = ['docker.io', 'apparmor', 'ca-certificates', 'etcd-server', 'wireguard-tools', 'wireguard-go'];
/** `bee` may use sudo without a password, `drone` may not, `wasp` has to give one. */
const USERS = `for user in bee drone wasp; do useradd --create-home --shell /bin/bash $user; done
echo 'bee ALL=(ALL) NOPASSWD:ALL' >/etc/sudoers.d/bee
echo 'wasp ALL=(ALL) ALL' >/etc/sudoers.d/wasp
`;
const WITHOUT_DOCS = ['man', 'doc', 'locale', 'info'].map((part) => `--dpkgopt=path-exclude=/usr/share/${part}/*`);

/** The tree, made when it is not in the cache yet (about a minute, 300 MB). */
export async function ensureTree(report: (line: string) => void): Promise<HostTree> {
  const { uri } = await machineMirror();
  const recipe = JSON.stringify([SUITE, uri, SYSTEM, ENGINE, USERS]);
  const folder = join(cacheRoot(), 'hosts', createHash('sha256').update(recipe).digest('hex').slice(0, 12));
  if (!(await exists(folder)))
    await withLock(lockPath('hosts'), async () => {
      if (!(await exists(folder))) await build(folder, report);
    });
  return {
    root: join(folder, 'tree'),
    packages: join(folder, 'packages'),
    nspawn: {
      program: join(folder, 'nspawn/usr/bin/systemd-nspawn'),
      libraries: join(folder, 'nspawn', (await libraryFolder(folder)) ?? ''),
    },
  };
}

async function build(folder: string, report: (line: string) => void): Promise<void> {
  const draft = `${folder}.draft`;
  await rm(draft, { recursive: true, force: true });
  await mkdir(join(draft, 'packages'), { recursive: true });
  const tree = join(draft, 'tree');
  report(`making a Debian ${SUITE} tree for test hosts`);
  await must('mmdebstrap', [...mmdebstrapOptions(), SUITE, tree, await sourcesFile(draft)], { timeoutMs: 600_000 });
  await must('chroot', [tree, 'sh', '-ec', USERS]);
  report('downloading the packages of the engine');
  const download = `apt-get -qq update && apt-get -qq -y --no-install-recommends --download-only install ${ENGINE.join(' ')}`;
  await must('chroot', [tree, 'sh', '-c', download], { timeoutMs: 600_000 });
  await must('sh', ['-c', `mv "$0"/var/cache/apt/archives/*.deb "$1"`, tree, join(draft, 'packages')]);
  await must('sh', ['-c', 'rm -rf "$0"/var/lib/apt/lists/* "$0"/etc/ssh/ssh_host_* "$0"/etc/apt/sources.list*', tree]);
  await unpackNspawn(join(draft, 'nspawn'));
  await rename(draft, folder);
}

function mmdebstrapOptions(): string[] {
  return [
    '--quiet',
    '--mode=root',
    '--variant=minbase',
    '--format=directory',
    '--skip=check/empty',
    `--include=${SYSTEM.join(',')}`,
    '--aptopt=APT::Install-Recommends "false"',
    '--aptopt=Acquire::Languages "none"',
    // A dated mirror serves a Release file that has run out.
    '--aptopt=Acquire::Check-Valid-Until "false"',
    ...WITHOUT_DOCS,
  ];
}

async function sourcesFile(folder: string): Promise<string> {
  const { uri, options } = await machineMirror();
  const path = join(folder, 'sources.list');
  await writeFile(path, `deb ${options}${uri} ${SUITE} main\n`);
  return path;
}

/** Unpacked, not installed: installing it would bring this machine's own systemd up to date as well. */
async function unpackNspawn(folder: string): Promise<void> {
  await mkdir(folder);
  // Both of one version: the library is a private one.
  const script = `cd "$0"
version=$(apt-cache policy systemd-container | sed -n 's/.*Candidate: //p')
apt-get -qq -o APT::Sandbox::User=root download "systemd-container=$version" "libsystemd-shared=$version"
for deb in *.deb; do dpkg -x "$deb" . ; rm "$deb"; done`;
  await must('sh', ['-ec', script, folder], { timeoutMs: 300_000 });
}

/** `usr/lib/ARCHITECTURE/systemd`. */
async function libraryFolder(folder: string): Promise<string | undefined> {
  const names = await readdir(join(folder, 'nspawn/usr/lib'));
  const name = names.find((each) => each.includes('-linux-'));
  return name === undefined ? undefined : `usr/lib/${name}/systemd`;
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
