import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { OsRelease } from '../facts.ts';
import { alpine } from './alpine.ts';
import { debian } from './debian.ts';
import type { OsFamily } from './family.ts';
import { fedora } from './fedora.ts';
import { suse } from './suse.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'families-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Programs that write down how they were called and do what `bodies` says. */
function programs(bodies: Readonly<Record<string, string>>): void {
  const quiet = { sleep: '', sed: '', curl: '', mktemp: `exec /bin/mktemp -p ${folder}` };
  for (const [name, body] of Object.entries({ ...quiet, ...bodies })) {
    const log = name in quiet ? '' : `echo "${name} $*" >>${folder}/calls\n`;
    writeFileSync(join(folder, name), `#!/bin/sh\n${log}${body}\n`);
    chmodSync(join(folder, name), 0o755);
  }
}

function run(
  family: OsFamily,
  script: string,
): { readonly exit: number | null; readonly output: string; readonly calls: string[] } {
  const whole = `set -eu\nsay() { echo "@@ $*"; }\n${family.functions}${script}`;
  const env = { PATH: `${folder}:/usr/bin:/bin`, LC_ALL: 'C' };
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', whole], { env, encoding: 'utf8' });
  const calls = spawnSync('cat', [join(folder, 'calls')], { encoding: 'utf8' })
    .stdout.split('\n')
    .filter(Boolean);
  return { exit: status, output: stdout + stderr, calls };
}

const os = (id: string): OsRelease => ({ id, like: [], version: '1', title: id });
const OWNER = 'case "$*" in *-qf*|*--qf*) printf engine-package; esac';

const CASES = [
  {
    name: 'Debian',
    family: debian,
    id: 'debian',
    tools: { 'apt-get': '', 'apt-cache': '', dpkg: '', 'dpkg-query': 'echo engine-package: /x' },
    installs: /^apt-get .* --no-install-recommends install docker\.io docker-cli .*ca-certificates$/,
    renews: /^apt-get .* --only-upgrade install engine-package$/,
  },
  {
    name: 'Fedora',
    family: fedora,
    id: 'fedora',
    tools: { dnf: '', rpm: OWNER },
    installs: /^dnf .* install moby-engine$/,
    renews: /^dnf .* upgrade engine-package$/,
  },
  {
    name: 'Amazon Linux',
    family: fedora,
    id: 'amzn',
    tools: { dnf: '', rpm: OWNER },
    installs: /^dnf .* install docker$/,
    renews: /^dnf .* upgrade engine-package$/,
  },
  {
    name: 'Alpine',
    family: alpine,
    id: 'alpine',
    tools: { apk: 'case "$*" in *who-owns*) echo engine-package-28.3.3-r4; esac' },
    installs: /^apk --wait 600 -q add docker$/,
    renews: /^apk --wait 600 -q add -u engine-package$/,
  },
  {
    name: 'SUSE',
    family: suse,
    id: 'opensuse-leap',
    tools: { zypper: '', rpm: OWNER },
    installs: /^zypper .* install .* docker$/,
    renews: /^zypper .* update .* engine-package$/,
  },
];

describe.each(CASES)('$name', ({ family, id, tools, installs, renews }) => {
  it('installs its own engine', () => {
    programs({ ...tools, docker: '' });
    const { exit, calls, output } = run(family, family.engine(os(id)));
    expect(exit, output).toBe(0);
    expect(calls.filter((call) => installs.test(call))).toHaveLength(1);
  });

  it('brings the package that owns a file up to date', () => {
    programs(tools);
    const { exit, calls, output } = run(family, 'renew /usr/bin/dockerd\n');
    expect(exit, output).toBe(0);
    expect(calls.at(-1)).toMatch(renews);
  });

  it('says what its package manager says when it fails', () => {
    const failing = Object.keys(tools).filter((name) => ['apt-get', 'dnf', 'apk', 'zypper'].includes(name));
    programs({
      ...tools,
      ...Object.fromEntries(failing.map((name) => [name, 'echo "no such package: x" >&2; exit 7'])),
    });
    const { exit, output } = run(family, family.engine(os(id)));
    expect(exit).toBe(7);
    expect(output).toContain('no such package: x');
  });
});

describe('waiting', () => {
  const busyTwice = 'n=$(cat $0.n 2>/dev/null || echo 0); echo $((n + 1)) >$0.n';

  it.each([
    { family: debian, id: 'debian', tool: 'apt-get', words: 'E: Could not get lock /var/lib/dpkg/lock-frontend' },
    { family: alpine, id: 'alpine', tool: 'apk', words: 'ERROR: Unable to lock database: temporary error' },
  ])('for the lock of $tool, saying so once', ({ family, id, tool, words }) => {
    programs({
      'apt-cache': 'exit 1',
      dpkg: '',
      [tool]: `${busyTwice}; [ $n -ge 2 ] || { echo "${words}"; exit 100; }`,
    });
    const { exit, output } = run(family, family.engine(os(id)));
    expect(exit).toBe(0);
    expect(output).toBe('@@ waiting for another package manager to end\n');
  });

  it('ends after some tries when the network does not come', () => {
    programs({
      dpkg: '',
      'apt-get': `${busyTwice}; echo "E: Failed to fetch http://x  Temporary failure resolving 'x'"; exit 100`,
    });
    const { exit, calls } = run(debian, debian.engine(os('debian')));
    expect(exit).toBe(100);
    expect(calls.filter((call) => call.startsWith('apt-get'))).toHaveLength(4);
  });

  it('finishes what an interrupted dpkg left', () => {
    programs({ 'apt-get': '', 'apt-cache': 'exit 1', dpkg: 'case $1 in --audit) echo "half done";; esac' });
    const { calls } = run(debian, debian.engine(os('debian')));
    expect(calls.findIndex((call) => call.startsWith('dpkg --configure -a'))).toBe(2);
    expect(calls.at(-1)).toMatch(/install docker\.io/);
  });
});

describe('the RHEL family', () => {
  it.each([
    { id: 'rhel', url: 'https://download.docker.com/linux/rhel/docker-ce.repo' },
    { id: 'rocky', url: 'https://download.docker.com/linux/centos/docker-ce.repo' },
  ])('takes the engine of $id from Docker', ({ id, url }) => {
    const script = fedora.engine(os(id));
    expect(script).toContain(url);
    expect(script).toContain('install docker-ce docker-ce-cli containerd.io');
    expect(spawnSync('/bin/sh', ['-n'], { input: fedora.functions + script }).status).toBe(0);
  });
});

it('keeps no temporary file', () => {
  programs({ 'apt-get': '', 'apt-cache': '', dpkg: '' });
  run(debian, debian.engine(os('debian')));
  expect(readFileSync(join(folder, 'calls'), 'utf8')).toContain('install');
  expect(spawnSync('ls', [folder], { encoding: 'utf8' }).stdout).not.toContain('tmp.');
});
