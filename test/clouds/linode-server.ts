import { type RestCall, type RestCloud, RestFailure, type RestRoute, startRestCloud } from './rest.ts';

export const TOKEN = 'linode-test-token';

interface Tagged {
  readonly id: number;
  readonly label: string;
  readonly tags: readonly string[];
  readonly body: Readonly<Record<string, unknown>>;
  readonly madeAt: number;
}

interface FakeLinode extends Tagged {
  status: string;
  next: { readonly status: string; readonly at: number } | undefined;
}

/** An account at Linode. */
export interface LinodeState {
  readonly linodes: FakeLinode[];
  readonly firewalls: Tagged[];
  /** How many Linodes it may have. */
  limit: number;
  /** What the account allows: `linode` or `legacy_config`; undefined is both. */
  generation: string | undefined;
  /** The token, which can expire in the middle. */
  token: string;
  existing(): readonly string[];
}

export interface LinodeServer extends RestCloud {
  readonly state: LinodeState;
}

/**
 * Linode's API version 4 as techdocs.akamai.com/linode-api/reference publishes it. `delayMs`: until a list shows what was made,
 * and of each job.
 */
export async function startLinode(delayMs: number = 0): Promise<LinodeServer> {
  const state: LinodeState = {
    linodes: [],
    firewalls: [],
    limit: 100,
    generation: undefined,
    token: TOKEN,
    existing: () => {
      settle(state);
      return [...state.linodes, ...state.firewalls].map(({ id, label }) => `${id} ${label}`).sort();
    },
  };
  const cloud = await startRestCloud({
    routes: routesOf(state, delayMs),
    isAllowed: ({ headers, url }) =>
      /^\/v4\/(regions|linode\/types)/.test(url.pathname) || headers.authorization === `Bearer ${state.token}`,
    errorBody: ({ code, message }) => ({ errors: [{ reason: message, ...(code === '' ? {} : { field: code }) }] }),
  });
  return { ...cloud, url: `${cloud.url}/v4`, state };
}

function settle(state: LinodeState): void {
  for (const linode of state.linodes.filter(({ next }) => next !== undefined && Date.now() >= next.at)) {
    linode.status = linode.next?.status ?? linode.status;
    linode.next = undefined;
    if (linode.status === 'gone') state.linodes.splice(state.linodes.indexOf(linode), 1);
  }
}

function page(all: readonly unknown[], { query }: RestCall): unknown {
  const size = Number(query.get('page_size') ?? 100);
  if (size < 25 || size > 500) throw new RestFailure(400, 'page_size', 'Must be 25-500');
  const number = Number(query.get('page') ?? 1);
  const data = all.slice((number - 1) * size, number * size);
  return { data, page: number, pages: Math.max(1, Math.ceil(all.length / size)), results: all.length };
}

const EVERYTHING = ['Linodes', 'Cloud Firewall', 'VPCs', 'Metadata', 'Linode Interfaces'];
const REGIONS = [
  { id: 'us-east', label: 'Newark, NJ', capabilities: EVERYTHING, status: 'ok' },
  { id: 'eu-central', label: 'Frankfurt, DE', capabilities: EVERYTHING, status: 'ok' },
  { id: 'ap-old', label: 'Nowhere', capabilities: ['Linodes'], status: 'ok' },
];
const TYPES = ['g6-nanode-1', 'g6-standard-1', 'g6-standard-2', 'g6-dedicated-2'].map((id) => ({ id }));
const IMAGES = [
  { id: 'linode/debian12', label: 'Debian 12', status: 'available' },
  { id: 'linode/debian13', label: 'Debian 13', status: 'available' },
  { id: 'linode/ubuntu24.04', label: 'Ubuntu 24.04 LTS', status: 'available' },
];
const VPCS = [{ id: 5, label: 'hive', region: 'us-east', subnets: [{ id: 51, label: 'bees' }] }];

function routesOf(state: LinodeState, delayMs: number): readonly RestRoute[] {
  let nextId = 70_000;
  const turn = (linode: FakeLinode, now: string, later: string): void => {
    linode.status = now;
    linode.next = { status: later, at: Date.now() + delayMs };
  };
  const add = (list: readonly Tagged[], body: Readonly<Record<string, unknown>>): FakeLinode => {
    const label = String(body.label);
    if (list.some((each) => each.label === label)) throw new RestFailure(400, 'label', 'Label must be unique');
    const tags = (body.tags ?? []) as string[];
    if (tags.some((tag) => tag.length < 3 || tag.length > 50))
      throw new RestFailure(400, 'tags', 'Length must be 3-50 characters');
    nextId += 1;
    return { id: nextId, label, tags, body, madeAt: Date.now(), status: 'provisioning', next: undefined };
  };
  const one = <T extends Tagged>(all: readonly T[], id: unknown): T => {
    settle(state);
    const found = all.find((each) => String(each.id) === String(id));
    if (found === undefined) throw new RestFailure(404, '', 'Not found');
    return found;
  };
  const listed = <T extends Tagged>(all: readonly T[]): readonly T[] => {
    settle(state);
    return all.filter(({ madeAt }) => Date.now() - madeAt >= delayMs);
  };
  const power = (verb: string, from: readonly string[], now: string, later: string): RestRoute => [
    'POST',
    new RegExp(`/v4/linode/instances/(\\d+)/${verb}`),
    ({ parts: [id] }) => {
      const linode = one(state.linodes, id);
      if (linode.next !== undefined) throw new RestFailure(400, '', 'Linode busy.');
      if (from.includes(linode.status)) turn(linode, now, later);
      return {};
    },
  ];
  return [
    ['GET', /\/v4\/regions/, (call) => page(REGIONS, call)],
    [
      'GET',
      /\/v4\/regions\/([^/]+)\/availability/,
      ({ parts: [region] }) => [{ region, plan: 'g6-dedicated-2', available: false }],
    ],
    ['GET', /\/v4\/linode\/types/, (call) => page(TYPES, call)],
    ['GET', /\/v4\/images/, (call) => page(IMAGES, call)],
    ['GET', /\/v4\/vpcs/, (call) => page(VPCS, call)],
    ['GET', /\/v4\/linode\/instances/, (call) => page(listed(state.linodes).map(shown), call)],
    ['GET', /\/v4\/networking\/firewalls/, (call) => page(listed(state.firewalls).map(shownFirewall), call)],
    ['GET', /\/v4\/linode\/instances\/(\d+)/, ({ parts: [id] }) => shown(one(state.linodes, id))],
    [
      'GET',
      /\/v4\/linode\/instances\/(\d+)\/ips/,
      ({ parts: [id] }) => {
        const { body } = one(state.linodes, id);
        const hasVpc = ((body.interfaces ?? []) as Record<string, unknown>[]).some(
          ({ vpc, purpose }) => vpc !== undefined || purpose === 'vpc',
        );
        return {
          ipv4: {
            public: [{ address: '203.0.113.21' }],
            private: body.private_ip ? [{ address: '192.168.130.7' }] : [],
            vpc: hasVpc ? [{ address: '10.0.0.7', subnet_id: 51 }] : [],
          },
        };
      },
    ],
    ['GET', /\/v4\/networking\/firewalls\/(\d+)/, ({ parts: [id] }) => shownFirewall(one(state.firewalls, id))],
    [
      'POST',
      /\/v4\/networking\/firewalls/,
      ({ body }) => {
        assertFirewall(body);
        const made = add(state.firewalls, body);
        state.firewalls.push(made);
        return shownFirewall(made);
      },
    ],
    [
      'PUT',
      /\/v4\/networking\/firewalls\/(\d+)\/rules/,
      ({ parts: [id], body }) => {
        const found = one(state.firewalls, id);
        const changed = { ...found, body: { ...found.body, rules: body } };
        assertFirewall(changed.body);
        state.firewalls[state.firewalls.indexOf(found)] = changed;
        return body;
      },
    ],
    [
      'POST',
      /\/v4\/linode\/instances/,
      ({ body }) => {
        assertLinode(state, body);
        for (const id of firewallsOf(body)) one(state.firewalls, id);
        const made = add(state.linodes, body);
        state.linodes.push(made);
        turn(made, 'provisioning', 'running');
        return shown(made);
      },
    ],
    [
      'DELETE',
      /\/v4\/linode\/instances\/(\d+)/,
      ({ parts: [id] }) => {
        turn(one(state.linodes, id), 'deleting', 'gone');
        return {};
      },
    ],
    [
      'DELETE',
      /\/v4\/networking\/firewalls\/(\d+)/,
      ({ parts: [id] }) => {
        state.firewalls.splice(state.firewalls.indexOf(one(state.firewalls, id)), 1);
        return {};
      },
    ],
    power('boot', ['offline'], 'booting', 'running'),
    power('shutdown', ['running'], 'shutting_down', 'offline'),
    power('reboot', ['running'], 'rebooting', 'running'),
  ];
}

function firewallsOf(body: Readonly<Record<string, unknown>>): readonly unknown[] {
  const interfaces = (body.interfaces ?? []) as { firewall_id?: number }[];
  return [body.firewall_id, ...interfaces.map(({ firewall_id }) => firewall_id)].filter((id) => id !== undefined);
}

function assertFirewall(body: Readonly<Record<string, unknown>>): void {
  const { inbound, inbound_policy, outbound_policy } = body.rules as {
    inbound: { label: string; protocol: string }[];
    inbound_policy: string;
    outbound_policy: string;
  };
  if (!/^[A-Za-z](?!.*(--|__|\.\.))[\w.-]{2,31}$/.test(String(body.label)))
    throw new RestFailure(400, 'label', 'Length must be 3-32 characters');
  const isFine = inbound.every(
    ({ label, protocol }) => label.length >= 3 && label.length <= 32 && /^(TCP|UDP|ICMP|IPENCAP)$/.test(protocol),
  );
  if (!isFine || inbound.length > 25) throw new RestFailure(400, 'rules.inbound', 'invalid rules');
  if (inbound_policy !== 'DROP' || outbound_policy !== 'ACCEPT')
    throw new RestFailure(400, 'rules', 'policies are required');
}

function assertLinode(state: LinodeState, body: Readonly<Record<string, unknown>>): void {
  if (state.linodes.length >= state.limit)
    throw new RestFailure(400, '', 'Account Limit reached. Please open a support ticket.');
  if (!/^[A-Za-z0-9](?!.*(--|__|\.\.))[\w.-]{1,62}[A-Za-z0-9]$/.test(String(body.label)))
    throw new RestFailure(400, 'label', 'Length must be 3-64 characters');
  if (!REGIONS.some(({ id }) => id === body.region)) throw new RestFailure(400, 'region', 'region is not valid');
  if (!TYPES.some(({ id }) => id === body.type)) throw new RestFailure(400, 'type', 'A valid plan type is required');
  if (!IMAGES.some(({ id }) => id === body.image)) throw new RestFailure(400, 'image', 'image is not valid');
  if (String(body.root_pass).length < 11) throw new RestFailure(400, 'root_pass', 'Password too weak');
  const generation = String(body.interface_generation);
  if (state.generation !== undefined && generation !== state.generation)
    throw new RestFailure(400, 'interface_generation', `Account settings do not allow ${generation} interfaces`);
  if (generation === 'linode' && (body.firewall_id !== undefined || body.private_ip))
    throw new RestFailure(400, 'firewall_id', 'Only for legacy configuration interfaces');
}

function shown({ id, label, status, tags, body }: FakeLinode): unknown {
  const inside = body.private_ip ? ['192.168.130.7'] : [];
  const addresses = status === 'provisioning' ? [] : ['203.0.113.21'];
  const { region, type, image } = body;
  return { id, label, status, tags, region, type, image, ipv4: [...inside, ...addresses], ipv6: '2001:db8:7::1/128' };
}

function shownFirewall({ id, label, tags, body }: Tagged): unknown {
  return { id, label, tags, status: 'enabled', rules: body.rules };
}
