import { randomUUID } from 'node:crypto';
import { RestAnswer, type RestCall, RestFailure, type RestRoute } from '../rest.ts';
import { FLAVORS, IMAGES, page, ZONES } from './catalogue.ts';
import { type Body, drop, type FakeServer, made, type OpenStackState, one } from './state.ts';

const ROOT = '/compute/v2\\.1';

/** Brings everything to where time has brought it. */
export function settle(state: OpenStackState): void {
  const { servers, volumes } = state;
  for (const each of [...servers, ...volumes]) {
    if (each.next === undefined || Date.now() < each.next.at) continue;
    each.status = each.next.status;
    each.next = undefined;
    if ('task' in each) (each as FakeServer).task = null;
  }
  for (const server of servers.filter(({ status }) => status === 'DELETED')) {
    drop(servers, server);
    for (const volume of volumes.filter(({ id }) => server.volumes.includes(id))) volume.status = 'available';
  }
}

/** Nova: docs.openstack.org/api-ref/compute. */
export function serverRoutes(state: OpenStackState): readonly RestRoute[] {
  const { servers, keypairs, delayMs } = state;
  const keypair = (name: unknown) => keypairs.find(({ body }) => body.name === name);
  return [
    ['GET', new RegExp(`${ROOT}/os-keypairs`), () => ({ keypairs: keypairs.map(({ body }) => ({ keypair: body })) })],
    [
      'GET',
      new RegExp(`${ROOT}/os-keypairs/([^/]+)`),
      ({ parts: [name] }) => {
        const found = keypair(name);
        if (found === undefined) throw new RestFailure(404, 'itemNotFound', `Keypair ${name} not found`);
        return { keypair: found.body };
      },
    ],
    [
      'POST',
      new RegExp(`${ROOT}/os-keypairs`),
      ({ body }) => {
        const asked = body.keypair as Body;
        if (keypair(asked.name) !== undefined)
          throw new RestFailure(409, 'conflictingRequest', `Key pair '${asked.name}' already exists.`);
        keypairs.push(made(asked));
        return { keypair: asked };
      },
    ],
    [
      'DELETE',
      new RegExp(`${ROOT}/os-keypairs/([^/]+)`),
      ({ parts: [name] }) => {
        const found = keypair(name);
        if (found === undefined) throw new RestFailure(404, 'itemNotFound', `Keypair ${name} not found`);
        drop(keypairs, found);
        return new RestAnswer(202, undefined);
      },
    ],
    [
      'GET',
      new RegExp(`${ROOT}/servers/detail`),
      (call) => {
        settle(state);
        return page(
          'servers',
          servers.map((each) => shown(state, each, call)),
          call,
        );
      },
    ],
    [
      'GET',
      new RegExp(`${ROOT}/servers/([^/]+)`),
      (call) => {
        settle(state);
        return { server: shown(state, one(servers, call.parts[0]), call) };
      },
    ],
    [
      'POST',
      new RegExp(`${ROOT}/servers`),
      ({ body }) => new RestAnswer(202, { server: { id: newServer(state, body).id } }),
    ],
    [
      'DELETE',
      new RegExp(`${ROOT}/servers/([^/]+)`),
      ({ parts: [id] }) => {
        settle(state);
        const server = one(servers, id);
        server.task = 'deleting';
        server.next = { status: 'DELETED', at: Date.now() + delayMs };
        return undefined;
      },
    ],
    [
      'POST',
      new RegExp(`${ROOT}/servers/([^/]+)/action`),
      ({ parts: [id], body }) => {
        settle(state);
        act(one(servers, id), Object.keys(body)[0] ?? '', delayMs);
        return new RestAnswer(202, undefined);
      },
    ],
  ];
}

function newServer(state: OpenStackState, { server: asked, 'os:scheduler_hints': hints }: Body): FakeServer {
  const body = { ...(asked as Body), hints };
  assertServer(state, body);
  const mapped = (body as Body).block_device_mapping_v2 as readonly { readonly uuid: string }[] | undefined;
  const server: FakeServer = {
    ...made(body, 'BUILD'),
    task: 'spawning',
    ports: ((body as Body).networks as readonly { readonly uuid: string }[]).map(({ uuid }) => ({
      id: randomUUID(),
      network_id: uuid,
    })),
    volumes: (mapped ?? []).map(({ uuid }) => uuid),
  };
  server.next = { status: state.noHost ? 'ERROR' : 'ACTIVE', at: Date.now() + state.delayMs };
  for (const volume of state.volumes.filter(({ id }) => server.volumes.includes(id))) volume.status = 'in-use';
  state.servers.push(server);
  return server;
}

function assertServer(state: OpenStackState, body: Body): void {
  const wrong = (message: string): RestFailure => new RestFailure(400, 'badRequest', message);
  if (!FLAVORS.some(({ id }) => id === body.flavorRef)) throw wrong('Invalid flavorRef provided.');
  const mapped = body.block_device_mapping_v2 as readonly { readonly uuid: string }[] | undefined;
  if (mapped === undefined && !IMAGES.some(({ id }) => id === body.imageRef)) throw wrong('Invalid imageRef provided.');
  for (const { uuid } of mapped ?? []) {
    settle(state);
    if (one(state.volumes, uuid).status !== 'available') throw wrong(`Block Device Mapping is Invalid: volume ${uuid}`);
  }
  if (!state.keypairs.some(({ body: { name } }) => name === body.key_name)) throw wrong('Invalid key_name provided.');
  if (body.availability_zone !== undefined && !ZONES.includes(String(body.availability_zone)))
    throw wrong('The requested availability zone is not available');
  const networks = body.networks as readonly { readonly uuid: string }[];
  if (networks.length === 0) throw wrong('Invalid input for field/attribute networks.');
  for (const { uuid } of networks)
    if (!state.networks.some((name) => uuid === `net-${name}`)) throw wrong(`Network ${uuid} could not be found.`);
  for (const { name } of body.security_groups as readonly { readonly name: string }[])
    if (name !== 'group-default' && !state.groups.some(({ id }) => id === name))
      throw wrong(`Security group ${name} not found for project.`);
  if (state.servers.length >= state.limit)
    throw new RestFailure(
      403,
      'forbidden',
      'Quota exceeded for instances: Requested 1, but already used 1 of 1 instances',
    );
}

function act(server: FakeServer, action: string, delayMs: number): void {
  if (server.task !== null)
    throw new RestFailure(
      409,
      'conflictingRequest',
      `Cannot '${action}' instance ${server.id} while it is in task_state ${server.task}`,
    );
  const [from, task, to] =
    {
      'os-start': ['SHUTOFF', 'powering-on', 'ACTIVE'],
      'os-stop': ['ACTIVE', 'powering-off', 'SHUTOFF'],
      reboot: ['ACTIVE', 'rebooting', 'ACTIVE'],
      resume: ['SUSPENDED', 'resuming', 'ACTIVE'],
      unpause: ['PAUSED', 'unpausing', 'ACTIVE'],
    }[action] ?? [];
  if (from === undefined || task === undefined || to === undefined)
    throw new RestFailure(400, 'badRequest', `There is no such action: ${action}`);
  if (server.status !== from)
    throw new RestFailure(
      409,
      'conflictingRequest',
      `Cannot '${action}' instance ${server.id} while it is in vm_state ${server.status}`,
    );
  server.task = task;
  server.next = { status: to, at: Date.now() + delayMs };
}

function shown(state: OpenStackState, server: FakeServer, { headers }: RestCall): Body & { readonly id: string } {
  const { id, body, status, task, ports } = server;
  const flavor = FLAVORS.find((each) => each.id === body.flavorRef);
  const [, minor = '1'] = /^compute 2\.(\d+)$/.exec(String(headers['openstack-api-version'] ?? '')) ?? [];
  if (Number(minor) > Number(state.microversion.slice(2)))
    throw new RestFailure(406, 'computeFault', `Version 2.${minor} is not supported by the API.`);
  const fixed = ports.map(({ network_id }, at) => [
    network_id.replace('net-', ''),
    [
      { addr: `10.0.0.${4 + at}`, version: 4, 'OS-EXT-IPS:type': 'fixed' },
      { addr: `2001:db8:5::${4 + at}`, version: 6, 'OS-EXT-IPS:type': 'fixed' },
    ],
  ]);
  return {
    ...{ id, name: body.name, status, metadata: body.metadata, key_name: body.key_name },
    'OS-EXT-STS:task_state': task,
    'OS-EXT-AZ:availability_zone': status === 'BUILD' ? '' : (body.availability_zone ?? 'nova'),
    flavor: Number(minor) >= 47 ? { original_name: flavor?.name, vcpus: flavor?.vcpus } : { id: flavor?.id, links: [] },
    addresses: status === 'BUILD' ? {} : Object.fromEntries(fixed),
    ...(status === 'ERROR'
      ? { fault: { code: 500, message: 'No valid host was found. There are not enough hosts available.' } }
      : {}),
  };
}
