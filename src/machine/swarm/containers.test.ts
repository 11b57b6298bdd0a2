import { describe, expect, it } from 'vitest';
import { ROLE_LABEL } from '../../common/labels.ts';
import type { SwarmSettings } from '../record.ts';
import { AGENT_NAME, MANAGER_NAME, type SwarmPlan, swarmContainers } from './containers.ts';

const SWARM: SwarmSettings = {
  isMaster: true,
  isMember: true,
  discovery: 'token://10.0.0.9/v1/abc',
  discoveryOptions: [],
  strategy: 'binpack',
  host: 'tcp://0.0.0.0:3376',
  image: 'self',
  options: [],
  joinOptions: [],
};
const FILES = {
  folder: '/etc/docker',
  ca: '/etc/docker/ca.pem',
  cert: '/etc/docker/server.pem',
  key: '/etc/docker/server-key.pem',
};

function commands(swarm: Partial<SwarmSettings>, more: Partial<SwarmPlan> = {}): Record<string, string> {
  const plan: SwarmPlan = {
    swarm: { ...SWARM, ...swarm },
    engine: { port: 2376 },
    ip: '10.0.0.1',
    image: 'enxame:1',
    certificates: FILES,
    ...more,
  };
  return Object.fromEntries(swarmContainers(plan).map(({ name, body }) => [name, (body.Cmd as string[]).join(' ')]));
}

describe('swarmContainers', () => {
  it('runs no agent for a machine in the mesh: that is a service of the machine', () => {
    expect(Object.keys(commands({ isMesh: true }))).toEqual([MANAGER_NAME]);
  });

  it.each(['nodes://10.0.0.1:2376', '10.0.0.[1:3]:2376', 'tcp://10.0.0.1:2376', 'FILE:///etc/enxame/nodes'])(
    'runs no agent where engines are listed: %s',
    (list) => {
      expect(Object.keys(commands({ discovery: list }))).toEqual([MANAGER_NAME]);
    },
  );

  it('runs manager and agent with the certificates of the machine', () => {
    const tls =
      '--tlsverify --tlscacert /etc/docker/ca.pem --tlscert /etc/docker/server.pem --tlskey /etc/docker/server-key.pem';
    expect(commands({})).toEqual({
      [MANAGER_NAME]: `manage --host tcp://0.0.0.0:3376 --strategy binpack ${tls} token://10.0.0.9/v1/abc`,
      [AGENT_NAME]: 'join --advertise 10.0.0.1:2376 token://10.0.0.9/v1/abc',
    });
  });

  it('runs the agent alone on a member, and the manager alone where the master is no member', () => {
    expect(Object.keys(commands({ isMaster: false }))).toEqual([AGENT_NAME]);
    expect(Object.keys(commands({ isMember: false }))).toEqual([MANAGER_NAME]);
  });

  it.each([
    { addr: '203.0.113.7', agent: '203.0.113.7:2376', manager: '203.0.113.7:3376' },
    { addr: '203.0.113.7:9999', agent: '203.0.113.7:9999', manager: '203.0.113.7:9999' },
    { addr: 'queen.example.com', agent: 'queen.example.com:2376', manager: 'queen.example.com:3376' },
    { addr: 'fe80::1', agent: '[fe80::1]:2376', manager: '[fe80::1]:3376' },
    { addr: '[fe80::1]:9999', agent: '[fe80::1]:9999', manager: '[fe80::1]:9999' },
    { addr: undefined, agent: '10.0.0.1:2376', manager: '10.0.0.1:3376' },
  ])('really uses --swarm-addr $addr', ({ addr, agent, manager }) => {
    const all = commands({ addr, options: ['replication'] });
    expect(all[AGENT_NAME]).toContain(`--advertise ${agent} `);
    expect(all[MANAGER_NAME]).toContain(`--advertise ${manager} --replication `);
  });

  it('shares records as the plan of the masters says, in their store or in that of discovery', () => {
    const store = 'etcd://10.0.0.1:2379,10.0.0.2:2379';
    const files = 'kv.cacertfile=/etc/docker/ca.pem --replication-store-opt kv.certfile=/etc/docker/server.pem';
    const shared = commands({}, { replication: { store, advertise: '10.0.0.1:3376' } })[MANAGER_NAME];
    expect(shared).toContain(`--replication --advertise 10.0.0.1:3376 --replication-store ${store}`);
    expect(shared).toContain(`--replication-store-opt ${files} --replication-store-opt kv.keyfile=`);
    const own = { discovery: 'etcd://h/x', options: ['replication'] };
    const said = commands(own, { replication: { store: undefined, advertise: '10.0.0.1:3376' } })[MANAGER_NAME] ?? '';
    expect(said).toMatch(/--advertise 10\.0\.0\.1:3376 --replication etcd:/);
    expect(said.match(/--replication\b/g)).toHaveLength(1);
  });

  it('tells replicas the port the manager really has', () => {
    expect(commands({ host: 'tcp://0.0.0.0:4000', options: ['replication'] })[MANAGER_NAME]).toContain(
      '--advertise 10.0.0.1:4000',
    );
  });

  it('hands options on to the one they are for, and discovery options to both', () => {
    const all = commands({
      options: ['heartbeat=20s'],
      joinOptions: ['--ttl=60s'],
      discoveryOptions: ['token.insecure=true'],
    });
    expect(all[MANAGER_NAME]).toMatch(/--discovery-opt token\.insecure=true --heartbeat=20s token:/);
    expect(all[AGENT_NAME]).toMatch(/--discovery-opt token\.insecure=true --ttl=60s token:/);
  });

  it('runs no manager without certificates', () => {
    expect(() => commands({}, { certificates: undefined })).toThrow(/a manager without them would be open to all/);
    expect(Object.keys(commands({ isMaster: false }, { certificates: undefined }))).toEqual([AGENT_NAME]);
  });

  it('marks its containers, keeps them running, and tells when they have to change', () => {
    const plan: SwarmPlan = {
      swarm: SWARM,
      engine: { port: 2376 },
      ip: '10.0.0.1',
      image: 'enxame:1',
      certificates: FILES,
    };
    const [manager, agent] = swarmContainers(plan);
    expect(manager?.body).toMatchObject({
      Labels: { [ROLE_LABEL]: 'manager' },
      HostConfig: { RestartPolicy: { Name: 'always' } },
    });
    expect(agent?.body).toMatchObject({ Labels: { [ROLE_LABEL]: 'agent' } });
    expect(swarmContainers(plan).map(({ digest }) => digest)).toEqual([manager?.digest, agent?.digest]);
    const changed = swarmContainers({ ...plan, ip: '10.0.0.2' });
    expect(changed[0]?.digest).toBe(manager?.digest);
    expect(changed[1]?.digest).not.toBe(agent?.digest);
  });
});
