import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../common/clock.ts';
import type { Driver } from '../drivers/driver.ts';
import type { SshShell } from '../provision/shell.ts';
import { type CreateRequest, newRecord } from './create.ts';
import { engineSpecOf, engineUrl, type Machine, openingsFor } from './machine.ts';
import { plainEngine } from './record.ts';
import { sshConfig, sshHints } from './ssh-config.ts';
import { openStore } from './store.ts';
import { swarmUrl } from './swarm-url.ts';

let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'enxame-ssh-config-'));
});
afterAll(() => rm(home, { recursive: true }));

const signal = new AbortController().signal;
const KEYED: SshShell = { kind: 'ssh', host: '192.0.2.7', port: 22, user: 'admin', keyPath: '/keys/far' };

const SWARM = {
  isMaster: true,
  isMember: true,
  discovery: 'nodes://agent://far',
  discoveryOptions: [],
  strategy: 'spread',
  host: 'tcp://0.0.0.0:3376',
  image: 'enxame',
  options: [],
  joinOptions: [],
  isMesh: true,
};

function machineWith(shell: SshShell, isMesh = true): Machine {
  const request: CreateRequest = {
    name: 'far',
    driver: 'hetzner',
    options: {},
    engine: plainEngine(),
    swarm: { ...SWARM, isMesh },
    savesCredentials: false,
  };
  const driver = { shell: async () => shell, url: async () => 'tcp://192.0.2.7:2376', labels: async () => ({}) };
  return { stored: { record: newRecord(request, {}, 0) }, driver: driver as unknown as Driver } as Machine;
}

test('a machine for the mesh has an engine without a port, reached through SSH', async () => {
  const machine = machineWith(KEYED);
  const { record } = machine.stored;
  expect(await engineUrl(machine, signal)).toBe('ssh://admin@192.0.2.7:22');
  expect(await engineUrl(machineWith({ ...KEYED, host: '2001:db8::7' }), signal)).toBe('ssh://admin@[2001:db8::7]:22');
  expect(swarmUrl(record, await engineUrl(machine, signal))).toBe('tcp://192.0.2.7:3376');
  expect((await engineSpecOf(machine, signal)).port).toBeUndefined();
  expect(openingsFor(record).map(({ port }) => port)).not.toContain(2376);
});

test('others, and those of the mesh that were made before, keep their port', async () => {
  const machine = machineWith(KEYED, false);
  expect(await engineUrl(machine, signal)).toBe('tcp://192.0.2.7:2376');
  expect((await engineSpecOf(machine, signal)).port).toBe(2376);
  const { reach: _before, ...record } = machineWith(KEYED).stored.record;
  expect(openingsFor(record).map(({ port }) => port)).toContain(2376);
});

test('the line for the configuration of ssh is told until it is there', async () => {
  const store = await openStore(join(home, 'store'));
  const context = { store, env: { HOME: home }, clock: systemClock };
  const line = `Include "${join(store.root, 'machines', '*', 'ssh_config')}"`;
  expect(await sshHints(machineWith(KEYED), context, signal)).toEqual([expect.stringContaining(line)]);
  const kept = await readFile(join(store.root, 'machines', 'far', 'ssh_config'), 'utf8');
  expect(kept).toMatch(/^Host far 192\.0\.2\.7$/m);
  expect(kept).toMatch(/^ {2}IdentityFile "\/keys\/far"$/m);
  await mkdir(join(home, '.ssh'), { recursive: true });
  await writeFile(join(home, '.ssh', 'config'), `Host x\n  ${line}\n`);
  expect(await sshHints(machineWith(KEYED), context, signal)).toEqual([expect.stringContaining(line)]);
  await writeFile(join(home, '.ssh', 'config'), `${line}\nHost x\n`);
  expect(await sshHints(machineWith(KEYED), context, signal)).toEqual([]);
});

test('ssh takes the keys, the hosts and the settings that our own SSH takes', async () => {
  const { keyPath: _own, ...plain } = KEYED;
  const folder = join(home, '50%', '.ssh');
  const env = { HOME: join(home, '50%') };
  const configOf = (shell: SshShell): Promise<string> => sshConfig(new Map([['far', shell]]), env);
  const usual = await configOf(plain);
  expect(usual).toContain(`UserKnownHostsFile "${join(home, '50%%', '.ssh', 'known_hosts')}"`);
  expect(usual).toContain(`IdentityFile "${join(home, '50%%', '.ssh', 'id_ed25519')}"`);
  expect(usual).not.toContain('IdentitiesOnly');

  await mkdir(folder, { recursive: true });
  const lines = ['IdentityFile ~/far', 'Port 2222', 'HostName 192.0.2.8', 'UserKnownHostsFile /a /b'];
  await writeFile(join(folder, 'config'), ['Host 192.0.2.7', ...lines].join('\n'));
  const configured = await configOf(plain);
  for (const line of [`IdentityFile "${join(home, '50%%', 'far')}"`, 'Port 2222', 'HostName 192.0.2.8'])
    expect(configured).toContain(`  ${line}\n`);
  expect(configured).toContain('UserKnownHostsFile "/a" "/b"\n');
  expect(await configOf({ ...KEYED, knownHostsPath: '/c' })).toMatch(
    /"\/keys\/far"\n {2}IdentitiesOnly yes\n.*"\/c"\n/,
  );
});
