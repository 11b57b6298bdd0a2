import { describe, expect, it } from 'vitest';
import type { MachineState } from '../../drivers/state.ts';
import { type MachineRecord, plainEngine } from '../record.ts';
import { checkDrivers } from './check.ts';
import { fleetName, parseFleet } from './file.ts';
import { type Existing, formatPlan, isEmpty, nameOf, planDown, planFleet } from './plan.ts';

const FILE = `
name: bees
swarm:
  discovery: "token://10.0.0.9:2374/v1/\${TOKEN}"
  options: [heartbeat=20s]
defaults:
  driver: local
  labels: { provider-tier: cheap }
machines:
  queen: { role: master, addr: 10.0.0.1 }
  worker: { count: 2, labels: { zone: a }, options: { local-generation: "28.5" } }
  archive: { driver: none, role: none, options: { url: tcp://10.0.0.5:2376 } }
`;
const ENV = { TOKEN: 'abc', EMPTY: '' };
const fleet = parseFleet(FILE, 'fleet.yml', ENV);

/** The machines as they are once the plan was carried out. */
function made(state: MachineState = 'Running'): Existing[] {
  return fleet.machines.map(({ name, driver, options, engine, swarm }) => {
    const fixed = { version: 1, createdAt: '', resources: [], steps: ['ready'], fleet: 'bees' } as const;
    const record: MachineRecord = { ...fixed, id: name, name, driver, options: { ...options } as never, engine, swarm };
    return { record, state };
  });
}

function actions(existing: readonly Existing[], mayReplace = false, wanted = fleet): Record<string, string> {
  const { items } = planFleet(wanted, existing, mayReplace);
  return Object.fromEntries(items.map((item) => [nameOf(item), item.action]));
}

describe('parseFleet', () => {
  it('makes requests with defaults, counts and roles', () => {
    expect(fleet.machines.map(({ name }) => name)).toEqual(['queen', 'worker-1', 'worker-2', 'archive']);
    const [queen, worker, , archive] = fleet.machines;
    expect(queen).toMatchObject({
      driver: 'local',
      swarm: {
        isMaster: true,
        discovery: 'token://10.0.0.9:2374/v1/abc',
        options: ['heartbeat=20s'],
        addr: '10.0.0.1',
      },
    });
    expect(worker).toMatchObject({
      swarm: { isMaster: false, isMember: true },
      engine: { labels: { 'provider-tier': 'cheap', zone: 'a' } },
      options: { 'local-generation': '28.5' },
    });
    expect(archive?.swarm).toBeUndefined();
  });

  it('takes machines into the mesh', () => {
    const text = FILE.replace('  options: [heartbeat', '  mesh: true\n  options: [heartbeat');
    const { machines } = parseFleet(text.replace('addr: 10.0.0.1', 'mesh-public: 51820'), 'fleet.yml', ENV);
    expect(machines[0]?.swarm).toMatchObject({ isMesh: true, meshPublic: '51820' });
    expect(machines[1]?.swarm).toMatchObject({ isMesh: true });
    expect(() => parseFleet(text.replace('addr: 10.0.0.1', 'mesh-public: bee'), 'fleet.yml', ENV)).toThrow(
      /fleet\.yml:\d+:\d+: .*should be IP:port or a UDP port/,
    );
  });

  it('is called after its file unless it has a name', () => {
    expect(parseFleet('machines: { a: }', '/x/bees.yml', {}).name).toBe('bees');
    expect(fleetName(FILE, 'fleet.yml')).toBe('bees');
    expect(fleetName('{ "machines": {} }', 'x.json')).toBe('x');
  });

  it.each([
    { text: 'a: [', why: /^fleet\.yml:1:5: / },
    { text: '\tmachines:', why: /^fleet\.yml:1:1: Tabs are not allowed/ },
    { text: '', why: /^fleet\.yml: it is empty/ },
    { text: 'machine: {}', why: /^fleet\.yml:1:1: machine: there is no such key here\. There are name, defaults, / },
    { text: 'name: a', why: /^fleet\.yml:1:1: "machines" is missing/ },
    { text: 'machines: []', why: /^fleet\.yml:1:1: machines: expected record, received array/ },
    {
      text: 'machines:\n  a: { cuont: 3 }',
      why: /^fleet\.yml:2:8: machines\.a\.cuont: there is no such key here\. Did you mean "count"\?/,
    },
    {
      text: 'machines:\n  a:\n    count: many',
      why: /^fleet\.yml:3:5: machines\.a\.count: expected number, received s/,
    },
    {
      text: 'machines: { a: { tls-sans: [x, 1] } }',
      why: /^fleet\.yml:1:32: machines\.a\.tls-sans\.1: expected string/,
    },
    { text: 'machines: { a_b: }', why: /^fleet\.yml:1:13: machines\.a_b: a machine's name has letters, digits, dots/ },
    { text: 'machines: { a: { count: 1 }, a-1: }', why: /^fleet\.yml:1:30: .*two machines would be called "a-1"/ },
    {
      text: 'machines: { a: { role: member } }',
      why: /^fleet\.yml:1:18: machines\.a\.role: role member needs a "swarm"/,
    },
    {
      text: 'defaults: { role: member }\nmachines: { a: }',
      why: /^fleet\.yml:1:13: defaults\.role: role member needs/,
    },
    {
      text: 'swarm: { discovery: abc }\nmachines: {}',
      why: /^fleet\.yml:1:10: swarm\.discovery: should be like token:/,
    },
    { text: 'swarm: { discovery: "token://$' + '{NOPE}" }\nmachines: {}', why: /\$NOPE is not set in the environment/ },
    { text: 'swarm: { discovery: "token://$' + '{EMPTY}" }\nmachines: {}', why: /\$EMPTY is not set/ },
  ])('refuses $text', ({ text, why }) => {
    expect(() => parseFleet(text, 'fleet.yml', ENV)).toThrow(why);
  });

  it('fills in the environment, defaults and dollars', () => {
    const text = 'machines: { a: { labels: { x: "$' + '{TOKEN}$' + '{NOPE:-fallback}$$" } } }';
    expect(parseFleet(text, 'f', ENV).machines[0]?.engine.labels).toEqual({ x: 'abcfallback$' });
  });
});

describe('checkDrivers', () => {
  it.each([
    {
      text: 'machines:\n  a: { driver: locla }',
      why: /^f\.yml:2:8: machines\.a\.driver: Driver "locla" not found\. Did/,
    },
    {
      text: 'defaults: { driver: nonesuch }\nmachines: { a: }',
      why: /^f\.yml:1:13: defaults\.driver: Driver "nonesuch"/,
    },
    {
      text: 'machines:\n  a:\n    options: { local-generation: 99 }',
      why: /^f\.yml:3:16: machines\.a\.options\.local-generation: --local-generation "99" is none of 20\.10, /,
    },
    { text: 'machines: { a: { options: { x: 1 } } }', why: /^f\.yml:1:29: .*--x is not a flag of the driver local/ },
    { text: 'machines: { a: { driver: none } }', why: /^f\.yml:1:13: machines\.a: the driver none needs .*--url/ },
  ])('refuses $text before anything is planned', async ({ text, why }) => {
    await expect(checkDrivers(parseFleet(text, 'f.yml', {}), () => false, {})).rejects.toThrow(why);
  });

  it('asks for nothing that a machine which is there was made with', async () => {
    await checkDrivers(parseFleet('machines: { a: { driver: none } }', 'f.yml', {}), () => true, {});
  });
});

describe('planFleet', () => {
  it('creates what is not there', () => {
    expect(actions([])).toEqual({ queen: 'create', 'worker-1': 'create', 'worker-2': 'create', archive: 'create' });
  });

  it('has nothing to do when all is as it should be', () => {
    const plan = planFleet(fleet, made(), false);
    expect(isEmpty(plan)).toBe(true);
    expect(formatPlan(plan)).toMatch(/4 to keep\.\n$/);
  });

  it('starts what is stopped', () => {
    expect(actions(made('Stopped'))['worker-1']).toBe('start');
  });

  it('goes on with what was cut off', () => {
    const existing = made().map((each) => ({ ...each, record: { ...each.record, steps: ['check'] } }));
    expect(new Set(Object.values(actions(existing)))).toEqual(new Set(['resume']));
  });

  it('updates what can be changed', () => {
    const other = parseFleet(FILE.replace('zone: a', 'zone: b').replace('20s', '30s'), 'fleet.yml', ENV);
    expect(actions(made(), false, other)).toEqual({
      queen: 'update',
      'worker-1': 'update',
      'worker-2': 'update',
      archive: 'keep',
    });
  });

  it('replaces what cannot be changed only when told to', () => {
    const other = parseFleet(FILE.replace('28.5', '26.1'), 'fleet.yml', ENV);
    expect(actions(made(), false, other)['worker-1']).toBe('keep');
    expect(formatPlan(planFleet(other, made(), false))).toContain(
      'its local-generation is 28.5, not 26.1: say --replace',
    );
    expect(actions(made(), true, other)['worker-1']).toBe('replace');
    expect(actions(made(), true, other).queen).toBe('keep');
  });

  it('removes what the file has no more', () => {
    const other = parseFleet(FILE.replace('count: 2', 'count: 1'), 'fleet.yml', ENV);
    expect(actions(made(), false, other)['worker-2']).toBe('remove');
    expect(planDown('bees', made()).items.map(({ action }) => action)).toEqual(Array(4).fill('remove'));
  });

  it('leaves machines outside the fleet alone', () => {
    const stranger = made().map(({ record, state }) => ({
      record: { ...record, name: 'other', fleet: undefined },
      state,
    }));
    expect(actions([...made(), ...stranger.slice(0, 1)])).not.toHaveProperty('other');
    expect(planDown('bees', stranger).items).toEqual([]);
    const taken = made().map(({ record, state }) => ({ record: { ...record, fleet: 'wasps' }, state }));
    expect(() => planFleet(fleet, taken, false)).toThrow('there is a machine "queen" that is not of the fleet "bees"');
  });

  it('is read by people', () => {
    const one = { ...fleet, machines: fleet.machines.slice(0, 2) };
    expect(formatPlan(planFleet(one, made().slice(1, 3), false))).toBe(
      [
        'Fleet bees:',
        '  + create  queen      local, swarm master, provider-tier=cheap',
        '  = keep    worker-1   as it should be',
        '  - remove  worker-2   not in the file any more',
        '1 to create, 1 to remove, 1 to keep.',
        '',
      ].join('\n'),
    );
    expect(plainEngine().labels).toEqual({});
  });
});
