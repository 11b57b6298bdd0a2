import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { FakeEngine } from '../../simulator/fake-engine.ts';
import { systemClock } from '../common/clock.ts';
import type { Provisioner } from '../provision/provisioner.ts';
import { type CreateDeps, createMachine } from './create.ts';
import { dryCreate } from './dry-run.ts';
import { openByName } from './machine.ts';
import { removeMachine } from './power.ts';
import { plainEngine, type SwarmSettings } from './record.ts';
import { openStore } from './store.ts';
import { letThisComputerIn } from './this-computer.ts';

/** A driver whose machines have firewalls: files with who may reach 7946/tcp. */
const PACKAGE = `
import { writeFileSync } from 'node:fs';
export const driver = {
  api: 1,
  name: 'walled',
  summary: 'firewalls in files',
  fitsFirewalls: true,
  options: [{ flag: 'walled-ip', type: 'string', help: 'an address', isRequired: true }],
  open: ({ name, options, env, sources, journal }) => {
    const no = async () => {};
    const write = (now) => {
      writeFileSync(env.WALLS + '/' + name, JSON.stringify(now.get('7946/tcp') ?? []));
      writeFileSync(env.WALLS + '/engine-' + name, JSON.stringify(now.get('2376/tcp') ?? null));
    };
    return {
      provisioning: name === 'meshed' ? 'ssh' : 'none', check: no, start: no, stop: no, restart: no, kill: no, close: no,
      create: async () => write(sources),
      fitFirewall: async (now, _signal, { isPartial } = {}) => {
        if (env.WALLS_FAIL === name) throw new Error('the provider is away');
        if (isPartial) writeFileSync(env.WALLS + '/partial-' + name, '');
        write(now);
      },
      state: async () => 'Running',
      remove: no,
      ip: async () => options['walled-ip'],
      url: async () => env.WALLS_ENGINE,
      shell: async () => undefined,
      labels: async () => ({}),
    };
  },
};
`;

const signal = new AbortController().signal;
const home = process.cwd();
let folder = '';
let engine: FakeEngine;
const said: string[] = [];
const task = { signal, report: (text: string) => void said.push(text) };

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'walled-'));
  const place = join(folder, 'node_modules', 'enxame-driver-walled');
  await mkdir(place, { recursive: true });
  await mkdir(join(folder, 'walls'));
  await writeFile(join(place, 'main.js'), PACKAGE);
  const exports = { '.': { import: './main.js' } };
  await writeFile(
    join(place, 'package.json'),
    JSON.stringify({ name: 'enxame-driver-walled', type: 'module', exports }),
  );
  process.chdir(folder);
  engine = await FakeEngine.start();
});

afterAll(async () => {
  process.chdir(home);
  await engine?.close();
  await rm(folder, { recursive: true, force: true });
});

const SWARM: SwarmSettings = {
  isMaster: false,
  isMember: true,
  discovery: 'token://192.0.2.250:2374/v1/abc',
  discoveryOptions: [],
  strategy: 'spread',
  host: 'tcp://0.0.0.0:3376',
  image: 'self',
  options: [],
  joinOptions: [],
};

function context(more: Record<string, string> = {}): CreateDeps {
  const env = { WALLS: join(folder, 'walls'), WALLS_ENGINE: `tcp://${engine.address}`, ...more };
  return { store: openStore(join(folder, 'store')), env, clock: systemClock, runSwarm: async () => undefined };
}

function request(name: string, last: number, swarm: SwarmSettings | undefined = SWARM) {
  const options = { 'walled-ip': `192.0.2.${last}` };
  return { name, driver: 'walled', options, engine: plainEngine(), savesCredentials: false, ...(swarm && { swarm }) };
}

async function wall(name: string): Promise<readonly string[]> {
  return JSON.parse(await readFile(join(folder, 'walls', name), 'utf8'));
}

/** Who reaches its engine; undefined: everybody. */
async function engineWall(name: string): Promise<readonly string[] | undefined> {
  return JSON.parse(await readFile(join(folder, 'walls', `engine-${name}`), 'utf8')) ?? undefined;
}

async function remove(name: string, deps = context()): Promise<void> {
  await removeMachine(name, deps, () => openByName(name, deps), false, task);
}

test('machines of one cluster are let in at each other’s firewalls as they come and go, others are not', async () => {
  await Promise.all([createMachine(request('a', 1), context(), task), createMachine(request('b', 2), context(), task)]);
  await createMachine(
    request('alien', 9, { ...SWARM, discovery: 'token://192.0.2.250:2374/v1/other' }),
    context(),
    task,
  );
  await createMachine(request('c', 3), context(), task);
  expect(await wall('a')).toEqual(['192.0.2.2/32', '192.0.2.3/32']);
  expect(await wall('b')).toEqual(['192.0.2.1/32', '192.0.2.3/32']);
  expect(await wall('c')).toEqual(['192.0.2.1/32', '192.0.2.2/32']);
  expect(await wall('alien')).toEqual([]);

  await remove('b');
  expect(await wall('a')).toEqual(['192.0.2.3/32']);
  expect(await wall('c')).toEqual(['192.0.2.1/32']);

  // A firewall that cannot be changed now is told, and keeps nobody from coming.
  await createMachine(request('d', 4), context({ WALLS_FAIL: 'a' }), task);
  expect(said.find((line) => line.includes('firewall of "a"'))).toMatch(
    /provider is away\. Repeat it with "enxame machine provision a"/,
  );
  expect(await wall('c')).toEqual(['192.0.2.1/32', '192.0.2.4/32']);

  // Nor does one whose driver is not installed here.
  await (await context().store.load('d')).update((record) => ({ ...record, driver: 'elsewhere' }));
  await remove('c');
  expect(said.find((line) => line.includes('firewall of "d"'))).toMatch(/elsewhere/);
  expect(await wall('a')).toEqual(['192.0.2.4/32']);
  await (await context().store.load('d')).update((record) => ({ ...record, driver: 'walled' }));
  await createMachine(request('c', 3), context(), task);

  const lines: string[] = [];
  await dryCreate(request('e', 5), context(), (line) => lines.push(line), signal);
  expect(lines).toContainEqual(
    expect.stringMatching(/from the machines of its cluster alone \(a, c, d\): .*7946\/tcp/),
  );
  expect(lines).toContainEqual('e: let it in at the firewalls of a, c, d');
});

test('an engine is open to the masters and to the computers that set its machine up alone', async () => {
  const swarm = { ...SWARM, discovery: 'token://192.0.2.250:2374/v1/closed' };
  await createMachine(request('lone', 20, swarm), context(), task);
  const setUp = async (name: string, from: string | undefined, isSetUp = true): Promise<void> => {
    const machine = await openByName(name, context());
    const provisioner = { clientAddress: async () => from } as Partial<Provisioner> as Provisioner;
    await letThisComputerIn(machine, provisioner, { context: context(), task, isSetUp });
    await machine.close();
  };
  // Nobody knows the managers of a cluster without a master here.
  await setUp('lone', '198.51.100.7');
  expect(await engineWall('lone')).toBeUndefined();
  await createMachine(request('queen', 21, { ...swarm, isMaster: true }), context(), task);
  // Nor who looks after it, until it was set up, and where the machine does not tell.
  await setUp('lone', '198.51.100.7', false);
  await setUp('lone', undefined);
  expect(await engineWall('lone')).toBeUndefined();
  said.length = 0;
  await setUp('lone', '198.51.100.7');
  await setUp('queen', '198.51.100.7');
  expect(
    said.filter((line) => line.includes('lets in at 2376/tcp: queen, this computer (198.51.100.7), and')),
  ).toHaveLength(2);
  expect(await engineWall('lone')).toEqual(['192.0.2.21/32', '198.51.100.7/32']);
  expect(await engineWall('queen')).toEqual(['192.0.2.21/32', '198.51.100.7/32']);
  // The computer is at another address, and a master comes and goes.
  await setUp('lone', '198.51.100.8', false);
  await createMachine(request('second', 22, { ...swarm, isMaster: true }), context(), task);
  expect(await engineWall('lone')).toEqual(['192.0.2.21/32', '192.0.2.22/32', '198.51.100.8/32']);
  await remove('second');
  await remove('queen');
  expect(await engineWall('lone')).toEqual(['198.51.100.8/32']);
});

test('a record that cannot be read is told, and takes nobody out of a firewall', async () => {
  const swarm = { ...SWARM, discovery: 'token://192.0.2.250:2374/v1/torn' };
  await createMachine(request('whole', 10, swarm), context(), task);
  await createMachine(request('torn', 11, swarm), context(), task);
  expect(await readdir(join(folder, 'walls'))).not.toContain('partial-whole');
  const file = join(folder, 'store', 'machines', 'torn', 'machine.json');
  const text = await readFile(file, 'utf8');
  await writeFile(file, text.slice(0, 40));
  said.length = 0;
  await createMachine(request('third', 12, swarm), context(), task);
  expect(said.find((line) => line.includes('nobody who was let in is taken out'))).toContain(file);
  expect(await readdir(join(folder, 'walls'))).toContain('partial-whole');
  const lines: string[] = [];
  await dryCreate(request('fourth', 13, swarm), context(), (line) => lines.push(line), signal);
  expect(lines.join()).toContain(file);
  await writeFile(file, text);
});

test('an advertised address is let in as it is, with or without a port', async () => {
  const swarm = { ...SWARM, discovery: 'token://192.0.2.250:2374/v1/six' };
  const bare = { ...swarm, addr: '2001:db8::1:7' };
  await createMachine(request('six', 6, bare), context(), task);
  await createMachine(request('seven', 7, { ...swarm, addr: '[2001:db8::9]:2376' }), context(), task);
  expect(await wall('seven')).toEqual(['192.0.2.6/32', '2001:db8::1:7/128']);
  expect(await wall('six')).toEqual(['192.0.2.7/32', '2001:db8::9/128']);
});

test('a machine for the mesh has its UDP port open alone, and is told of those that are not in it', async () => {
  const discovery = 'token://192.0.2.250:2374/v1/mesh';
  await createMachine(request('plain', 20, { ...SWARM, discovery }), context(), task);
  const inMesh = request('meshed', 21, { ...SWARM, discovery, isMesh: true });
  const lines: string[] = [];
  await dryCreate(inMesh, context(), (line) => lines.push(line), signal);
  expect(lines).toContainEqual('meshed: open to everywhere, for tunnels of the mesh: 51820/udp');
  expect(lines).toContainEqual(
    expect.stringMatching(
      /^meshed: run enxame-mesh for .*agent:\/\/meshed, udp 51820, reached at --mesh-public 51820$/,
    ),
  );
  expect(lines).toEqual(
    expect.arrayContaining([
      'meshed: set up the engine with certificates',
      'meshed: let the engine listen at no port: it is reached through SSH',
    ]),
  );
  expect(lines).toContainEqual(
    expect.stringMatching(/^meshed: 1 of the 2 machines of this cluster are not in the mesh/),
  );
  expect(lines.join('\n')).not.toMatch(/2376|2378|7946|is not encrypted/);
});

test('a machine whose driver hands out engines that are there already is not taken into the mesh, and a dry run says so', async () => {
  const inMesh = request('bare', 22, { ...SWARM, isMesh: true });
  const why = '--mesh: driver walled does not set hosts up over SSH';
  await expect(createMachine(inMesh, context(), task)).rejects.toThrow(why);
  await expect(dryCreate(inMesh, context(), () => undefined, signal)).rejects.toThrow(why);
  expect(await context().store.has('bare')).toBe(false);
});
