import { randomUUID } from 'node:crypto';
import { isIP } from 'node:net';
import { RestAnswer, type RestCall, type RestCloud, RestFailure, type RestRoute, startRestCloud } from './rest.ts';

export const API_KEY = 'VULTR-TEST-KEY';

type Body = Readonly<Record<string, unknown>>;

interface Made {
  readonly id: string;
  readonly body: Body;
  readonly madeAt: number;
}

interface FakeInstance extends Made {
  state: { readonly status: string; readonly power: string };
  next: { readonly status: string; readonly power: string; readonly at: number } | undefined;
}

interface FakeGroup extends Made {
  readonly rules: Body[];
}

/** An account at Vultr. */
export interface VultrState {
  readonly instances: FakeInstance[];
  readonly groups: FakeGroup[];
  readonly keys: Made[];
  /** The key, which can be withdrawn in the middle. */
  apiKey: string;
  existing(): readonly string[];
}

export interface VultrServer extends RestCloud {
  readonly state: VultrState;
}

/**
 * Vultr's API version 2 as www.vultr.com/api and the client govultr publish it. `delayMs`: until a list shows what was made, and of
 * each action.
 */
export async function startVultr(delayMs: number = 0): Promise<VultrServer> {
  const state: VultrState = {
    instances: [],
    groups: [],
    keys: [],
    apiKey: API_KEY,
    existing: () => {
      settle(state);
      const named = [...state.instances, ...state.groups, ...state.keys];
      return named.map(({ id, body }) => `${id} ${body.label ?? body.description ?? body.name}`).sort();
    },
  };
  const cloud = await startRestCloud({
    routes: routesOf(state, delayMs),
    isAllowed: ({ headers, url }) =>
      /^\/v2\/(regions|plans|os)\b/.test(url.pathname) || headers.authorization === `Bearer ${state.apiKey}`,
    errorBody: ({ status, message }) => ({ error: message, status }),
  });
  return { ...cloud, url: `${cloud.url}/v2`, state };
}

function settle(state: VultrState): void {
  for (const each of state.instances.filter(({ next }) => next !== undefined && Date.now() >= next.at)) {
    each.state = each.next ?? each.state;
    each.next = undefined;
    if (each.state.status === 'gone') state.instances.splice(state.instances.indexOf(each), 1);
  }
}

/** Pages go by cursors; ours are numbers. */
function page(key: string, all: readonly unknown[], { query }: RestCall): unknown {
  const size = Number(query.get('per_page') ?? 100);
  const from = Number(query.get('cursor') || 0);
  const next = from + size < all.length ? String(from + size) : '';
  return { [key]: all.slice(from, from + size), meta: { total: all.length, links: { next, prev: '' } } };
}

const REGIONS = ['ewr', 'ams', 'fra'].map((id) => ({ id, options: ['ddos_protection'] }));
const PLANS = ['vc2-1c-1gb', 'vc2-1c-2gb', 'vc2-2c-4gb', 'vhf-1c-1gb'].map((id) => ({ id, locations: ['ewr', 'ams'] }));
const AVAILABLE: Readonly<Record<string, readonly string[]>> = {
  ewr: ['vc2-1c-1gb', 'vc2-1c-2gb', 'vc2-2c-4gb'],
  ams: ['vc2-1c-1gb'],
  fra: [],
};
const SYSTEMS = [
  { id: 2136, name: 'Debian 12 x64 (bookworm)', arch: 'x64', family: 'debian' },
  { id: 2625, name: 'Debian 13 x64 (trixie)', arch: 'x64', family: 'debian' },
  { id: 2284, name: 'Ubuntu 24.04 LTS x64', arch: 'x64', family: 'ubuntu' },
];
const VPCS = [
  { id: 'vpc-1', region: 'ewr', description: 'hive' },
  { id: 'vpc-2', region: 'ams', description: 'far' },
];

function routesOf(state: VultrState, delayMs: number): readonly RestRoute[] {
  let nextRule = 0;
  const made = (body: Body): Made => ({ id: randomUUID(), body, madeAt: Date.now() });
  const one = <T extends Made>(all: readonly T[], id: unknown): T => {
    settle(state);
    const found = all.find((each) => each.id === id);
    if (found === undefined) throw new RestFailure(404, '', 'Resource not found.');
    return found;
  };
  const listed = <T extends Made>(all: readonly T[]): readonly T[] => {
    settle(state);
    return all.filter(({ madeAt }) => Date.now() - madeAt >= delayMs);
  };
  const drop = <T extends Made>(all: T[], id: unknown): undefined => {
    all.splice(all.indexOf(one(all, id)), 1);
  };
  const turn = (each: FakeInstance, power: string, later: string, status: string = 'active'): void => {
    each.state = { status: each.state.status, power };
    each.next = { status, power: later, at: Date.now() + delayMs };
  };
  const power = (verb: string, later: string): RestRoute => [
    'POST',
    new RegExp(`/v2/instances/([^/]+)/${verb}`),
    ({ parts: [id] }) => {
      const found = one(state.instances, id);
      if (found.next !== undefined) throw new RestFailure(500, '', 'Unable to act: Server is currently locked');
      turn(found, found.state.power, later);
      return undefined;
    },
  ];
  return [
    ['GET', /\/v2\/regions/, (call) => page('regions', REGIONS, call)],
    [
      'GET',
      /\/v2\/regions\/([^/]+)\/availability/,
      ({ parts: [region = ''] }) => ({ available_plans: AVAILABLE[region] ?? [] }),
    ],
    ['GET', /\/v2\/plans/, (call) => page('plans', PLANS, call)],
    ['GET', /\/v2\/os/, (call) => page('os', SYSTEMS, call)],
    ['GET', /\/v2\/vpcs/, (call) => page('vpcs', VPCS, call)],
    ['GET', /\/v2\/ssh-keys/, (call) => page('ssh_keys', listed(state.keys).map(shown), call)],
    ['GET', /\/v2\/firewalls/, (call) => page('firewall_groups', listed(state.groups).map(shown), call)],
    [
      'GET',
      /\/v2\/instances/,
      (call) => {
        const tag = call.query.get('tag');
        const fits = ({ body }: Made): boolean => tag === null || (body.tags as string[]).includes(tag);
        return page('instances', listed(state.instances).filter(fits).map(shownInstance), call);
      },
    ],
    ['GET', /\/v2\/ssh-keys\/([^/]+)/, ({ parts: [id] }) => ({ ssh_key: shown(one(state.keys, id)) })],
    ['GET', /\/v2\/firewalls\/([^/]+)/, ({ parts: [id] }) => ({ firewall_group: shown(one(state.groups, id)) })],
    ['GET', /\/v2\/instances\/([^/]+)/, ({ parts: [id] }) => ({ instance: shownInstance(one(state.instances, id)) })],
    [
      'GET',
      /\/v2\/firewalls\/([^/]+)\/rules/,
      (call) => page('firewall_rules', one(state.groups, call.parts[0]).rules, call),
    ],
    [
      'POST',
      /\/v2\/ssh-keys/,
      ({ body }) => {
        if (!/^ssh-/.test(String(body.ssh_key))) throw new RestFailure(400, '', 'Invalid SSH key.');
        state.keys.push(made(body));
        return new RestAnswer(201, { ssh_key: shown(state.keys.at(-1) as Made) });
      },
    ],
    [
      'POST',
      /\/v2\/firewalls/,
      ({ body }) => {
        state.groups.push({ ...made(body), rules: [] });
        return new RestAnswer(201, { firewall_group: shown(state.groups.at(-1) as Made) });
      },
    ],
    [
      'POST',
      /\/v2\/firewalls\/([^/]+)\/rules/,
      ({ parts: [id], body }) => {
        const { rules } = one(state.groups, id);
        assertRule(body);
        if (
          rules.some((each) =>
            ['ip_type', 'protocol', 'port', 'subnet'].every((member) => each[member] === body[member]),
          )
        )
          throw new RestFailure(400, '', 'This rule is already defined');
        rules.push({ ...body, id: ++nextRule, action: 'accept' });
        return new RestAnswer(201, { firewall_rule: rules.at(-1) });
      },
    ],
    [
      'DELETE',
      /\/v2\/firewalls\/([^/]+)\/rules\/(\d+)/,
      ({ parts: [id, rule] }) => {
        const { rules } = one(state.groups, id);
        const at = rules.findIndex((each) => String(each.id) === rule);
        if (at < 0) throw new RestFailure(404, '', 'Invalid rule');
        rules.splice(at, 1);
        return undefined;
      },
    ],
    [
      'POST',
      /\/v2\/instances/,
      ({ body }) => {
        assertInstance(body);
        for (const id of body.sshkey_id as string[]) one(state.keys, id);
        one(state.groups, body.firewall_group_id);
        const instance: FakeInstance = {
          ...made(body),
          state: { status: 'pending', power: 'running' },
          next: undefined,
        };
        state.instances.push(instance);
        turn(instance, 'running', 'running');
        return new RestAnswer(202, { instance: { ...shownInstance(instance), default_password: 'secret' } });
      },
    ],
    [
      'DELETE',
      /\/v2\/instances\/([^/]+)/,
      ({ parts: [id] }) => {
        const found = one(state.instances, id);
        if (found.next !== undefined)
          throw new RestFailure(500, '', 'Unable to destroy server: Unable to remove VM: Server is currently locked');
        turn(found, 'stopped', 'stopped', 'gone');
        return undefined;
      },
    ],
    ['DELETE', /\/v2\/ssh-keys\/([^/]+)/, ({ parts: [id] }) => drop(state.keys, id)],
    ['DELETE', /\/v2\/firewalls\/([^/]+)/, ({ parts: [id] }) => drop(state.groups, id)],
    power('start', 'running'),
    power('halt', 'stopped'),
    power('reboot', 'running'),
  ];
}

function assertRule({ ip_type, protocol, port, subnet, subnet_size }: Body): void {
  const isPort = /^\d+(:\d+)?$/.test(String(port)) && /^(tcp|udp)$/.test(String(protocol));
  const isNetwork =
    isIP(String(subnet)) === (ip_type === 'v4' ? 4 : 6) && Number(subnet_size) <= (ip_type === 'v4' ? 32 : 128);
  if (!isPort || !isNetwork) throw new RestFailure(400, '', 'Invalid rule');
}

function assertInstance({ region, plan, os_id, user_data }: Body): void {
  if (!REGIONS.some(({ id }) => id === region)) throw new RestFailure(400, '', 'Invalid region.');
  if (!(AVAILABLE[String(region)] ?? []).includes(String(plan)))
    throw new RestFailure(400, '', 'Server add failed: Plan is not available in the selected datacenter.');
  if (!SYSTEMS.some(({ id }) => id === os_id)) throw new RestFailure(400, '', 'Invalid OS.');
  if (!/^[A-Za-z0-9+/]*=*$/.test(String(user_data))) throw new RestFailure(400, '', 'user_data must be base64');
}

function shown({ id, body }: Made): Body {
  return { ...body, id };
}

function shownInstance({ id, body, state }: FakeInstance): Body {
  const { label, plan, region, tags, os_id, hostname, firewall_group_id } = body;
  const isPending = state.status === 'pending';
  return {
    ...{ id, label, plan, region, tags, os_id, hostname, firewall_group_id },
    status: state.status,
    power_status: state.power,
    server_status: isPending ? 'none' : 'ok',
    main_ip: isPending ? '0.0.0.0' : '203.0.113.31',
    v6_main_ip: body.enable_ipv6 ? '2001:db8:8::1' : '',
    internal_ip: body.attach_vpc === undefined ? '' : '10.1.96.3',
  };
}
