import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { prepareMesh } from './mesh-agent.ts';
import { familyOf } from './os/families.ts';

let place: string;
beforeEach(() => {
  place = mkdtempSync(join(tmpdir(), 'mesh-'));
  mkdirSync(join(place, 'bin'));
  for (const name of ['sed', 'grep', 'cat']) spawnSync('ln', ['-s', `/bin/${name}`, join(place, 'bin', name)]);
  program('modprobe', ':');
});
afterEach(() => rmSync(place, { recursive: true, force: true }));

function program(name: string, body: string): void {
  writeFileSync(join(place, 'bin', name), `#!/bin/sh\n${body}\n`);
  chmodSync(join(place, 'bin', name), 0o755);
}

/** What `id` does where nothing is installed but the programs in the folder. */
function prepare(id: string): { readonly exit: number | null; readonly said: string } {
  const family = familyOf({ id, like: [], title: id, version: '' } as never, 'queen');
  const functions = `${family.functions}install() { echo "installs $*"; }\n`;
  const { script } = prepareMesh({ functions, mesh: family.mesh });
  const env = { PATH: join(place, 'bin') };
  const whole = `set -eu\nsay() { echo "@@ $*"; }\n${script}`;
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-c', whole], { env, encoding: 'utf8' });
  return { exit: status, said: stdout + stderr };
}

describe('what the mesh needs of a machine', () => {
  it.each([
    ['debian', 'installs wireguard-tools iproute2 iptables'],
    ['alpine', 'installs wireguard-tools-wg iproute2 iptables'],
    ['fedora', 'installs wireguard-tools iproute iptables-nft'],
    ['opensuse-leap', 'installs wireguard-tools iproute2 iptables'],
  ])('is installed on %s where its kernel has WireGuard', (id, installs) => {
    program('ip', ':');
    expect(prepare(id)).toEqual({ exit: 0, said: `@@ installing WireGuard\n${installs}\n` });
  });

  it('is left alone where it is there', () => {
    for (const name of ['wg', 'ip', 'iptables']) program(name, ':');
    expect(prepare('debian')).toEqual({ exit: 0, said: '' });
  });

  it('is the program where the kernel has none, and one line where there is no package of it', () => {
    for (const name of ['wg', 'iptables']) program(name, ':');
    program('ip', 'exit 2');
    expect(prepare('debian')).toEqual({
      exit: 0,
      said: '@@ installing wireguard-go: its kernel has no WireGuard\ninstalls wireguard-go\n',
    });
    const refused = prepare('fedora');
    expect(refused.exit).toBe(1);
    expect(refused.said).toMatch(/^its kernel has no WireGuard, and its system has no package of wireguard-go: .*\n$/);
  });
});
