import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { etcdLauncher, leaveData, obtainFrom, prepareEtcd } from './etcd.ts';
import { debian } from './os/debian.ts';
import { familyOf } from './os/families.ts';
import type { EtcdSpec } from './provisioner.ts';

const SPEC: EtcdSpec = { name: 'queen-1', flags: ["--x=it's"], ports: [], isFounder: false, edition: 'e1' };

let place: string;
let folder: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'etcd-'));
  folder = join(place, 'data');
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

/** A program of that name that does what `body` says. */
function program(name: string, body: string): void {
  mkdirSync(join(place, 'bin'), { recursive: true });
  writeFileSync(join(place, 'bin', name), `#!/bin/sh\n${body}\n`);
  chmodSync(join(place, 'bin', name), 0o755);
}

function sh(script: string): { readonly exit: number | null; readonly said: string } {
  const env = { PATH: `${place}/bin:/usr/bin:/bin` };
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', `set -eu\n${script}`], { env, encoding: 'utf8' });
  return { exit: status, said: stdout + stderr };
}

const prepare = (spec: Partial<EtcdSpec> = {}, isRunning = false): ReturnType<typeof sh> =>
  sh(prepareEtcd({ folder, spec: { ...SPEC, ...spec }, obtain: 'obtain() { echo obtained; }\n', isRunning }).script);

describe('what stands before a server', () => {
  beforeEach(() => program('etcd', 'echo "etcd Version: 3.4.23"'));

  it('is a folder of ours alone, and a mark for the one that begins the store', () => {
    expect(prepare()).toEqual({ exit: 0, said: '' });
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readdirSync(join(folder, 'queen-1'))).toEqual([]);
    expect(prepare({ isFounder: true })).toEqual({ exit: 0, said: '' });
    expect(readdirSync(join(folder, 'queen-1'))).toEqual(['found']);
  });

  it('leaves data of others alone', () => {
    mkdirSync(join(folder, 'member'), { recursive: true });
    const { exit, said } = prepare();
    expect(exit).toBe(1);
    expect(said).toContain(`${folder} has data that is not of this program, and stays as it is`);
    expect(readdirSync(folder)).toEqual(['member']);
  });

  it('refuses a port that another program has, unless it is this server', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as { readonly port: number };
    const { exit, said } = prepare({ ports: [port] });
    expect([exit, said]).toEqual([1, expect.stringContaining(`TCP port ${port} is taken by another program`)]);
    expect(existsSync(folder)).toBe(false);
    expect(prepare({ ports: [port] }, true).exit).toBe(0);
    await new Promise((resolve) => server.close(resolve));
    expect(prepare({ ports: [port] }).exit).toBe(0);
  });

  it.each(['2.3.8', '3.3.25'])('refuses etcd %s', (version) => {
    program('etcd', `echo "etcd Version: ${version}"`);
    expect(prepare()).toEqual({ exit: 1, said: expect.stringContaining(`etcd ${version} is too old`) });
  });

  it.each(['3.5.16', '3.10.1', '4.0.0'])('takes etcd %s', (version) => {
    program('etcd', `echo "etcd Version: ${version}"`);
    expect(prepare()).toEqual({ exit: 0, said: '' });
  });

  it('refuses a full disk', () => {
    program('df', "printf 'x\\n/dev/x 1 1 1024 1 /\\n'");
    expect(prepare()).toEqual({ exit: 1, said: expect.stringContaining('No space left on device: 1 MB are free') });
  });

  it('obtains etcd where there is none', () => {
    rmSync(join(place, 'bin', 'etcd'));
    for (const name of ['ls', 'mkdir', 'df', 'awk', 'grep', 'sed', 'chmod'])
      program(name, `exec $(PATH=/usr/bin:/bin command -v ${name}) "$@"`);
    const script = prepareEtcd({ folder, spec: SPEC, obtain: 'obtain() { echo none; exit 3; }\n', isRunning: false });
    const env = { PATH: `${place}/bin` };
    const { status, stdout } = spawnSync('/bin/sh', ['-c', script.script], { env, encoding: 'utf8' });
    expect([status, stdout]).toEqual([3, 'none\n']);
  });
});

describe('the launcher', () => {
  const start = (): string => sh(etcdLauncher(folder, SPEC)).said.trim();
  beforeEach(() => {
    program('etcd', 'echo "$@"');
    mkdirSync(join(folder, 'queen-1'), { recursive: true });
  });

  it('joins a store, and begins one only when it was told to and has no data', () => {
    const flags = (state: string): string =>
      `--name queen-1 --data-dir ${folder}/queen-1/etcd --initial-cluster-state ${state} --x=it's`;
    expect(start()).toBe(flags('existing'));
    writeFileSync(join(folder, 'queen-1', 'found'), '');
    expect(start()).toBe(flags('new'));
    // It may have been cut off before it wrote anything.
    expect(start()).toBe(flags('new'));
    mkdirSync(join(folder, 'queen-1', 'etcd', 'member'), { recursive: true });
    expect(start()).toBe(flags('existing'));
    // With its data lost it is not the whole store.
    rmSync(join(folder, 'queen-1', 'etcd'), { recursive: true });
    expect(start()).toBe(flags('existing'));
  });
});

describe('data of a server that goes', () => {
  it.each([
    [false, []],
    [true, [expect.stringMatching(/^queen-1-left-\d{8}T\d{6}Z$/)]],
  ])('is kept: %s', (keepsData, left) => {
    mkdirSync(join(folder, 'queen-1', 'etcd'), { recursive: true });
    writeFileSync(join(folder, '.enxame'), '');
    expect(sh(leaveData(folder, 'queen-1', keepsData)).exit).toBe(0);
    const found = existsSync(folder) ? readdirSync(folder).filter((name) => name !== '.enxame') : [];
    expect(found).toEqual(left);
  });
});

describe('the packages of a distribution', () => {
  it.each(['debian', 'fedora', 'alpine', 'opensuse-leap'])('bring etcd on %s', (id) => {
    const family = familyOf({ id, like: [], title: id, version: '' } as never, 'queen');
    program('systemctl', ':');
    const functions = `${family.functions}install() { echo "installs $*"; }\n`;
    const script = `say() { echo "$@"; }\n${obtainFrom({ functions, etcd: family.etcd })}obtain`;
    const { exit, said } = sh(script.replaceAll('/usr/sbin/policy-rc.d', join(place, 'policy')));
    expect([exit, said]).toEqual([0, expect.stringMatching(/^installing etcd\ninstalls etcd(-server)?\n$/)]);
  });
});

describe('Debian', () => {
  it('does not let the service of the package start, and leaves no policy behind', () => {
    const policy = join(place, 'policy-rc.d');
    const script = debian.etcd.replaceAll('/usr/sbin/policy-rc.d', policy);
    const asked = ['etcd start', 'etcd.service start', '--quiet etcd start 2', 'nginx start'];
    const install = `install() { for each in ${asked.map((each) => `'${each}'`).join(' ')}; do ${policy} $each; echo "$each: $?"; done; }\n`;
    program('systemctl', ':');
    const { said } = sh(
      `${install.replace('; echo', ' && code=0 || code=$?; echo').replaceAll('$?"', '$code"')}${script}`,
    );
    expect(said.trim().split('\n')).toEqual([
      'etcd start: 101',
      'etcd.service start: 101',
      '--quiet etcd start 2: 101',
      'nginx start: 0',
    ]);
    expect(existsSync(policy)).toBe(false);
    writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
    expect(sh(`install() { :; }\n${script}`).exit).toBe(0);
    expect(existsSync(policy)).toBe(true);
  });
});
