import { createAuthority, loadAuthority } from '../../../src/pki/authority.ts';
import { RestAnswer, type RestCall, type RestCloud, RestFailure, type RestRoute, startRestCloud } from '../rest.ts';
import { type ArmResource, AzureState } from './azure-state.ts';

export const TENANT = '11111111-2222-3333-4444-555555555555';
export const CLIENT = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
export const SECRET = 'azure~secret';
export const SUBSCRIPTION = '99999999-8888-7777-6666-555555555555';

const TOKEN = 'arm-token';
const LIMIT = 10;
const COMPUTE = 'Microsoft.Compute';
const MACHINES = `${COMPUTE}/virtualMachines`;

/** Azure's login service and resource manager for one subscription, over HTTPS as the SDKs insist. */
export interface AzureServer extends RestCloud {
  readonly state: AzureState;
  /** The certificate to trust. */
  readonly ca: string;
}

/** `delayMs`: of each operation. */
export async function startAzure(delayMs: number = 0): Promise<AzureServer> {
  const pair = await createAuthority('azure test', Date.now());
  const authority = await loadAuthority(pair);
  const tls = await authority.issue({ commonName: 'azure', purposes: ['server'], hosts: ['127.0.0.1'] });
  const state = new AzureState(delayMs);
  const cloud = await startRestCloud({
    routes: [
      ...loginRoutes(),
      ...groupRoutes(state),
      ...catalogueRoutes(state),
      ...securityRuleRoutes(state),
      ...resourceRoutes(state),
    ],
    isAllowed: ({ headers, url }) =>
      !url.pathname.startsWith('/subscriptions') || headers.authorization === `Bearer ${TOKEN}`,
    errorBody: ({ code, message }) => ({ error: { code, message } }),
    isChange: ({ method, url }) => method !== 'GET' && url.pathname.startsWith('/subscriptions'),
    tls,
  });
  return { ...cloud, state, ca: authority.cert };
}

function loginRoutes(): readonly RestRoute[] {
  return [
    [
      'GET',
      /\/([^/]+)\/v2\.0\/\.well-known\/openid-configuration/,
      ({ parts: [tenant], host }) => ({
        issuer: `https://${host}/${tenant}/v2.0`,
        authorization_endpoint: `https://${host}/${tenant}/oauth2/v2.0/authorize`,
        token_endpoint: `https://${host}/${tenant}/oauth2/v2.0/token`,
        jwks_uri: `https://${host}/${tenant}/discovery/v2.0/keys`,
      }),
    ],
    [
      'POST',
      /\/([^/]+)\/oauth2\/v2\.0\/token/,
      ({ parts: [tenant], body }) => {
        const isKnown = tenant === TENANT && body.client_id === CLIENT && body.client_secret === SECRET;
        if (isKnown) return { token_type: 'Bearer', expires_in: 3599, ext_expires_in: 3599, access_token: TOKEN };
        const text = 'AADSTS7000215: Invalid client secret provided. Trace ID: 1 Correlation ID: 2 Timestamp: now';
        return new RestAnswer(401, { error: 'invalid_client', error_description: text, error_codes: [7000215] });
      },
    ],
  ];
}

function groupRoutes(state: AzureState): readonly RestRoute[] {
  const path = /\/subscriptions\/[^/]+\/resource[gG]roups\/([^/]+)/;
  const shown = (name: string): unknown => ({
    id: `/subscriptions/${SUBSCRIPTION}/resourceGroups/${name}`,
    name,
    ...state.group(name),
  });
  return [
    ['GET', path, ({ parts: [name = ''] }) => shown(name)],
    [
      'PUT',
      path,
      ({ parts: [name = ''], body }) => {
        state.groups.set(name, body);
        return new RestAnswer(201, shown(name));
      },
    ],
    [
      'DELETE',
      path,
      (call) => {
        const [name = ''] = call.parts;
        state.group(name);
        return accepted(call, state, () => {
          state.groups.delete(name);
          state.drop(({ group }) => group === name);
        });
      },
    ],
  ];
}

function catalogueRoutes(state: AzureState): readonly RestRoute[] {
  const sku = (name: string, vCPUs: number, restrictions: unknown[]): unknown => ({
    resourceType: 'virtualMachines',
    name,
    family: 'standardBSFamily',
    locations: ['westus2'],
    locationInfo: [{ location: 'westus2', zones: ['1', '2'] }],
    capabilities: [{ name: 'vCPUs', value: String(vCPUs) }],
    restrictions,
  });
  return [
    [
      'GET',
      /\/subscriptions\/[^/]+\/providers\/Microsoft\.Compute\/skus/,
      ({ query }) => ({
        value:
          query.get('$filter') !== "location eq 'westus2'"
            ? []
            : [
                sku('Standard_B2s', 2, []),
                sku('Standard_M1', 64, [{ type: 'Location', reasonCode: 'NotAvailableForSubscription' }]),
              ],
      }),
    ],
    [
      'GET',
      /\/subscriptions\/[^/]+\/providers\/Microsoft\.Compute/,
      () => ({
        namespace: 'Microsoft.Compute',
        resourceTypes: [{ resourceType: 'virtualMachines', locations: ['West US 2', 'North Europe'] }],
      }),
    ],
    [
      'GET',
      /\/subscriptions\/[^/]+\/providers\/Microsoft\.Compute\/locations\/[^/]+\/publishers\/[^/]+\/artifacttypes\/vmimage\/offers\/([^/]+)\/skus/,
      ({ parts: [offer] }) =>
        offer === 'debian-13' ? ['13', '13-gen2'].map((name) => ({ name, location: 'westus2' })) : [],
    ],
    [
      'GET',
      /\/subscriptions\/[^/]+\/providers\/Microsoft\.Compute\/locations\/[^/]+\/usages/,
      () => ({
        value: [
          {
            name: { value: 'cores', localizedValue: 'Total Regional vCPUs' },
            unit: 'Count',
            currentValue: state.coresUsed,
            limit: LIMIT,
          },
        ],
      }),
    ],
    [
      'GET',
      /\/subscriptions\/[^/]+\/providers\/Microsoft\.Compute\/locations\/[^/]+\/publishers\/([^/]+)\/artifacttypes\/vmimage\/offers\/([^/]+)\/skus\/([^/]+)\/versions/,
      ({ parts: [, offer] }) =>
        offer === 'ubuntu-24_04-lts' ? [{ name: '24.04.202611010', location: 'westus2' }] : [],
    ],
    [
      'GET',
      /\/subscriptions\/[^/]+\/operations\/(\d+)/,
      ({ parts: [id] }) => ({ name: id, status: state.isDone(Number(id)) ? 'Succeeded' : 'InProgress' }),
    ],
  ];
}

/** Rules of a security group, each of which can be written by itself. */
function securityRuleRoutes(state: AzureState): readonly RestRoute[] {
  const path =
    /\/subscriptions\/[^/]+\/resource[gG]roups\/([^/]+)\/providers\/Microsoft\.Network\/networkSecurityGroups\/([^/]+)\/securityRules\/([^/]+)/;
  const rulesIn = ([group = '', name = '']: readonly string[]): SecurityRule[] => {
    const { properties } = state.get(group, 'Microsoft.Network/networkSecurityGroups', name).body;
    return (properties as { securityRules: SecurityRule[] }).securityRules;
  };
  return [
    [
      'GET',
      path,
      ({ parts }) => {
        const rule = rulesIn(parts).find((each) => each.name === parts[2]);
        if (rule === undefined) throw new RestFailure(404, 'NotFound', `Security rule ${parts[2]} not found.`);
        return rule;
      },
    ],
    [
      'PUT',
      path,
      (call) => {
        const rules = rulesIn(call.parts);
        const [, , name = ''] = call.parts;
        const rule = { name, properties: call.body.properties as SecurityRule['properties'] };
        const at = rules.findIndex((each) => each.name === name);
        const { priority, sourceAddressPrefixes = [], sourceAddressPrefix = '' } = rule.properties;
        if (rules.some((each, i) => i !== at && each.properties.priority === priority))
          throw new RestFailure(
            400,
            'SecurityRuleConflict',
            `Security rule ${name} conflicts: same priority ${priority}`,
          );
        const networks = [sourceAddressPrefix, ...sourceAddressPrefixes].filter((each) => each !== '');
        if (networks.length === 0 || networks.some((each) => each.includes(':')))
          throw new RestFailure(400, 'SecurityRuleInvalidAddressPrefix', `Security rule ${name} has invalid prefixes`);
        const answer = accepted(call, state, () => rules.splice(at < 0 ? rules.length : at, at < 0 ? 0 : 1, rule));
        return new RestAnswer(at < 0 ? 201 : 200, rule, answer.headers);
      },
    ],
    [
      'DELETE',
      path,
      (call) => {
        const rules = rulesIn(call.parts);
        const at = rules.findIndex((each) => each.name === call.parts[2]);
        if (at < 0) return new RestAnswer(204, undefined);
        return accepted(call, state, () => rules.splice(at, 1));
      },
    ],
  ];
}

interface SecurityRule {
  readonly name: string;
  readonly properties: Readonly<Record<string, unknown>> & {
    readonly priority: number;
    readonly sourceAddressPrefix?: string;
    readonly sourceAddressPrefixes?: readonly string[];
  };
}

function resourceRoutes(state: AzureState): readonly RestRoute[] {
  const path = /\/subscriptions\/[^/]+\/resource[gG]roups\/([^/]+)\/providers\/([^/]+)\/([^/]+)\/([^/]+)/;
  const at = ([group = '', provider, type, name = '']: readonly string[]): [string, string, string] => [
    group,
    `${provider}/${type}`,
    name,
  ];
  return [
    ['GET', path, ({ parts }) => shown(state.get(...at(parts)))],
    [
      'PUT',
      path,
      (call) => {
        const [group, type, name] = at(call.parts);
        const existing = state.find(group, type, name);
        const resource = existing ?? { group, type, name, body: call.body, power: 'starting' };
        if (existing === undefined) add(state, resource);
        const answer = accepted(call, state, () => {
          resource.power = 'running';
        });
        return new RestAnswer(existing === undefined ? 201 : 200, shown(resource), answer.headers);
      },
    ],
    [
      'DELETE',
      path,
      (call) => {
        const resource = state.get(...at(call.parts));
        if (state.isUsed(resource))
          throw new RestFailure(400, 'InUseResourceCannotBeDeleted', `${resource.name} is in use`);
        return accepted(call, state, () => state.drop((each) => each === resource || isDeletedWith(resource, each)));
      },
    ],
    [
      'POST',
      new RegExp(`${path.source}/(start|deallocate|powerOff|restart)`),
      (call) => {
        const machine = state.get(...at(call.parts));
        const [passing, end] = POWER[call.parts[4] ?? ''] ?? ['running', 'running'];
        machine.power = passing;
        return accepted(call, state, () => {
          machine.power = end;
        });
      },
    ],
  ];
}

const POWER: Readonly<Record<string, readonly [passing: string, end: string]>> = {
  start: ['starting', 'running'],
  deallocate: ['deallocating', 'deallocated'],
  powerOff: ['stopping', 'stopped'],
  restart: ['running', 'running'],
};

function add(state: AzureState, resource: ArmResource): void {
  const { group, type, body } = resource;
  if (type === MACHINES) {
    const { storageProfile } = body.properties as { storageProfile: { osDisk: { name: string } } };
    const disk = storageProfile.osDisk.name;
    state.resources.push({ group, type: `${COMPUTE}/disks`, name: disk, body: {}, power: '' });
  }
  for (const id of JSON.stringify(body.properties).matchAll(/\/providers\/([^/"]+\/[^/"]+)\/([^/"]+)/g)) {
    if (!state.resources.some((each) => each.type === id[1] && each.name === id[2]))
      throw new RestFailure(404, 'InvalidResourceReference', `${id[0]} referenced by ${resource.name} was not found.`);
  }
  state.resources.push(resource);
}

/** The machine's own disk and card, made with "delete with the machine". */
function isDeletedWith(machine: ArmResource, { group, type, name }: ArmResource): boolean {
  if (machine.type !== MACHINES || machine.group !== group) return false;
  const text = JSON.stringify(machine.body);
  return (type === `${COMPUTE}/disks` && text.includes(`"${name}"`)) || text.includes(`/${type}/${name}"`);
}

function shown({ group, type, name, body, power }: ArmResource): unknown {
  const properties = { ...(body.properties as object), provisioningState: 'Succeeded' };
  return {
    ...body,
    id: `/subscriptions/${SUBSCRIPTION}/resourceGroups/${group}/providers/${type}/${name}`,
    name,
    properties: { ...properties, ...assigned(type, properties, power) },
  };
}

/** What Azure fills in. */
function assigned(type: string, properties: object, power: string): object {
  if (type === MACHINES)
    return { instanceView: { statuses: [{ code: 'ProvisioningState/succeeded' }, { code: `PowerState/${power}` }] } };
  if (type.endsWith('/publicIPAddresses')) return { ipAddress: '203.0.113.21' };
  if (!type.endsWith('/networkInterfaces')) return {};
  const [first] = (properties as { ipConfigurations: { properties: object }[] }).ipConfigurations;
  return { ipConfigurations: [{ ...first, properties: { ...first?.properties, privateIPAddress: '192.168.0.4' } }] };
}

function accepted({ host }: RestCall, state: AzureState, effect: () => void): RestAnswer {
  const operation = `https://${host}/subscriptions/${SUBSCRIPTION}/operations/${state.begin(effect)}?api-version=2024-01-01`;
  return new RestAnswer(202, undefined, { 'azure-asyncoperation': operation, location: operation });
}
