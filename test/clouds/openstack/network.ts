import { RestAnswer, RestFailure, type RestRoute } from '../rest.ts';
import { page } from './catalogue.ts';
import { settle } from './servers.ts';
import { type Body, drop, type Made, made, type OpenStackState, one, PROJECT } from './state.ts';

const ROOT = '/networking/v2\\.0';
const EXTERNAL = { id: 'net-public', name: 'public', shared: false, tenant_id: 'cloud', 'router:external': true };
const DEFAULT_GROUP = { id: 'group-default', name: 'default', description: 'Default security group' };

/** Neutron: docs.openstack.org/api-ref/network/v2. */
export function networkRoutes(state: OpenStackState): readonly RestRoute[] {
  const { groups, rules, floatingIps } = state;
  const networks = (): readonly (Body & { readonly id: string })[] => [
    ...state.networks.map((name) => ({
      id: `net-${name}`,
      name,
      shared: false,
      tenant_id: PROJECT,
      'router:external': false,
    })),
    EXTERNAL,
  ];
  return [
    [
      'GET',
      new RegExp(`${ROOT}/networks`),
      (call) => {
        const isExternal = call.query.get('router:external');
        return page(
          'networks',
          networks().filter((each) => isExternal === null || each['router:external'] === true),
          call,
        );
      },
    ],
    [
      'GET',
      new RegExp(`${ROOT}/security-groups`),
      (call) => page('security_groups', [DEFAULT_GROUP, ...groups.map(shown)], call),
    ],
    get(`${ROOT}/security-groups`, 'security_group', groups, 'SecurityGroupNotFound'),
    [
      'POST',
      new RegExp(`${ROOT}/security-groups`),
      ({ body }) => {
        const group = made(body.security_group as Body);
        groups.push(group);
        return new RestAnswer(201, { security_group: shown(group) });
      },
    ],
    [
      'DELETE',
      new RegExp(`${ROOT}/security-groups/([^/]+)`),
      ({ parts: [id] }) => {
        settle(state);
        const group = one(groups, id, 'SecurityGroupNotFound');
        const isUsed = state.servers.some(({ body }) =>
          (body.security_groups as Body[]).some(({ name }) => name === id),
        );
        if (isUsed) throw new RestFailure(409, 'SecurityGroupInUse', `Security Group ${id} in use.`);
        drop(groups, group);
        for (const rule of rules.filter(({ body }) => body.security_group_id === id)) drop(rules, rule);
        return undefined;
      },
    ],
    [
      'GET',
      new RegExp(`${ROOT}/security-group-rules`),
      (call) => {
        const found = rules.filter(({ body }) => body.security_group_id === call.query.get('security_group_id'));
        return page('security_group_rules', found.map(shown), call);
      },
    ],
    [
      'POST',
      new RegExp(`${ROOT}/security-group-rules`),
      ({ body }) => {
        const rule = made(body.security_group_rule as Body);
        one(groups, rule.body.security_group_id, 'SecurityGroupNotFound');
        const same = rules.find((each) => JSON.stringify(each.body) === JSON.stringify(rule.body));
        if (same !== undefined)
          throw new RestFailure(
            409,
            'SecurityGroupRuleExists',
            `Security group rule already exists. Rule id is ${same.id}.`,
          );
        rules.push(rule);
        return new RestAnswer(201, { security_group_rule: shown(rule) });
      },
    ],
    [
      'DELETE',
      new RegExp(`${ROOT}/security-group-rules/([^/]+)`),
      ({ parts: [id] }) => {
        drop(rules, one(rules, id, 'SecurityGroupRuleNotFound'));
        return undefined;
      },
    ],
    [
      'GET',
      new RegExp(`${ROOT}/ports`),
      (call) => {
        settle(state);
        const server = state.servers.find(({ id, status }) => id === call.query.get('device_id') && status !== 'BUILD');
        const found = (server?.ports ?? []).filter((each) => each.network_id === call.query.get('network_id'));
        return page('ports', found, call);
      },
    ],
    ['GET', new RegExp(`${ROOT}/floatingips`), (call) => page('floatingips', floatingIps.map(shown), call)],
    get(`${ROOT}/floatingips`, 'floatingip', floatingIps, 'FloatingIPNotFound'),
    [
      'POST',
      new RegExp(`${ROOT}/floatingips`),
      ({ body }) => {
        const asked = body.floatingip as Body;
        if (asked.floating_network_id !== EXTERNAL.id)
          throw new RestFailure(404, 'ExternalNetworkNotFound', `Network ${asked.floating_network_id} not found`);
        if (!state.servers.some(({ ports }) => ports.some(({ id }) => id === asked.port_id)))
          throw new RestFailure(404, 'PortNotFound', `Port ${asked.port_id} could not be found.`);
        const ip = made({ ...asked, floating_ip_address: '203.0.113.77' });
        floatingIps.push(ip);
        return new RestAnswer(201, { floatingip: shown(ip) });
      },
    ],
    [
      'DELETE',
      new RegExp(`${ROOT}/floatingips/([^/]+)`),
      ({ parts: [id] }) => {
        drop(floatingIps, one(floatingIps, id, 'FloatingIPNotFound'));
        return undefined;
      },
    ],
  ];
}

function get(path: string, key: string, all: readonly Made[], word: string): RestRoute {
  return ['GET', new RegExp(`${path}/([^/]+)`), ({ parts: [id] }) => ({ [key]: shown(one(all, id, word)) })];
}

function shown({ id, body }: Made): Body & { readonly id: string } {
  return { ...body, id };
}
