import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { FakeEngine } from '../../simulator/fake-engine.ts';
import { type FakeIo, fakeIo } from '../../test/fakes/fake-io.ts';
import { FakeManager } from '../../test/fakes/fake-manager.ts';
import { run } from '../cli/program.ts';
import { systemClock } from '../common/clock.ts';
import { createMachine } from '../machine/create.ts';
import { plainEngine } from '../machine/record.ts';
import { openStore } from '../machine/store.ts';

/** Joining and leaving are lines of a discovery file. */
const discovery = vi.hoisted(() => ({ leave: async (_name: string): Promise<void> => undefined }));
vi.mock('../machine/swarm/join.ts', () => ({ joinSwarm: async () => undefined }));
vi.mock('../machine/swarm/leave.ts', () => ({
  endAgent: async () => undefined,
  leaveDiscovery: ({ name }: { readonly name: string }) => discovery.leave(name),
}));

/** A driver as npm installs one, whose provider is a JSON file of the names of what exists; with $FAKE_FAIL it lets nothing go. */
const DRIVER = `
import { readFileSync, writeFileSync } from 'node:fs';
export const driver = {
  api: 1,
  name: 'fake',
  summary: 'a provider in a file',
  options: [],
  open: ({ name, env }) => {
    const list = () => JSON.parse(readFileSync(env.FAKE_PROVIDER, 'utf8'));
    const save = (all) => writeFileSync(env.FAKE_PROVIDER, JSON.stringify(all));
    const no = async () => {};
    return {
      provisioning: 'none',
      check: no, start: no, stop: no, restart: no, kill: no, close: no,
      create: async () => save([...list(), name]),
      state: async () => (list().includes(name) ? 'Running' : 'Stopped'),
      remove: async () => {
        if (env.FAKE_FAIL) throw new Error('the provider is away');
        save(list().filter((each) => each !== name));
      },
      ip: async () => '127.0.0.1',
      url: async () => JSON.parse(env.FAKE_ENGINES)[name],
      shell: async () => undefined,
      labels: async () => ({}),
    };
  },
};
`;
const home = process.cwd();
const signal = new AbortController().signal;
let folder: string;
let env: Record<string, string>;
let manager: FakeManager;
let bee: FakeEngine;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'cheapest-fleet-'));
  const place = join(folder, 'node_modules', 'enxame-driver-fake');
  await mkdir(place, { recursive: true });
  await writeFile(join(place, 'main.js'), DRIVER);
  const exports = { '.': { import: './main.js' } };
  await writeFile(join(place, 'package.json'), JSON.stringify({ name: 'enxame-driver-fake', type: 'module', exports }));
  process.chdir(folder);
});

afterAll(async () => {
  process.chdir(home);
  await manager?.close();
  await bee?.close();
  await rm(folder, { recursive: true, force: true });
});

const path = (name: string): string => join(folder, name);
const provider = async (): Promise<unknown> => JSON.parse(await readFile(path('provider.json'), 'utf8'));
const store = () => openStore(path('store'), systemClock);
const words = (): string[] => ['plan', 'cheapest', '--fleet', path('fleet.yml'), '--apply', '--yes'];

beforeEach(async () => {
  const engine = (name: string, price: string) => ({
    name,
    images: ['redis:latest'],
    labels: [`io.enxame.price=${price}`],
  });
  bee = await FakeEngine.start(engine('bee', '5 EUR/month'));
  const nodes = path('nodes');
  manager = await FakeManager.start([engine('dear', '30 EUR/month')], {
    discovery: async (addresses) => {
      await writeFile(nodes, `${addresses.join('\n')}\n`);
      return `file://${nodes}`;
    },
  });
  const dear = manager.engine(0).address;
  discovery.leave = async (name) => {
    const gone = name === 'dear' ? dear : bee.address;
    const lines = (await readFile(nodes, 'utf8')).split('\n');
    await writeFile(nodes, lines.filter((line) => line !== gone).join('\n'));
  };
  env = {
    HOME: folder,
    DOCKER_HOST: manager.url,
    ENXAME_MACHINE_STORAGE_PATH: path('store'),
    FAKE_PROVIDER: path('provider.json'),
    FAKE_ENGINES: JSON.stringify({ dear: `tcp://${dear}`, bee: `tcp://${bee.address}` }),
  };
  await writeFile(path('provider.json'), '[]');
  const labels = "{ io.enxame.price: 5 EUR/month, io.enxame.cpus: '1', io.enxame.memory: 1g }";
  await writeFile(
    path('fleet.yml'),
    `swarm: { discovery: 'file://${nodes}' }\nmachines:\n  bee: { driver: fake, labels: ${labels} }\n`,
  );
  await createMachine(
    {
      name: 'dear',
      driver: 'fake',
      options: {},
      engine: plainEngine(),
      swarm: memberOf(nodes),
      savesCredentials: false,
    },
    { store: store(), env, clock: systemClock, runSwarm: async () => undefined },
    { signal, report: () => undefined },
  );
});

function memberOf(nodes: string) {
  return {
    isMaster: false,
    isMember: true,
    discovery: `file://${nodes}`,
    discoveryOptions: [],
    strategy: 'spread',
    host: 'tcp://0.0.0.0:3376',
    image: 'self',
    options: [],
    joinOptions: [],
  };
}

async function isReady(name: string): Promise<void> {
  expect((await store().load(name)).record.steps).toContain('ready');
}

test('an apply goes on after a machine was made, and after one was half removed: nothing is made twice or left', async () => {
  await manager.create('web', { HostConfig: { RestartPolicy: { Name: 'always' } } });
  expect((await manager.call('POST', '/containers/web/start')).status).toBe(204);

  // Made, and no node yet.
  const first: FakeIo = fakeIo(env);
  const making = run(words(), first);
  await vi.waitFor(() => isReady('bee'), { timeout: 150_000, interval: 50 });
  first.stop();
  expect(await making, first.stderr()).not.toBe(0);
  expect(await provider()).toEqual(['dear', 'bee']);
  expect(manager.manager.cluster.container('web').node.name).toBe('dear');

  // It becomes one once the second attempt has planned with it; the provider does not let go of the dear machine.
  const io = fakeIo({ ...env, FAKE_FAIL: 'yes' });
  let joined: Promise<void> | undefined;
  const out = (text: string): void => {
    io.out(text);
    joined ??= readFile(path('nodes'), 'utf8').then((nodes) => writeFile(path('nodes'), `${nodes}${bee.address}\n`));
  };
  expect(await run(words(), { ...io, out })).toBe(1);
  await joined;
  expect(io.stderr()).toContain('dear is empty, and was not removed: the provider is away');
  expect(manager.manager.cluster.container('web').node.name).toBe('bee');
  expect(await provider()).toEqual(['dear', 'bee']);
  await vi.waitFor(() => expect(manager.manager.cluster.nodes.map(({ name }) => name)).toEqual(['bee']), 120_000);

  // No node any more: only the store knows that it is to go.
  const last = fakeIo(env);
  expect(await run(words(), last), last.stderr()).toBe(0);
  expect(await provider()).toEqual(['bee']);
  expect(await store().names()).toEqual(['bee']);
}, 180_000);
