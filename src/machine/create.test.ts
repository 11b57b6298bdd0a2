import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { FakeEngine } from '../../simulator/fake-engine.ts';
import { systemClock } from '../common/clock.ts';
import type { OptionValue } from '../drivers/options.ts';
import { type CreateDeps, type CreateRequest, createMachine } from './create.ts';
import { dryCreate } from './dry-run.ts';
import type { Keyring } from './keyring.ts';
import { openByName } from './machine.ts';
import { removeMachine } from './power.ts';
import { plainEngine } from './record.ts';
import { openStore } from './store.ts';

/**
 * A third-party driver as npm installs one. Its provider is a JSON file, a list of what exists; $FAKE_FAIL names the call that
 * fails: `before` or `after` it took effect.
 */
const PACKAGE = `
import { readFileSync, writeFileSync } from 'node:fs';
export const driver = {
  api: 1,
  name: 'fake',
  summary: 'a provider in a file',
  options: [
    { flag: 'fake-token', type: 'string', help: 'a token', env: ['FAKE_TOKEN'], isRequired: true, isSecret: true },
    { flag: 'fake-size', type: 'string', help: 'a size', default: 'small' },
  ],
  open: ({ name, options, env, journal, change, tags }) => {
    const list = () => JSON.parse(readFileSync(env.FAKE_PROVIDER, 'utf8'));
    const save = (all) => writeFileSync(env.FAKE_PROVIDER, JSON.stringify(all));
    const make = async (kind, token) => {
      if (env.FAKE_FAIL === kind + ' before') throw new Error('quota exceeded');
      save([...list(), { kind, token, tags, size: options['fake-size'] }]);
      if (env.FAKE_FAIL === kind + ' after') throw new Error('connection lost');
      return { id: kind + '-' + token };
    };
    const ensure = (kind) =>
      journal.ensure(kind, {
        find: async (token) => (list().some((each) => each.token === token) ? { id: kind + '-' + token } : undefined),
        make: (token) => change({ action: 'make ' + kind, parameters: { size: options['fake-size'], token: options['fake-token'] } }, () => make(kind, token), { id: '<' + kind + '>' }),
      });
    const no = async () => {};
    return {
      provisioning: 'none',
      check: async () => { if (options['fake-token'] !== 'right') throw new Error('the token is wrong: make a new one'); },
      create: async () => { await ensure('disk'); await ensure('server'); },
      state: async () => (list().some((each) => each.kind === 'server') ? 'Running' : 'Stopped'),
      start: no, stop: no, restart: no, kill: no, close: no,
      remove: async () => {
        if (env.FAKE_FAIL === 'remove') throw new Error('the provider is away');
        save(list().filter((each) => each.tags['enxame-id'] !== tags['enxame-id']));
        for (const resource of journal.resources) await journal.forget(resource);
      },
      ip: async () => '127.0.0.1',
      url: async () => env.FAKE_ENGINE,
      shell: async () => undefined,
      labels: async () => ({ zone: name }),
    };
  },
};
`;

const signal = new AbortController().signal;
const home = process.cwd();
let folder = '';
let engine: FakeEngine;
let env: Record<string, string>;
let reports: string[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'create-'));
  const place = join(folder, 'node_modules', 'enxame-driver-fake');
  await mkdir(place, { recursive: true });
  await writeFile(join(place, 'main.js'), PACKAGE);
  const exports = { '.': { import: './main.js' } };
  await writeFile(join(place, 'package.json'), JSON.stringify({ name: 'enxame-driver-fake', type: 'module', exports }));
  process.chdir(folder);
  engine = await FakeEngine.start();
});
afterAll(async () => {
  process.chdir(home);
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  reports = [];
  env = { FAKE_PROVIDER: join(folder, 'provider.json'), FAKE_TOKEN: 'right', FAKE_ENGINE: `tcp://${engine.address}` };
  await writeFile(env.FAKE_PROVIDER ?? '', '[]');
});
afterEach(() => rm(join(folder, 'store'), { recursive: true, force: true }));

function contextOf(more: Record<string, string> = {}): CreateDeps {
  const runSwarm = async (): Promise<void> => void reports.push('swarm');
  return { store: openStore(join(folder, 'store')), env: { ...env, ...more }, clock: systemClock, runSwarm };
}

const REQUEST: CreateRequest = {
  name: 'queen',
  driver: 'fake',
  options: {},
  engine: plainEngine(),
  savesCredentials: false,
};
const task = { signal, report: (text: string) => void reports.push(text) };

async function existing(): Promise<string[]> {
  const all = JSON.parse(await readFile(env.FAKE_PROVIDER ?? '', 'utf8')) as { kind: string }[];
  return all.map(({ kind }) => kind);
}

async function remove(more: Record<string, string> = {}, isForced = false): Promise<void> {
  const context = contextOf(more);
  await removeMachine('queen', context, () => openByName('queen', context), isForced, task);
}

describe('createMachine', () => {
  it('makes a machine by a driver from npm and keeps no credential', async () => {
    const { record } = await createMachine(REQUEST, contextOf(), task);
    expect(record).toMatchObject({
      steps: ['check', 'machine', 'running', 'access', 'ready'],
      options: { 'fake-size': 'small' },
    });
    expect(await existing()).toEqual(['disk', 'server']);
    expect(await readFile(join(folder, 'store/machines/queen/machine.json'), 'utf8')).not.toContain('right');
    await expect(createMachine(REQUEST, contextOf(), task)).rejects.toThrow('Docker machine "queen" already exists');
    await remove();
    expect(await existing()).toEqual([]);
  });

  it('keeps credentials when asked to', async () => {
    await createMachine({ ...REQUEST, savesCredentials: true }, contextOf(), task);
    await remove({ FAKE_TOKEN: '' });
    expect(await existing()).toEqual([]);
  });

  it('keeps them in the keyring where there is one', async () => {
    const kept = new Map<string, Readonly<Record<string, OptionValue>>>();
    const keyring: Keyring = {
      set: async (id, secrets) => void kept.set(id, secrets),
      get: async (id) => kept.get(id) ?? {},
      remove: async (id) => void kept.delete(id),
    };
    const context = { ...contextOf(), keyring };
    await createMachine({ ...REQUEST, savesCredentials: true }, context, task);
    expect([...kept.values()]).toEqual([{ 'fake-token': 'right' }]);
    expect(await readFile(join(folder, 'store/machines/queen/machine.json'), 'utf8')).not.toContain('right');
    const later = { ...contextOf({ FAKE_TOKEN: '' }), keyring };
    await removeMachine('queen', later, () => openByName('queen', later), false, task);
    expect(await existing()).toEqual([]);
    expect(kept.size).toBe(0);
  });

  it('needs the credentials again afterwards and says where from', async () => {
    await createMachine(REQUEST, contextOf(), task);
    await expect(openByName('queen', contextOf({ FAKE_TOKEN: '' }))).rejects.toThrow(
      'the driver fake needs a token: give --fake-token or set $FAKE_TOKEN',
    );
    await remove();
  });

  it('forgets a machine of which nothing was made', async () => {
    const failing = createMachine(REQUEST, contextOf({ FAKE_TOKEN: 'wrong' }), task);
    await expect(failing).rejects.toThrow('Error with pre-create check: the token is wrong: make a new one');
    expect(await contextOf().store.names()).toEqual([]);
  });

  it.each(['disk before', 'disk after', 'server before', 'server after'])('goes on after "%s"', async (failure) => {
    const failing = createMachine(REQUEST, contextOf({ FAKE_FAIL: failure }), task);
    await expect(failing).rejects.toThrow(
      /^create of "queen": .*What was made is kept: repeat the command to go on, or/,
    );
    expect((await contextOf().store.load('queen')).record.failure?.step).toBe('machine');
    await createMachine(REQUEST, contextOf(), task);
    expect(await existing()).toEqual(['disk', 'server']);
    await remove();
  });

  it.each(['disk after', 'server before', 'server after'])(
    'leaves nothing when removed after "%s"',
    async (failure) => {
      await expect(createMachine(REQUEST, contextOf({ FAKE_FAIL: failure }), task)).rejects.toThrow();
      await remove();
      expect(await existing()).toEqual([]);
      expect(await contextOf().store.names()).toEqual([]);
    },
  );

  it('goes on only as it was begun', async () => {
    await expect(createMachine(REQUEST, contextOf({ FAKE_FAIL: 'server before' }), task)).rejects.toThrow();
    const other = { ...REQUEST, options: { 'fake-size': 'large' } };
    await expect(createMachine(other, contextOf(), task)).rejects.toThrow(
      /was begun with another --fake-size \(small\)/,
    );
    await expect(createMachine({ ...REQUEST, driver: 'none' }, contextOf(), task)).rejects.toThrow(
      /another driver \(fake\)/,
    );
    await remove();
  });

  it('is not removed while its provider does not let go, unless forced', async () => {
    await createMachine(REQUEST, contextOf(), task);
    await expect(remove({ FAKE_FAIL: 'remove' })).rejects.toThrow('the provider is away');
    expect(await contextOf().store.names()).toEqual(['queen']);
    await remove({ FAKE_FAIL: 'remove' }, true);
    expect(reports.join()).toContain('at its provider something may be left: the provider is away');
    expect(await contextOf().store.names()).toEqual([]);
  });

  it('stops when told to, and says how to go on', async () => {
    const stop = new AbortController();
    const report = (text: string): void => {
      if (text.startsWith('waiting')) stop.abort(new Error('interrupted (SIGINT)'));
    };
    const stopped = createMachine({ ...REQUEST }, contextOf(), { signal: stop.signal, report });
    await expect(stopped).rejects.toThrow(/interrupted \(SIGINT\)\. What was made is kept/);
    await createMachine(REQUEST, contextOf(), task);
    await remove();
  });

  it('runs the swarm step last', async () => {
    const swarm = { isMaster: true, isMember: true, discovery: 'token://t', discoveryOptions: [], strategy: 'spread' };
    const more = { host: 'tcp://0.0.0.0:3376', image: 'self', options: [], joinOptions: [] };
    await createMachine({ ...REQUEST, swarm: { ...swarm, ...more } }, contextOf(), task);
    expect(reports.slice(-3)).toEqual(['joining the swarm', 'swarm', 'ready']);
    await remove();
  });
});

describe('dryCreate', () => {
  it('prints the calls, makes none, stores nothing and shows no credential', async () => {
    const lines: string[] = [];
    await dryCreate(REQUEST, contextOf(), (line) => lines.push(line), signal);
    expect(lines).toEqual([
      'queen: make disk {"size":"small","token":"(hidden)"}',
      'queen: make server {"size":"small","token":"(hidden)"}',
    ]);
    expect(await existing()).toEqual([]);
    expect(await contextOf().store.names()).toEqual([]);
  });

  it('says what would be done on a host that is there, without asking it', async () => {
    const lines: string[] = [];
    const engine = {
      ...plainEngine(),
      labels: { tier: 'cheap' },
      env: ['HTTP_PROXY=http://u:geheim@p'],
      tlsSans: ['bee.hive'],
    };
    const options = { 'generic-ip-address': '192.0.2.1', 'generic-ssh-user': 'queen' };
    const request = { name: 'bee', driver: 'generic', options, engine, savesCredentials: false };
    await dryCreate(request, contextOf(), (line) => lines.push(line), signal);
    expect(lines).toEqual([
      'bee: log in to queen@192.0.2.1 with SSH, port 22',
      'bee: install the engine, where there is none',
      'bee: set up the engine with certificates for bee.hive {"port":2376,"labels":{"tier":"cheap"},"env":["HTTP_PROXY"]}',
    ]);
    const adopted = { ...request, options: { ...options, adopt: true } };
    lines.length = 0;
    await dryCreate(adopted, contextOf(), (line) => lines.push(line), signal);
    expect(lines).toEqual(['bee: use the engine at ssh://queen@192.0.2.1 as it is']);
  });
});
