import { readFileSync } from 'node:fs';
import { copyFile, mkdtemp, rename, rm } from 'node:fs/promises';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { FakeEngine } from '../../../simulator/fake-engine.ts';
import { writeCertificate } from '../../../test/fakes/certificates.ts';
import { fakeIo } from '../../../test/fakes/fake-io.ts';
import { FakeManager } from '../../../test/fakes/fake-manager.ts';
import { run } from '../program.ts';
import { portsText } from './ps.ts';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

const CONTAINERS = [
  {
    Id: '0123456789ab'.padEnd(64, '0'),
    Names: ['/shop-redis-1', '/bee-1/shop-redis-1'],
    Image: 'redis',
    ImageID: 'sha256:x',
    Command: 'redis-server',
    Created: 1_700_000_000,
    Ports: [
      { PrivatePort: 6380, Type: 'tcp' },
      { IP: '10.0.0.1', PrivatePort: 6379, PublicPort: 32768, Type: 'tcp' },
    ],
    Labels: { app: 'shop' },
    State: 'running',
    Status: 'Up 5 minutes',
  },
  {
    Id: 'fedcba987654'.padEnd(64, '0'),
    Names: ['/lonely'],
    Image: 'busybox',
    ImageID: 'sha256:y',
    Created: 1_700_000_000,
    Ports: [],
    State: 'exited',
    Status: 'Exited (1) 2 hours ago',
  },
];

const INFO = {
  ServerVersion: 'enxame/0.1.0',
  Containers: 4,
  ContainersRunning: 3,
  ContainersPaused: 0,
  ContainersStopped: 1,
  Images: 7,
  NCPU: 4,
  MemTotal: 2 ** 32,
  Warnings: ['WARNING: node bee-2 (10.0.0.2:2376) is unhealthy: no answer within 2000 ms'],
  SystemStatus: [
    ['Role', 'primary'],
    ['Strategy', 'spread'],
    ['Filters', 'health, port'],
    ['Nodes', '2'],
    [' bee-1', '10.0.0.1:2376'],
    ['  └ ID', 'ABCD:EFGH'],
    ['  └ Status', 'Healthy'],
    ['  └ Containers', '3 (3 Running, 0 Paused, 0 Stopped)'],
    ['  └ Reserved CPUs', '0.5 / 2'],
    ['  └ Reserved Memory', '64 MiB / 1.9 GiB'],
    ['  └ Labels', 'storagedriver=overlay2, zone=z1'],
    ['  └ UpdatedAt', '2026-01-02T03:04:05.000Z'],
    ['  └ ServerVersion', '28.5.2'],
    [' bee-2', '10.0.0.2:2376'],
    ['  └ ID', 'IJKL'],
    ['  └ Status', 'Unhealthy'],
    ['  └ Availability', 'Pause'],
    ['  └ Containers', '1 (0 Running, 0 Paused, 1 Stopped)'],
    ['  └ Reserved CPUs', '0 / 2'],
    ['  └ Reserved Memory', '0 B / 1.9 GiB'],
    ['  └ Labels', ''],
    ['  └ Error', 'no answer within 2000 ms'],
    ['  └ UpdatedAt', 'never'],
    ['  └ ServerVersion', '20.10.24'],
  ],
};

interface TestManager {
  readonly address: string;
  readonly requests: IncomingMessage[];
}

async function listen(server: Server, where: { path: string } | { port: number; host: string }): Promise<string> {
  await new Promise<void>((resolve) => server.listen(where, resolve));
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  return 'path' in where ? `unix://${where.path}` : `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A manager that answers the two calls, or `answer` to everything. */
function handler(requests: IncomingMessage[], answer?: { status: number; body: string }): RequestListener {
  return (request, response) => {
    requests.push(request);
    const body = request.url?.startsWith('/containers/json') ? CONTAINERS : INFO;
    response.writeHead(answer?.status ?? 200, { 'Content-Type': 'application/json' });
    response.end(answer?.body ?? JSON.stringify(body));
  };
}

async function manager(answer?: { status: number; body: string }): Promise<TestManager> {
  const requests: IncomingMessage[] = [];
  const address = await listen(createServer(handler(requests, answer)), { host: '127.0.0.1', port: 0 });
  return { address, requests };
}

interface Result {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function enxame(words: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Result> {
  const io = fakeIo(env);
  const code = await run(words, io);
  return { code, out: io.stdout(), err: io.stderr() };
}

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'enxame-views-'));
  closing.push(() => rm(path, { recursive: true, force: true }));
  return path;
}

describe('enxame ps', () => {
  test('shows each container with its node', async () => {
    const { address, requests } = await manager();
    const { code, out, err } = await enxame(['ps', '-H', address]);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['NODE', 'CONTAINER ID', 'NAME', 'IMAGE', 'STATUS', 'PORTS'],
      ['bee-1', '0123456789ab', 'shop-redis-1', 'redis', 'Up 5 minutes', '10.0.0.1:32768->6379/tcp, 6380/tcp'],
      ['', 'fedcba987654', 'lonely', 'busybox', 'Exited (1) 2 hours ago'],
      [''],
    ]);
    expect(requests[0]?.url).toBe('/containers/json?');
    expect(requests[0]?.headers['user-agent']).toMatch(/^enxame\//);
  });

  test('passes filters on as the API wants them', async () => {
    const { address, requests } = await manager();
    await enxame(['ps', '-a', '-H', address, '-f', 'status=exited', '--filter', 'label=a=b', '-f', 'label=c']);
    const query = new URL(requests[0]?.url ?? '', 'http://x').searchParams;
    expect(query.get('all')).toBe('1');
    expect(JSON.parse(query.get('filters') ?? '')).toEqual({ status: ['exited'], label: ['a=b', 'c'] });
  });

  test.each([
    [['-q'], '0123456789ab\nfedcba987654\n'],
    [['--format', '{{.Node}}:{{.Name}} {{.State}}'], 'bee-1:shop-redis-1 running\n:lonely exited\n'],
    [['--format', 'table {{.Node}}\\t{{.ID}}'], 'NODE    ID\nbee-1   0123456789ab\n        fedcba987654\n'],
    [['-q', '--no-trunc'], `${CONTAINERS.map(({ Id }) => `${Id}\n`).join('')}`],
  ])('%j', async (flags, expected) => {
    const { address } = await manager();
    expect(await enxame(['ps', '-H', address, ...flags])).toEqual({ code: 0, out: expected, err: '' });
  });

  test('as json is an object a line', async () => {
    const { address } = await manager();
    const { out } = await enxame(['ps', '-H', address, '--format', 'json']);
    expect(
      out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toMatchObject([
      { Node: 'bee-1', Name: 'shop-redis-1', Labels: { app: 'shop' }, CreatedAt: '2023-11-14T22:13:20.000Z' },
      { Node: '', Name: 'lonely', Command: '' },
    ]);
  });

  test('wants filters with a value', async () => {
    const { code, err } = await enxame(['ps', '-f', 'exited']);
    expect([code, err]).toEqual([2, expect.stringContaining('--filter "exited" should be like status=exited')]);
  });
});

test.each([
  [[], ''],
  [[{ IP: '::1', PrivatePort: 80, PublicPort: 8080, Type: 'udp' }], '[::1]:8080->80/udp'],
  [
    [
      { PrivatePort: 443, Type: 'tcp' },
      { PrivatePort: 80, Type: 'tcp' },
    ],
    '80/tcp, 443/tcp',
  ],
])('ports %j', (ports, text) => {
  expect(portsText(ports)).toBe(text);
});

describe('enxame nodes', () => {
  test('shows state, load and what is wrong', async () => {
    const { address } = await manager();
    const { code, out } = await enxame(['nodes'], { DOCKER_HOST: address });
    expect(code).toBe(0);
    expect(out.split('\n').map((line) => line.split(/ {2,}/))).toEqual([
      ['NAME', 'ADDRESS', 'STATUS', 'CONTAINERS', 'CPUS', 'MEMORY', 'VERSION', 'ERROR'],
      ['bee-1', '10.0.0.1:2376', 'Healthy', '3 of 3 running', '0.5 / 2', '64 MiB / 1.9 GiB', '28.5.2'],
      [
        'bee-2',
        '10.0.0.2:2376',
        'Unhealthy, paused',
        '0 of 1 running',
        '0 / 2',
        '0 B / 1.9 GiB',
        '20.10.24',
        'no answer within 2000 ms',
      ],
      [''],
    ]);
  });

  test.each([
    [['-q'], 'bee-1\nbee-2\n'],
    [['--format', '{{.Name}} {{.Labels}} {{.ID}}'], 'bee-1 storagedriver=overlay2, zone=z1 ABCD:EFGH\nbee-2  IJKL\n'],
  ])('%j', async (flags, expected) => {
    const { address } = await manager();
    expect((await enxame(['nodes', '-H', address, ...flags])).out).toBe(expected);
  });

  test('of a plain engine says that it is one', async () => {
    const engine = await FakeEngine.start();
    closing.push(() => engine.close());
    const { code, err } = await enxame(['nodes', '-H', engine.address]);
    expect([code, err]).toEqual([
      1,
      `enxame: nodes: ${engine.address} is a Docker engine, not a manager (it has no nodes). Give the address of 'enxame manage' with -H\n`,
    ]);
  });
});

describe('enxame info', () => {
  test('sums up', async () => {
    const { address } = await manager();
    const { code, out } = await enxame(['info', '-H', address]);
    expect(code).toBe(0);
    expect(out).toBe(
      [
        `Manager:    ${address} (enxame/0.1.0, primary)`,
        'Strategy:   spread',
        'Filters:    health, port',
        'Nodes:      2 (1 healthy, 1 unhealthy)',
        'Containers: 4 (3 running, 0 paused, 1 stopped)',
        'Images:     7',
        'CPUs:       4',
        'Memory:     4.0 GiB',
        'WARNING: node bee-2 (10.0.0.2:2376) is unhealthy: no answer within 2000 ms',
        '',
      ].join('\n'),
    );
  });

  test('as json and template', async () => {
    const { address } = await manager();
    const { out } = await enxame(['info', '-H', address, '--format', 'json']);
    expect(JSON.parse(out)).toMatchObject({ Nodes: 2, States: { Healthy: 1, Unhealthy: 1 }, MemoryBytes: 2 ** 32 });
    const templated = await enxame(['info', '-H', address, '--format', '{{.Running}}/{{.Containers}}']);
    expect(templated.out).toBe('3/4\n');
    const wrong = await enxame(['info', '-H', address, '--format', '{{.Nope}}']);
    expect([wrong.code, wrong.err]).toEqual([2, expect.stringContaining('unknown field .Nope')]);
  });
});

describe('the way to the manager', () => {
  test('may be a unix socket', async () => {
    const address = await listen(createServer(handler([])), { path: join(await folder(), 'm.sock') });
    expect((await enxame(['nodes', '-q', '-H', address])).out).toBe('bee-1\nbee-2\n');
  });

  test('may be mutual TLS, by flags and as docker is told', async () => {
    const path = await folder();
    await writeCertificate(path, 'cert');
    await rename(join(path, 'cert-key.pem'), join(path, 'key.pem'));
    await copyFile(join(path, 'cert.pem'), join(path, 'ca.pem'));
    const pem = (name: string): Buffer => readFileSync(join(path, `${name}.pem`));
    const options = { ca: pem('ca'), cert: pem('cert'), key: pem('key'), requestCert: true, rejectUnauthorized: true };
    const address = await listen(createTlsServer(options, handler([])), { host: '127.0.0.1', port: 0 });
    const files = ['ca', 'cert', 'key'].map(
      (name) => `--tls${name === 'ca' ? 'cacert' : name}=${join(path, `${name}.pem`)}`,
    );

    expect(await enxame(['nodes', '-q', '-H', address, '--tlsverify', ...files])).toEqual({
      code: 0,
      out: 'bee-1\nbee-2\n',
      err: '',
    });
    const env = { DOCKER_HOST: address, DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: path };
    expect((await enxame(['nodes', '-q'], env)).out).toBe('bee-1\nbee-2\n');
    expect((await enxame(['nodes', '-q', '-H', address, '--tls', ...files.slice(1)])).out).toBe('bee-1\nbee-2\n');

    const plain = await enxame(['nodes', '-H', address]);
    expect([plain.code, plain.err]).toEqual([1, expect.stringMatching(/does not speak plain HTTP.*--tlsverify/)]);
    await writeCertificate(path, 'other');
    const stranger = [`--tlscacert=${join(path, 'other.pem')}`];
    const refused = await enxame(['nodes', '-H', address, '--tlsverify', ...stranger]);
    expect([refused.code, refused.err]).toEqual([
      1,
      expect.stringMatching(/^enxame: nodes: TLS with .*Check --tlscacert/),
    ]);
  });

  test('is said not to speak TLS when it does not', async () => {
    const { address } = await manager();
    const path = await folder();
    await writeCertificate(path, 'ca');
    const { code, err } = await enxame(['nodes', '-H', address, '--tlsverify', `--tlscacert=${join(path, 'ca.pem')}`]);
    expect([code, err]).toEqual([1, expect.stringContaining(`${address} does not speak TLS`)]);
  });

  test.each([
    ['ps', 'tcp://127.0.0.1:9', 'ECONNREFUSED'],
    ['nodes', 'unix:///nowhere/m.sock', 'ENOENT'],
  ])('%s at %s: no listener', async (command, address, code) => {
    expect(await enxame([command, '-H', address])).toEqual({
      code: 1,
      out: '',
      err: `enxame: ${command}: no manager answers at ${address} (${code}). Start one with 'enxame manage DISCOVERY', or give its address with -H or $DOCKER_HOST\n`,
    });
  });

  test.each(['ssh://root@bee', 'bee', '10.0.0.1:99999', 'unix://', 'ftp://a:1'])(
    '%s is no address',
    async (address) => {
      const { code, err } = await enxame(['ps', '-H', address]);
      expect([code, err]).toEqual([2, expect.stringContaining(`"${address}" is not the address of a manager`)]);
    },
  );

  test.each([
    [{ status: 500, body: '{"message":"out of order"}' }, ' failed: out of order'],
    [{ status: 200, body: '<html>' }, 'does not answer like a manager (200: "<html>")'],
  ])('with %j as the answer', async (answer, message) => {
    const { address } = await manager(answer);
    const { code, err } = await enxame(['info', '-H', address]);
    expect([code, err]).toEqual([1, expect.stringContaining(message)]);
  });

  test('that breaks off is a failure', async () => {
    const server = createServer((_request, response) => {
      response.writeHead(200, { 'Content-Length': 1000 });
      response.write('{', () => response.destroy());
    });
    const address = await listen(server, { host: '127.0.0.1', port: 0 });
    expect((await enxame(['info', '-H', address])).code).toBe(1);
  });
});

test('a real manager is shown as it is', async () => {
  await using swarm = await FakeManager.start([
    { name: 'bee-1', containers: [{ name: 'web', image: 'nginx' }], cpus: 2 },
    { name: 'bee-2', containers: [{ name: 'old', state: 'exited' }] },
  ]);
  const ask = (...words: string[]): Promise<Result> => enxame(words, { DOCKER_HOST: swarm.url });
  expect((await ask('ps', '--format', '{{.Node}} {{.Name}} {{.Image}} {{.State}}')).out).toBe(
    'bee-1 web nginx running\n',
  );
  const all = await ask('ps', '-a', '--filter', 'status=exited', '--format', '{{.Node}} {{.Name}}');
  expect(all.out).toBe('bee-2 old\n');
  expect((await ask('nodes', '--format', '{{.Name}} {{.Status}} {{.Containers}} {{.ReservedCPUs}}')).out).toBe(
    'bee-1 Healthy 1 (1 Running, 0 Paused, 0 Stopped) 0 / 2\nbee-2 Healthy 1 (0 Running, 0 Paused, 1 Stopped) 0 / 8\n',
  );
  const { code, out } = await ask('info');
  expect([code, out]).toEqual([0, expect.stringContaining('Nodes:      2 (2 healthy)')]);
});

test.each(['ps', 'nodes', 'info'])('%s --help teaches', async (command) => {
  const { code, out } = await enxame([command, '--help']);
  expect(code).toBe(0);
  for (const text of ['Examples:', '--format', '$DOCKER_HOST', '--tlsverify']) expect(out).toContain(text);
});

describe('at 80 columns', () => {
  async function at80(words: readonly string[], answers: { containers?: unknown; info?: unknown }): Promise<string> {
    const { address } = await managerOf((request, response) => {
      const body = request.url?.startsWith('/containers/json') ? answers.containers : answers.info;
      response.end(JSON.stringify(body));
    });
    const io = fakeIo({ NO_COLOR: '1' }, { columns: 80 });
    expect(await run([...words, '-H', address], io)).toBe(0);
    return io.stdout();
  }

  async function managerOf(answer: RequestListener): Promise<{ address: string }> {
    return { address: await listen(createServer(answer), { host: '127.0.0.1', port: 0 }) };
  }

  test('ps has every name, address and state whole', async () => {
    const names = ['/storefront-checkout-worker-12', '/hive-node-eu-central-17/storefront-checkout-worker-12'];
    const ports = [8080, 8443, 9090].map((port) => ({
      IP: '203.0.113.117',
      PrivatePort: port,
      PublicPort: port,
      Type: 'tcp',
    }));
    const container = {
      ...CONTAINERS[0],
      ...{
        Names: names,
        Image: 'registry.example.com/team/checkout:2026',
        Ports: ports,
        Status: 'Up 5 minutes (unhealthy)',
      },
    };
    const out = await at80(['ps'], { containers: [container, ...CONTAINERS] });
    const texts = ['hive-node-eu-central-17', 'storefront-checkout-worker-12', 'Up 5 minutes (unhealthy)'];
    const addresses = ports.map(({ PublicPort }) => `203.0.113.117:${PublicPort}->${PublicPort}/tcp`);
    for (const text of [...texts, ...addresses, 'shop-redis-1', '10.0.0.1:32768->6379/tcp', '6380/tcp'])
      expect(out).toContain(text);
    expect(out).not.toContain('…');
  });

  test('nodes and info have every name, address and error whole', async () => {
    const error = `Error: ${'the engine was lost and did not answer '.repeat(4)}in the end`;
    const rows = INFO.SystemStatus.map(([name, value]) => [
      name === ' bee-2' ? ' hive-node-eu-central-17-with-a-name' : name,
      name === ' bee-2' ? '[2001:db8:85a3::8a2e:370:7334]:2376' : name?.endsWith('Error') ? error : value,
    ]);
    const info = { ...INFO, SystemStatus: rows };
    const out = await at80(['nodes'], { info });
    for (const text of [
      'bee-1',
      '10.0.0.1:2376',
      'hive-node-eu-central-17-with-a-name',
      '[2001:db8:85a3::8a2e:370:7334]:2376',
      error,
    ])
      expect(out).toContain(text);
    const summary = await at80(['info'], { info });
    for (const text of ['2 (1 healthy, 1 unhealthy)', ...INFO.Warnings]) expect(summary).toContain(text);
  });
});
