import { createHash } from 'node:crypto';
import { type RestCloud, RestFailure, type RestRoute, startRestCloud } from './rest.ts';

export const TOKEN = 'dop_v1_test';

interface FakeDroplet {
  readonly id: number;
  readonly body: Readonly<Record<string, unknown>>;
  readonly tags: readonly string[];
  readonly madeAt: number;
  status: string;
}

interface FakeKey {
  readonly id: number;
  readonly name: string;
  readonly public_key: string;
  readonly fingerprint: string;
}

interface FakeFirewall {
  readonly id: string;
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>>;
}

interface FakeAction {
  readonly id: number;
  readonly doneAt: number;
}

/** An account at DigitalOcean. */
export interface DigitalOceanState {
  readonly droplets: FakeDroplet[];
  readonly keys: FakeKey[];
  readonly firewalls: FakeFirewall[];
  readonly tags: Set<string>;
  limit: number;
  existing(): readonly string[];
}

export interface DigitalOceanServer extends RestCloud {
  readonly state: DigitalOceanState;
}

const SIZES = ['s-1vcpu-1gb', 's-2vcpu-4gb'];

/** `delayMs`: until a list shows what was made, and of each action. */
export async function startDigitalOcean(delayMs: number = 0): Promise<DigitalOceanServer> {
  const state: DigitalOceanState = {
    droplets: [],
    keys: [],
    firewalls: [],
    tags: new Set(),
    limit: 10,
    existing: () =>
      [
        ...state.droplets.map(({ id }) => `droplet ${id}`),
        ...state.keys.map(({ name }) => `key ${name}`),
        ...state.firewalls.map(({ name }) => `firewall ${name}`),
        ...[...state.tags].map((tag) => `tag ${tag}`),
      ].sort(),
  };
  const cloud = await startRestCloud({
    routes: routesOf(state, delayMs),
    isAllowed: ({ headers }) => headers.authorization === `Bearer ${TOKEN}`,
    errorBody: ({ code, message }) => ({ id: code, message, request_id: 'r1' }),
  });
  return { ...cloud, state };
}

function routesOf(state: DigitalOceanState, delayMs: number): readonly RestRoute[] {
  let next = 3_000_000;
  const actions: FakeAction[] = [];
  const page = <T>(key: string, all: readonly T[]): Record<string, unknown> => ({
    [key]: all,
    links: {},
    meta: { total: all.length },
  });
  const droplet = (id: string | undefined): FakeDroplet => {
    const found = state.droplets.find((each) => each.id === Number(id));
    if (found === undefined) throw notFound();
    return found;
  };
  const shown = ({ id, body, status, tags }: FakeDroplet): Record<string, unknown> => ({
    id,
    name: body.name,
    status,
    tags,
    size_slug: body.size,
    region: { slug: body.region },
    networks: {
      v4: [
        { ip_address: '10.132.0.2', type: 'private' },
        { ip_address: '203.0.113.9', type: 'public' },
      ],
      v6: [],
    },
  });
  const settle = (): void => {
    for (const each of state.droplets)
      if (each.status === 'new' && Date.now() - each.madeAt >= delayMs) each.status = 'active';
  };
  return [
    ['GET', /\/v2\/account/, () => ({ account: { status: 'active', droplet_limit: state.limit } })],
    [
      'GET',
      /\/v2\/regions/,
      () =>
        page('regions', [
          { slug: 'nyc3', available: true, sizes: SIZES },
          { slug: 'nyc2', available: false, sizes: [] },
        ]),
    ],
    [
      'GET',
      /\/v2\/images/,
      () => page('images', [{ slug: 'debian-13-x64' }, { slug: 'ubuntu-24-04-x64' }, { slug: null }]),
    ],
    [
      'GET',
      /\/v2\/images\/([^/]+)/,
      ({ parts: [slug] }) => {
        if (slug !== 'debian-13-x64') throw notFound();
        return { image: { slug, regions: ['nyc3'] } };
      },
    ],
    ['GET', /\/v2\/account\/keys/, () => page('ssh_keys', state.keys)],
    [
      'GET',
      /\/v2\/account\/keys\/([^/]+)/,
      ({ parts: [id] }) => {
        const found = state.keys.find((each) => String(each.id) === id || each.fingerprint === id);
        if (found === undefined) throw notFound();
        return { ssh_key: found };
      },
    ],
    [
      'POST',
      /\/v2\/account\/keys/,
      ({ body }) => {
        const text = String(body.public_key);
        if (state.keys.some((each) => each.public_key === text))
          throw new RestFailure(422, 'unprocessable_entity', 'SSH Key is already in use on your account');
        const [, data = ''] = text.split(' ');
        const fingerprint = createHash('md5')
          .update(Buffer.from(data, 'base64'))
          .digest('hex')
          .replace(/..(?=.)/g, '$&:');
        state.keys.push({ id: ++next, name: String(body.name), public_key: text, fingerprint });
        return { ssh_key: state.keys.at(-1) };
      },
    ],
    ['DELETE', /\/v2\/account\/keys\/([^/]+)/, ({ parts: [id] }) => drop(state.keys, (each) => String(each.id) === id)],
    ['POST', /\/v2\/tags/, ({ body }) => ({ tag: { name: [...state.tags.add(String(body.name))].at(-1) } })],
    [
      'GET',
      /\/v2\/tags\/([^/]+)/,
      ({ parts: [name = ''] }) => {
        if (!state.tags.has(name)) throw notFound();
        return { tag: { name } };
      },
    ],
    [
      'DELETE',
      /\/v2\/tags\/([^/]+)/,
      ({ parts: [name = ''] }) => {
        if (!state.tags.delete(name)) throw notFound();
        return undefined;
      },
    ],
    ['GET', /\/v2\/firewalls/, () => page('firewalls', state.firewalls)],
    [
      'GET',
      /\/v2\/firewalls\/([^/]+)/,
      ({ parts: [id] }) => {
        const firewall = state.firewalls.find((each) => each.id === id);
        if (firewall === undefined) throw notFound();
        return { firewall: { ...firewall.body, ...firewall, body: undefined } };
      },
    ],
    [
      'PUT',
      /\/v2\/firewalls\/([^/]+)/,
      ({ parts: [id], body }) => {
        const at = state.firewalls.findIndex((each) => each.id === id);
        if (at < 0) throw notFound();
        if (!body.name || !body.outbound_rules) throw new RestFailure(422, 'unprocessable_entity', 'name is required');
        state.firewalls[at] = { id: String(id), name: String(body.name), body };
        return { firewall: state.firewalls[at] };
      },
    ],
    [
      'POST',
      /\/v2\/firewalls/,
      ({ body }) => {
        const unknown = (body.tags as string[]).find((tag) => !state.tags.has(tag));
        if (unknown !== undefined) throw new RestFailure(422, 'unprocessable_entity', `tag ${unknown} not found`);
        if (state.firewalls.some(({ name }) => name === body.name))
          throw new RestFailure(409, 'conflict', 'duplicate name');
        state.firewalls.push({ id: `fw-${++next}`, name: String(body.name), body });
        return { firewall: state.firewalls.at(-1) };
      },
    ],
    ['DELETE', /\/v2\/firewalls\/([^/]+)/, ({ parts: [id] }) => drop(state.firewalls, (each) => each.id === id)],
    [
      'GET',
      /\/v2\/droplets/,
      ({ query }) => {
        settle();
        const tag = query.get('tag_name');
        const visible = state.droplets.filter(
          ({ tags, madeAt }) => tag === null || (tags.includes(tag) && Date.now() - madeAt >= delayMs),
        );
        return page('droplets', visible.map(shown));
      },
    ],
    [
      'POST',
      /\/v2\/droplets/,
      ({ body }) => {
        if (state.droplets.length >= state.limit)
          throw new RestFailure(
            422,
            'unprocessable_entity',
            'creating this/these droplet(s) will exceed your droplet limit',
          );
        const keys = body.ssh_keys as (number | string)[];
        if (!keys.every((key) => state.keys.some(({ id, fingerprint }) => id === key || fingerprint === key)))
          throw new RestFailure(422, 'unprocessable_entity', 'ssh_keys: invalid key identifiers for Droplet creation');
        const tags = body.tags as string[];
        for (const tag of tags) state.tags.add(tag);
        state.droplets.push({ id: ++next, body, tags, madeAt: Date.now(), status: 'new' });
        return { droplet: { ...shown(droplet(String(next))), networks: { v4: [], v6: [] } } };
      },
    ],
    [
      'GET',
      /\/v2\/droplets\/(\d+)/,
      ({ parts: [id] }) => {
        settle();
        return { droplet: shown(droplet(id)) };
      },
    ],
    ['DELETE', /\/v2\/droplets\/(\d+)/, ({ parts: [id] }) => drop(state.droplets, (each) => each.id === Number(id))],
    [
      'POST',
      /\/v2\/droplets\/(\d+)\/actions/,
      ({ parts: [id], body }) => {
        const found = droplet(id);
        if (actions.some(({ doneAt }) => Date.now() < doneAt))
          throw new RestFailure(422, 'unprocessable_entity', 'Droplet already has a pending event.');
        const later: Readonly<Record<string, string>> = {
          power_on: 'active',
          shutdown: 'off',
          power_off: 'off',
          reboot: 'active',
        };
        found.status = later[String(body.type)] ?? found.status;
        actions.push({ id: ++next, doneAt: Date.now() + delayMs });
        return { action: { id: next, status: 'in-progress' } };
      },
    ],
    [
      'GET',
      /\/v2\/actions\/(\d+)/,
      ({ parts: [id] }) => {
        const found = actions.find((each) => each.id === Number(id));
        if (found === undefined) throw notFound();
        return { action: { id: found.id, status: Date.now() < found.doneAt ? 'in-progress' : 'completed' } };
      },
    ],
  ];
}

function notFound(): RestFailure {
  return new RestFailure(404, 'not_found', 'The resource you were accessing could not be found.');
}

function drop<T>(all: T[], isIt: (each: T) => boolean): undefined {
  const at = all.findIndex(isIt);
  if (at < 0) throw notFound();
  all.splice(at, 1);
  return undefined;
}
