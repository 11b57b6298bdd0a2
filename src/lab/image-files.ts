import { readFile, realpath } from 'node:fs/promises';
import { must } from '../common/command.ts';
import type { FileEntry } from '../common/tar.ts';

const folders = [
  'bin',
  'data',
  'dev',
  'etc',
  'home',
  'lib',
  'lib64',
  'proc',
  'root',
  'run',
  'sbin',
  'sys',
  'usr',
  'usr/bin',
  'usr/sbin',
  'var',
];
const accounts = {
  'etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
  'etc/group': 'root:x:0:\nnogroup:x:65534:\n',
  'etc/nsswitch.conf': 'passwd: files\ngroup: files\nhosts: files dns\n',
};

/** The files of a test image, taken from the programs installed on this machine. */
export async function imageFiles(image: 'busybox' | 'redis'): Promise<FileEntry[]> {
  const base = [...skeleton(), ...(await busybox())];
  if (image === 'busybox') return base;
  return [...base, ...(await programs(['/usr/bin/redis-server', '/usr/bin/redis-cli']))];
}

function skeleton(): FileEntry[] {
  return [
    ...folders.map((path) => ({ path: `${path}/`, mode: 0o755 })),
    { path: 'tmp/', mode: 0o1777 },
    ...Object.entries(accounts).map(([path, text]) => ({ path, mode: 0o644, content: Buffer.from(text) })),
  ];
}

/** busybox-static with every applet as a link beside it. */
async function busybox(): Promise<FileEntry[]> {
  const applets = (await must('/bin/busybox', ['--list']))
    .split('\n')
    .filter((name) => name !== '' && name !== 'busybox');
  return [
    { path: 'bin/busybox', mode: 0o755, content: await readFile('/bin/busybox') },
    ...applets.sort().map((name) => ({ path: `bin/${name}`, mode: 0o777, target: 'busybox' })),
  ];
}

/** Programs with the libraries the dynamic loader would give them here, at the same paths. */
export async function programs(paths: readonly string[]): Promise<FileEntry[]> {
  const listings = await Promise.all(paths.map((path) => must('ldd', [path])));
  const libraries = listings.flatMap((text) =>
    [...text.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].flatMap((match) => match[1] ?? []),
  );
  const files = [...new Set([...paths, ...libraries])].sort();
  const parents = new Set(files.flatMap(parentsOf).filter((path) => !folders.includes(path)));
  return [
    ...[...parents].sort().map((path) => ({ path: `${path}/`, mode: 0o755 })),
    ...(await Promise.all(
      files.map(async (path) => ({ path: path.slice(1), mode: 0o755, content: await readFile(await realpath(path)) })),
    )),
  ];
}

/** "/a/b/c" has the parents "a" and "a/b". */
function parentsOf(path: string): string[] {
  const parts = path.slice(1).split('/').slice(0, -1);
  return parts.map((_, index) => parts.slice(0, index + 1).join('/'));
}
