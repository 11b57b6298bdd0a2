import { randomUUID } from 'node:crypto';
import { RestAnswer, type RestCloud, RestFailure, type RestRoute, startRestCloud } from './rest.ts';
import { assertServer, catalogueRoutes, isNetwork, page, ZONE } from './scaleway-catalogue.ts';

export const SECRET_KEY = 'scaleway-test-key';
export const PROJECT = 'f4b1d2c3-0000-4000-8000-000000000001';

type Body = Readonly<Record<string, unknown>>;

interface Made {
  readonly id: string;
  body: Body;
  readonly madeAt: number;
}

interface FakeServer extends Made {
  state: string;
  next: { readonly state: string; readonly at: number } | undefined;
  readonly volumes: readonly Made[];
  readonly nics: Body[];
  userData: string | undefined;
}

/** Mail goes out only where Scaleway allows it: a rule that nobody changes. */
const SCALEWAYS_OWN = {
  id: 'own',
  action: 'drop',
  direction: 'outbound',
  protocol: 'TCP',
  ip_range: '0.0.0.0/0',
  dest_port_from: 25,
  dest_port_to: null,
  position: 0,
  editable: false,
};

/** A project at Scaleway, in the zone fr-par-1. */
export interface ScalewayState {
  readonly servers: FakeServer[];
  readonly security_groups: (Made & { rules: readonly Body[] })[];
  readonly ips: Made[];
  /** Block Storage. */
  readonly volumes: Made[];
  /** Volumes on the hosts. */
  readonly localVolumes: Made[];
  /** The key, which can expire in the middle. */
  secretKey: string;
  existing(): readonly string[];
}

export interface ScalewayServer extends RestCloud {
  readonly state: ScalewayState;
}

/**
 * Scaleway's Instance API (v1), and as far as a machine needs them those of Block Storage (v1), the marketplace (v2), VPC (v2) and
 * IPAM (v1), as www.scaleway.com/en/developers/api and the generated clients publish them. `delayMs`: until a list shows what was
 * made, and of each action.
 */
export async function startScaleway(delayMs: number = 0): Promise<ScalewayServer> {
  const state: ScalewayState = {
    servers: [],
    security_groups: [],
    ips: [],
    volumes: [],
    localVolumes: [],
    secretKey: SECRET_KEY,
    existing: () => {
      settle(state);
      const { servers, security_groups, ips, volumes, localVolumes } = state;
      const all = [...servers, ...security_groups, ...ips, ...volumes, ...localVolumes];
      return all.map(({ id, body }) => `${id} ${body.name ?? body.type}`).sort();
    },
  };
  const cloud = await startRestCloud({
    routes: routesOf(state, delayMs),
    isAllowed: ({ headers, url }) =>
      url.pathname.startsWith('/marketplace/') || headers['x-auth-token'] === state.secretKey,
    errorBody: ({ code, message, status }) =>
      status === 401
        ? { type: 'denied_authentication', method: 'api_key', reason: 'invalid_argument' }
        : { type: code, message },
  });
  return { ...cloud, state };
}

function settle(state: ScalewayState): void {
  for (const server of state.servers.filter(({ next }) => next !== undefined && Date.now() >= next.at)) {
    server.state = server.next?.state ?? server.state;
    server.next = undefined;
  }
}

function routesOf(state: ScalewayState, delayMs: number): readonly RestRoute[] {
  const made = (body: Body): Made => ({ id: randomUUID(), body, madeAt: Date.now() });
  const one = <T extends Made>(all: readonly T[], id: unknown): T => {
    settle(state);
    const found = all.find((each) => each.id === id);
    if (found === undefined) throw new RestFailure(404, 'unknown_resource', `"${id}" not found`);
    return found;
  };
  const list = <T extends Made>(path: string, key: string, all: readonly T[], show: (each: T) => Body): RestRoute => [
    'GET',
    new RegExp(path),
    (call) => {
      settle(state);
      const tags = call.query.get('tags')?.split(',') ?? [];
      const found = all.filter(
        ({ body, madeAt }) =>
          tags.every((tag) => ((body.tags ?? []) as string[]).includes(tag)) && Date.now() - madeAt >= delayMs,
      );
      return page(key, found.map(show), call);
    },
  ];
  const get = <T extends Made>(path: string, key: string, all: readonly T[], show: (each: T) => Body): RestRoute => [
    'GET',
    new RegExp(`${path}/([^/]+)`),
    ({ parts: [id] }) => (key === '' ? show(one(all, id)) : { [key]: show(one(all, id)) }),
  ];
  const drop = <T extends Made>(path: string, all: T[], assertFree: (each: T) => void): RestRoute => [
    'DELETE',
    new RegExp(`${path}/([^/]+)`),
    ({ parts: [id] }) => {
      const found = one(all, id);
      assertFree(found);
      all.splice(all.indexOf(found), 1);
      return undefined;
    },
  ];
  const retag = (path: string, all: readonly Made[]): RestRoute => [
    'PATCH',
    new RegExp(`${path}/([^/]+)`),
    ({ parts: [id], body }) => {
      const found = one(all, id);
      found.body = { ...found.body, ...body };
      return shown(found);
    },
  ];
  const assertUnused = (isUsed: (server: FakeServer) => boolean, code: string): void => {
    if (state.servers.some(isUsed)) throw new RestFailure(400, code, 'it is in use. you cannot delete it.');
  };
  const holds = (id: string) => (server: FakeServer) => server.volumes.some((volume) => volume.id === id);
  const showServer = (server: FakeServer): Body => shownServer(server, state);
  const block = '/block/v1/zones/fr-par-1/volumes';
  return [
    ...catalogueRoutes(state),
    list(`${ZONE}/servers`, 'servers', state.servers, showServer),
    list(`${ZONE}/security_groups`, 'security_groups', state.security_groups, shown),
    list(`${ZONE}/ips`, 'ips', state.ips, shownAddress),
    list(`${ZONE}/volumes`, 'volumes', state.localVolumes, shown),
    list(block, 'volumes', state.volumes, shown),
    get(`${ZONE}/servers`, 'server', state.servers, showServer),
    get(`${ZONE}/security_groups`, 'security_group', state.security_groups, shown),
    get(`${ZONE}/ips`, 'ip', state.ips, shownAddress),
    get(`${ZONE}/volumes`, 'volume', state.localVolumes, shown),
    get(block, '', state.volumes, shown),
    retag(`${ZONE}/volumes`, state.localVolumes),
    retag(block, state.volumes),
    drop(`${ZONE}/servers`, state.servers, ({ state: word }) => {
      if (word !== 'stopped') throw new RestFailure(400, 'invalid_request_error', 'instance should be powered off.');
    }),
    drop(`${ZONE}/security_groups`, state.security_groups, ({ id }) =>
      assertUnused(({ body }) => body.security_group === id, 'invalid_request_error'),
    ),
    drop(`${ZONE}/ips`, state.ips, () => undefined),
    drop(`${ZONE}/volumes`, state.localVolumes, ({ id }) => assertUnused(holds(id), 'precondition_failed')),
    drop(block, state.volumes, ({ id }) => assertUnused(holds(id), 'precondition_failed')),
    [
      'POST',
      new RegExp(`${ZONE}/security_groups`),
      ({ body }) => {
        assertProject(body);
        state.security_groups.push({ ...made(body), rules: [] });
        return new RestAnswer(201, { security_group: shown(state.security_groups.at(-1) as Made) });
      },
    ],
    [
      'GET',
      new RegExp(`${ZONE}/security_groups/([^/]+)/rules`),
      ({ parts: [id] }) => ({ rules: [SCALEWAYS_OWN, ...one(state.security_groups, id).rules] }),
    ],
    [
      'PUT',
      new RegExp(`${ZONE}/security_groups/([^/]+)/rules`),
      ({ parts: [id], body }) => {
        const group = one(state.security_groups, id);
        group.rules = body.rules as Body[];
        for (const { protocol, direction, action } of group.rules)
          if (!/^(TCP|UDP)$/.test(String(protocol)) || direction !== 'inbound' || action !== 'accept')
            throw new RestFailure(400, 'invalid_arguments', 'rules');
        return { rules: group.rules };
      },
    ],
    [
      'POST',
      new RegExp(`${ZONE}/ips`),
      ({ body }) => {
        assertProject(body);
        if (!/^routed_ipv[46]$/.test(String(body.type))) throw new RestFailure(400, 'invalid_arguments', 'type');
        state.ips.push(made(body));
        return new RestAnswer(201, { ip: shownAddress(state.ips.at(-1) as Made) });
      },
    ],
    [
      'POST',
      new RegExp(`${ZONE}/servers`),
      ({ body }) => {
        assertProject(body);
        assertServer(body);
        one(state.security_groups, body.security_group);
        for (const id of body.public_ips as string[]) one(state.ips, id);
        const { 0: root } = body.volumes as Readonly<Record<string, Body>>;
        const volume = made({ ...root, tags: [] });
        (root?.volume_type === 'sbs_volume' ? state.volumes : state.localVolumes).push(volume);
        const server = {
          ...made(body),
          state: 'stopped',
          next: undefined,
          volumes: [volume],
          nics: [],
          userData: undefined,
        };
        state.servers.push(server);
        return new RestAnswer(201, { server: showServer(server) });
      },
    ],
    [
      'POST',
      new RegExp(`${ZONE}/servers/([^/]+)/private_nics`),
      ({ parts: [id], body }) => {
        const server = one(state.servers, id);
        if (!isNetwork(body.private_network_id)) throw new RestFailure(404, 'not_found', 'resource is not found');
        server.nics.push({ ...body, id: randomUUID() });
        return new RestAnswer(201, { private_nic: server.nics.at(-1) });
      },
    ],
    [
      'PATCH',
      new RegExp(`${ZONE}/servers/([^/]+)/user_data/cloud-init`),
      ({ parts: [id], body }) => {
        one(state.servers, id).userData = String(body.text);
        return undefined;
      },
    ],
    [
      'POST',
      new RegExp(`${ZONE}/servers/([^/]+)/action`),
      ({ parts: [id], body }) => {
        act(one(state.servers, id), String(body.action), delayMs);
        return new RestAnswer(202, { task: { id: randomUUID(), status: 'pending' } });
      },
    ],
  ];
}

function act(server: FakeServer, action: string, delayMs: number): void {
  if (server.next !== undefined) throw new RestFailure(409, 'transient_state', 'resource is in a transient state');
  const [from, now, later] =
    {
      poweron: ['stopped', 'starting', 'running'],
      poweroff: ['running', 'stopping', 'stopped'],
      reboot: ['running', 'starting', 'running'],
    }[action] ?? [];
  if (now === undefined || later === undefined) throw new RestFailure(400, 'invalid_arguments', `action ${action}`);
  if (server.state !== from) throw new RestFailure(400, 'invalid_request_error', `server should be ${from}`);
  server.state = now;
  server.next = { state: later, at: Date.now() + delayMs };
}

function assertProject({ project }: Body): void {
  if (project !== PROJECT) throw new RestFailure(403, 'permissions_denied', 'insufficient permissions');
}

function shown({ id, body }: Made): Body {
  return { ...body, id };
}

function shownAddress({ id, body }: Made): Body {
  return { ...body, id, address: body.type === 'routed_ipv6' ? null : '203.0.113.41' };
}

function shownServer({ id, body, state, volumes, nics }: FakeServer, { ips }: ScalewayState): Body {
  const addresses = (body.public_ips as string[]).map((each) => {
    const isSix = ips.find((ip) => ip.id === each)?.body.type === 'routed_ipv6';
    return { id: each, address: isSix ? '2001:db8:9::1' : '203.0.113.41', family: isSix ? 'inet6' : 'inet' };
  });
  const { name, commercial_type, tags, security_group } = body;
  return {
    ...{ id, name, commercial_type, tags, state, zone: 'fr-par-1' },
    security_group: { id: security_group },
    public_ips: addresses,
    private_nics: nics,
    volumes: Object.fromEntries(volumes.map((each, at) => [at, { id: each.id, volume_type: each.body.volume_type }])),
  };
}
