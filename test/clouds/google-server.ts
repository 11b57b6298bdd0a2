import { generateKeyPairSync, type KeyObject, verify } from 'node:crypto';
import type { CloudRequest } from './http-cloud.ts';
import { RestAnswer, type RestCall, type RestCloud, RestFailure, type RestRoute, startRestCloud } from './rest.ts';

export const PROJECT = 'hive-42';
const ACCOUNT = 'bees@hive-42.iam.gserviceaccount.com';
/** One for all servers of a test file: making it takes longer than a test. */
const pair: { readonly privateKey: KeyObject; readonly publicKey: KeyObject } = generateKeyPairSync('rsa', {
  modulusLength: 2048,
});

interface FakeInstance {
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>>;
  status: string;
}

interface Operation {
  readonly zone: string | undefined;
  readonly doneAt: number;
  readonly effect: () => void;
  error: RestFailure | undefined;
  isDone: boolean;
}

/** A project at Google Cloud. */
export interface GoogleState {
  readonly instances: FakeInstance[];
  readonly firewalls: { readonly name: string; body: Readonly<Record<string, unknown>> }[];
  cpusUsed: number;
  /** The next instance fails so, after its operation was accepted. */
  failOperation: RestFailure | undefined;
  existing(): readonly string[];
}

export interface GoogleServer extends RestCloud {
  readonly state: GoogleState;
  /** A service account's key file. */
  readonly credentials: string;
}

/** `delayMs`: of each operation. Every request's token must be signed by the service account. */
export async function startGoogle(delayMs: number = 0): Promise<GoogleServer> {
  const operations: Operation[] = [];
  const settle = (): void => {
    for (const operation of operations) {
      if (operation.isDone || Date.now() < operation.doneAt) continue;
      operation.isDone = true;
      if (operation.error === undefined) operation.effect();
    }
  };
  const state: GoogleState = {
    instances: [],
    firewalls: [],
    cpusUsed: 0,
    failOperation: undefined,
    existing: () => {
      settle();
      return [
        ...state.instances.map(({ name }) => `instance ${name}`),
        ...state.firewalls.map(({ name }) => `firewall ${name}`),
      ].sort();
    },
  };
  const cloud = await startRestCloud({
    routes: routesOf(state, operations, settle, delayMs),
    isAllowed: (request) => isSigned(request, pair.publicKey),
    errorBody: ({ status, code, message }) => ({
      error: { code: status, message, errors: [{ reason: code, message, domain: 'global' }] },
    }),
  });
  const credentials = {
    type: 'service_account',
    project_id: PROJECT,
    private_key_id: 'key1',
    private_key: pair.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    client_email: ACCOUNT,
    client_id: '1',
    token_uri: 'https://oauth2.invalid/token',
  };
  return { ...cloud, url: `${cloud.url}/compute/v1`, state, credentials: JSON.stringify(credentials) };
}

/** A self-signed token of a service account: google.aip.dev/auth/4111 */
function isSigned({ headers }: CloudRequest, key: KeyObject): boolean {
  const [header = '', claims = '', signature = ''] = (headers.authorization ?? '').replace(/^Bearer /, '').split('.');
  const isGenuine = verify('RSA-SHA256', Buffer.from(`${header}.${claims}`), key, Buffer.from(signature, 'base64url'));
  if (!isGenuine) return false;
  const { iss, exp, scope } = JSON.parse(Buffer.from(claims, 'base64url').toString());
  return iss === ACCOUNT && exp * 1_000 > Date.now() && scope === 'https://www.googleapis.com/auth/cloud-platform';
}

function routesOf(
  state: GoogleState,
  operations: Operation[],
  settle: () => void,
  delayMs: number,
): readonly RestRoute[] {
  const begin = (zone: string | undefined, effect: () => void, error?: RestFailure): unknown => {
    operations.push({ zone, doneAt: Date.now() + delayMs, effect, error, isDone: false });
    return shownOperation(operations.length - 1);
  };
  const shownOperation = (at: number): unknown => {
    settle();
    const operation = operations[at];
    if (operation === undefined) throw notFound('operation');
    const { isDone, zone, error } = operation;
    const failed = {
      httpErrorStatusCode: error?.status,
      error: { errors: [{ code: error?.code, message: error?.message }] },
    };
    return {
      name: `operation-${at}`,
      status: isDone ? 'DONE' : 'RUNNING',
      ...(zone === undefined
        ? {}
        : { zone: `https://www.googleapis.com/compute/v1/projects/${PROJECT}/zones/${zone}` }),
      ...(isDone && error !== undefined ? failed : {}),
    };
  };
  const instance = (name: string | undefined): FakeInstance => {
    settle();
    const found = state.instances.find((each) => each.name === name);
    if (found === undefined) throw notFound(`instances/${name}`);
    return found;
  };
  const power = (verb: string, passing: string, end: string): RestRoute => [
    'POST',
    at(`/zones/([^/]+)/instances/([^/]+)/${verb}`),
    ({ parts: [zone, name] }) => {
      const found = instance(name);
      found.status = passing;
      return begin(zone, () => {
        found.status = end;
      });
    },
  ];
  const isFree = (all: readonly { readonly name: string }[], { body }: RestCall): void => {
    if (!/^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/.test(String(body.name)))
      throw new RestFailure(400, 'invalid', `Invalid value for field 'resource.name': '${body.name}'`);
    if (all.some(({ name }) => name === body.name))
      throw new RestFailure(409, 'alreadyExists', `The resource '${body.name}' already exists`);
  };
  return [
    ['GET', at('/zones'), () => ({ items: [{ name: 'us-central1-a' }, { name: 'europe-west1-b' }] })],
    ['GET', at('/zones/[^/]+/machineTypes'), () => ({ items: [{ name: 'e2-small' }, { name: 'n2-standard-2' }] })],
    [
      'GET',
      /\/compute\/v1\/projects\/debian-cloud\/global\/images/,
      () => ({
        items: [
          { name: 'debian-13-trixie-v20261101', family: 'debian-13' },
          { name: 'debian-11-bullseye-v20240101', family: 'debian-11', deprecated: { state: 'DEPRECATED' } },
        ],
      }),
    ],
    ['GET', at('/zones/([^/]+)'), ({ parts: [zone] }) => known(zone === 'us-central1-a', { name: zone, status: 'UP' })],
    [
      'GET',
      at('/zones/[^/]+/machineTypes/([^/]+)'),
      ({ parts: [name] }) => known(name === 'e2-small', { name, guestCpus: 2 }),
    ],
    [
      'GET',
      at('/regions/([^/]+)'),
      () => ({
        quotas: [
          { metric: 'CPUS', limit: 8, usage: state.cpusUsed },
          { metric: 'INSTANCES', limit: 20, usage: 0 },
        ],
      }),
    ],
    ['GET', at('/global/networks/([^/]+)'), ({ parts: [name] }) => known(name === 'default', { name })],
    ['GET', at('/regions/[^/]+/subnetworks/([^/]+)'), ({ parts: [name] }) => known(name === 'meadow', { name })],
    [
      'GET',
      /\/compute\/v1\/projects\/debian-cloud\/global\/images\/family\/([^/]+)/,
      ({ parts: [family] }) => known(family === 'debian-13', { name: 'debian-13-trixie-v20261101', family }),
    ],
    [
      'GET',
      at('/(?:global|zones/[^/]+)/operations/operation-(\\d+)'),
      ({ parts: [number] }) => shownOperation(Number(number)),
    ],
    [
      'GET',
      at('/global/firewalls/([^/]+)'),
      ({ parts: [name] }) => {
        settle();
        const found = state.firewalls.find((each) => each.name === name);
        return known(found !== undefined, { ...found?.body, name });
      },
    ],
    [
      'POST',
      at('/global/firewalls'),
      (call) => {
        isFree(state.firewalls, call);
        isOneVersion(call.body);
        return begin(undefined, () => state.firewalls.push({ name: String(call.body.name), body: call.body }));
      },
    ],
    [
      'PATCH',
      at('/global/firewalls/([^/]+)'),
      ({ parts: [name], body }) => {
        settle();
        const found = state.firewalls.find((each) => each.name === name);
        if (found === undefined) throw notFound(`firewalls/${name}`);
        isOneVersion(body);
        return begin(undefined, () => {
          found.body = { ...found.body, ...body };
        });
      },
    ],
    [
      'DELETE',
      at('/global/firewalls/([^/]+)'),
      ({ parts: [name] }) => {
        settle();
        const found = state.firewalls.findIndex((each) => each.name === name);
        if (found < 0) throw notFound(`firewalls/${name}`);
        return begin(undefined, () => state.firewalls.splice(found, 1));
      },
    ],
    ['GET', at('/zones/[^/]+/instances/([^/]+)'), ({ parts: [name] }) => shownInstance(instance(name))],
    [
      'POST',
      at('/zones/([^/]+)/instances'),
      (call) => {
        isFree(state.instances, call);
        const made: FakeInstance = { name: String(call.body.name), body: call.body, status: 'PROVISIONING' };
        const failure = state.failOperation;
        state.failOperation = undefined;
        if (failure === undefined) state.instances.push(made);
        return begin(
          call.parts[0],
          () => {
            made.status = 'RUNNING';
          },
          failure,
        );
      },
    ],
    [
      'DELETE',
      at('/zones/([^/]+)/instances/([^/]+)'),
      ({ parts: [zone, name] }) => {
        const found = instance(name);
        found.status = 'STOPPING';
        return begin(zone, () => state.instances.splice(state.instances.indexOf(found), 1));
      },
    ],
    power('start', 'STAGING', 'RUNNING'),
    power('stop', 'STOPPING', 'TERMINATED'),
  ];
}

/** A rule is for IPv4 or for IPv6. */
function isOneVersion({ sourceRanges }: Readonly<Record<string, unknown>>): void {
  const ranges = sourceRanges as readonly string[];
  const v6 = ranges.filter((each) => each.includes(':')).length;
  if (v6 > 0 && v6 < ranges.length)
    throw new RestFailure(400, 'invalid', "Invalid value for field 'resource.sourceRanges': IPv4 and IPv6");
}

function at(path: string): RegExp {
  return new RegExp(`/compute/v1/projects/${PROJECT}${path}`);
}

function shownInstance({ name, body, status }: FakeInstance): unknown {
  const [card] = body.networkInterfaces as { accessConfigs: object[] }[];
  const accessConfigs = card?.accessConfigs.map((each) => ({
    ...each,
    ...(status === 'RUNNING' ? { natIP: '203.0.113.31' } : {}),
  }));
  return { ...body, name, status, networkInterfaces: [{ ...card, networkIP: '10.128.0.5', accessConfigs }] };
}

function known(isKnown: boolean, body: unknown): unknown {
  if (!isKnown) throw notFound('resource');
  return new RestAnswer(200, body);
}

function notFound(what: string): RestFailure {
  return new RestFailure(404, 'notFound', `The resource 'projects/${PROJECT}/${what}' was not found`);
}
