import { type RestCloud, RestFailure, type RestRoute, startRestCloud } from './rest.ts';

export const TOKEN = 'hetzner-test-token';

interface Labelled {
  readonly id: number;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
  readonly madeAt: number;
}

interface FakeServer extends Labelled {
  status: string;
  next: { readonly status: string; readonly at: number } | undefined;
}

/** A project at Hetzner Cloud. */
export interface HetznerState {
  readonly servers: FakeServer[];
  readonly firewalls: Labelled[];
  readonly ssh_keys: Labelled[];
  readonly networks: Labelled[];
  /** The system in the server does not react. */
  ignoresShutdown: boolean;
  existing(): readonly string[];
}

export interface HetznerServer extends RestCloud {
  readonly state: HetznerState;
}

/** `delayMs`: until a list shows what was made, and of each action. */
export async function startHetzner(delayMs: number = 0): Promise<HetznerServer> {
  const state: HetznerState = {
    servers: [],
    firewalls: [],
    ssh_keys: [],
    networks: [],
    ignoresShutdown: false,
    existing: () => {
      settle(state);
      const { servers, firewalls, ssh_keys } = state;
      return [...servers, ...firewalls, ...ssh_keys].map(({ id, name }) => `${id} ${name}`).sort();
    },
  };
  const cloud = await startRestCloud({
    routes: routesOf(state, delayMs),
    isAllowed: ({ headers }) => headers.authorization === `Bearer ${TOKEN}`,
    errorBody: ({ code, message }) => ({ error: { code, message, details: null } }),
  });
  return { ...cloud, url: `${cloud.url}/v1`, state };
}

function settle(state: HetznerState): void {
  for (const server of state.servers.filter(({ next }) => next !== undefined && Date.now() >= next.at)) {
    server.status = server.next?.status ?? server.status;
    server.next = undefined;
    if (server.status === 'gone') state.servers.splice(state.servers.indexOf(server), 1);
  }
}

type List = 'servers' | 'firewalls' | 'ssh_keys';

function routesOf(state: HetznerState, delayMs: number): readonly RestRoute[] {
  let nextId = 40_000;
  const actions = new Map<number, number>();
  const action = (): Record<string, unknown> => {
    nextId += 1;
    actions.set(nextId, Date.now() + delayMs);
    return { id: nextId, status: 'running', error: null };
  };
  const turn = (server: FakeServer, now: string, later: string): void => {
    server.status = now;
    server.next = { status: later, at: Date.now() + delayMs };
  };
  const shown = (each: Labelled): Record<string, unknown> => ({
    ...each.body,
    id: each.id,
    name: each.name,
    labels: each.labels,
  });
  const shownServer = (each: FakeServer): Record<string, unknown> => ({
    id: each.id,
    name: each.name,
    labels: each.labels,
    status: each.status,
    server_type: { name: each.body.server_type },
    datacenter: { name: `${each.body.location}-dc3`, location: { name: each.body.location } },
    public_net: addresses(each),
    private_net: (each.body.networks as number[]).map(() => ({ ip: '10.0.0.2' })),
  });
  const page = (key: string, all: readonly unknown[]): Record<string, unknown> => ({
    [key]: all,
    meta: { pagination: { page: 1, next_page: null } },
  });
  const add = (list: List, body: Readonly<Record<string, unknown>>): FakeServer => {
    const name = String(body.name);
    if (state[list].some((each) => each.name === name))
      throw new RestFailure(409, 'uniqueness_error', 'name is already used');
    const labels = (body.labels ?? {}) as Record<string, string>;
    for (const value of Object.values(labels))
      if (!/^[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/.test(value))
        throw new RestFailure(422, 'invalid_input', "invalid input in field 'labels'");
    nextId += 1;
    const made: FakeServer = {
      id: nextId,
      name,
      labels,
      body,
      madeAt: Date.now(),
      status: 'initializing',
      next: undefined,
    };
    state[list].push(made);
    return made;
  };
  const one = <T extends Labelled>(all: readonly T[], id: string | undefined): T => {
    settle(state);
    const found = all.find((each) => String(each.id) === id);
    if (found === undefined) throw new RestFailure(404, 'not_found', 'resource with that ID not found');
    return found;
  };
  const list = (key: List | 'networks', show: (each: FakeServer) => unknown): RestRoute => [
    'GET',
    new RegExp(`/v1/${key}`),
    ({ query }) => {
      settle(state);
      const selector =
        query
          .get('label_selector')
          ?.split(',')
          .map((part) => part.split('=')) ?? [];
      const fits = (each: Labelled): boolean =>
        (query.get('name') ?? each.name) === each.name &&
        selector.every(([label = '', value]) => each.labels[label] === value) &&
        (selector.length === 0 || Date.now() - each.madeAt >= delayMs);
      return page(key, (state[key] as readonly FakeServer[]).filter(fits).map(show));
    },
  ];
  const power = (verb: string, now: string, later: string): RestRoute => [
    'POST',
    new RegExp(`/v1/servers/(\\d+)/actions/${verb}`),
    ({ parts: [id] }) => {
      const server = one(state.servers, id);
      if (server.next !== undefined) throw new RestFailure(423, 'locked', 'server is locked');
      turn(server, now, verb === 'shutdown' && state.ignoresShutdown ? 'running' : later);
      return { action: action() };
    },
  ];
  return [
    [
      'GET',
      /\/v1\/server_types/,
      () =>
        page('server_types', [
          { id: 1, name: 'cx23', architecture: 'x86', prices: [{ location: 'nbg1' }, { location: 'fsn1' }] },
          { id: 2, name: 'cax11', architecture: 'arm', prices: [{ location: 'fsn1' }] },
        ]),
    ],
    [
      'GET',
      /\/v1\/images/,
      ({ query }) => {
        const all = ['debian-13', 'debian-12', 'ubuntu-24.04'].map((name, id) => ({ id, name }));
        return page(
          'images',
          all.filter(({ name }) => name === (query.get('name') ?? name)),
        );
      },
    ],
    ['GET', /\/v1\/placement_groups/, () => page('placement_groups', [])],
    list('networks', shown),
    list('servers', shownServer),
    list('firewalls', shown),
    list('ssh_keys', shown),
    ['POST', /\/v1\/ssh_keys/, ({ body }) => ({ ssh_key: shown(add('ssh_keys', body)) })],
    ['POST', /\/v1\/firewalls/, ({ body }) => ({ firewall: shown(add('firewalls', body)), actions: [] })],
    [
      'POST',
      /\/v1\/servers/,
      ({ body }) => {
        for (const key of body.ssh_keys as number[]) one(state.ssh_keys, String(key));
        for (const { firewall } of body.firewalls as { firewall: number }[]) one(state.firewalls, String(firewall));
        const server = add('servers', body);
        turn(server, 'initializing', 'running');
        return { server: shownServer(server), action: action(), root_password: null };
      },
    ],
    ['GET', /\/v1\/servers\/(\d+)/, ({ parts: [id] }) => ({ server: shownServer(one(state.servers, id)) })],
    ['GET', /\/v1\/firewalls\/(\d+)/, ({ parts: [id] }) => ({ firewall: shown(one(state.firewalls, id)) })],
    ['GET', /\/v1\/ssh_keys\/(\d+)/, ({ parts: [id] }) => ({ ssh_key: shown(one(state.ssh_keys, id)) })],
    [
      'DELETE',
      /\/v1\/servers\/(\d+)/,
      ({ parts: [id] }) => {
        turn(one(state.servers, id), 'deleting', 'gone');
        return { action: action() };
      },
    ],
    [
      'POST',
      /\/v1\/firewalls\/(\d+)\/actions\/set_rules/,
      ({ parts: [id], body }) => {
        const found = one(state.firewalls, id);
        for (const { source_ips } of body.rules as { source_ips: string[] }[])
          if (source_ips.length === 0 || source_ips.length > 100)
            throw new RestFailure(422, 'invalid_input', "invalid input in field 'rules'");
        state.firewalls[state.firewalls.indexOf(found)] = { ...found, body: { ...found.body, rules: body.rules } };
        return { actions: [action()] };
      },
    ],
    [
      'DELETE',
      /\/v1\/firewalls\/(\d+)/,
      ({ parts: [id] }) => {
        const found = one(state.firewalls, id);
        const users = state.servers.flatMap(({ body }) => body.firewalls as { firewall: number }[]);
        if (users.some(({ firewall }) => firewall === found.id))
          throw new RestFailure(422, 'resource_in_use', 'firewall is in use');
        state.firewalls.splice(state.firewalls.indexOf(found), 1);
        return undefined;
      },
    ],
    [
      'DELETE',
      /\/v1\/ssh_keys\/(\d+)/,
      ({ parts: [id] }) => {
        state.ssh_keys.splice(state.ssh_keys.indexOf(one(state.ssh_keys, id)), 1);
        return undefined;
      },
    ],
    power('poweron', 'starting', 'running'),
    power('shutdown', 'running', 'off'),
    power('poweroff', 'stopping', 'off'),
    power('reboot', 'running', 'running'),
    [
      'GET',
      /\/v1\/actions\/(\d+)/,
      ({ parts: [id] }) => ({
        action: {
          id: Number(id),
          status: Date.now() < (actions.get(Number(id)) ?? 0) ? 'running' : 'success',
          error: null,
        },
      }),
    ],
  ];
}

function addresses({ body }: Labelled): Record<string, unknown> {
  const wanted = body.public_net as { enable_ipv4: boolean; enable_ipv6: boolean };
  return {
    ipv4: wanted.enable_ipv4 ? { ip: '203.0.113.11' } : null,
    ipv6: wanted.enable_ipv6 ? { ip: '2001:db8:7::/64' } : null,
  };
}
