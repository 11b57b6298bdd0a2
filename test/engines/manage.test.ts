import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import http from 'node:http';
import https from 'node:https';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { LatestStats } from '../../src/api/routes/stats.ts';
import { run } from '../../src/common/command.ts';
import { clientPath } from '../../src/lab/clients.ts';
import { type CommandResult, type Credentials, type Lab, startLab } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/namespaces/processes.ts';
import type { ShownBill } from '../../src/prices/shown-bill.ts';
import { SmallDisk } from '../fakes/small-disk.ts';
import { freePort } from '../free-ports.ts';
import { startListServer } from '../price-lists/list-server.ts';
import { type EnxameProcess, enxame } from './enxame-process.ts';
import { startPrometheus } from './prometheus.ts';
import { Terminal } from './terminal.ts';
import { tidy } from './tidy.ts';

/** `enxame manage` as users start it: a process, TLS on both sides, real engines, real clients. */
let lab: Lab;
let folder: string;
const running: EnxameProcess[] = [];
/** For what needs no cluster networks: engines that are in no swarm need not leave it. */
const OFF = ['--cluster-opt', 'enxame.substrate=off'] as const;

beforeAll(async () => {
  const regions = { one: 'eu', two: 'eu', three: 'us' };
  const priced: Readonly<Record<string, string>> = { one: '5.83 EUR/month' };
  lab = await startLab({
    nodes: Object.entries(regions).map(([name, region]) => {
      const price = priced[name];
      return { name, labels: { region, ...(price === undefined ? {} : { 'io.enxame.price': price }) } };
    }),
  });
  await Promise.all(lab.nodes.map((node) => node.load(['busybox'])));
  folder = await mkdtemp(join(tmpdir(), 'enxame-manage-'));
});

afterEach(async () => {
  await Promise.all(running.splice(0).map((each) => each.end('SIGKILL')));
  await tidy(lab);
});

afterAll(async () => {
  await lab?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

function credentials(): NonNullable<Lab['certificates']> {
  if (!lab.certificates) throw new Error('the lab has no certificates');
  return lab.certificates;
}

function tlsFlags({ ca, cert, key }: Credentials = credentials().server): string[] {
  return ['--tlsverify', '--tlscacert', ca, '--tlscert', cert, '--tlskey', key];
}

function nodes(): string {
  return lab.nodes.map(({ endpoint }) => endpoint).join(',');
}

function start(...args: string[]): EnxameProcess {
  const manager = enxame(['manage', ...args]);
  running.push(manager);
  return manager;
}

async function allHealthy(manager: EnxameProcess, count: number = lab.nodes.length): Promise<void> {
  const healthy = (): number => (manager.said().match(/"node is healthy"/g) ?? []).length;
  await waitFor('the nodes to be healthy', () => healthy() >= count);
}

/** Starts a manager over all engines and returns its endpoint. */
async function manage(...args: string[]): Promise<{ manager: EnxameProcess; endpoint: string }> {
  const manager = start(...tlsFlags(), '-H', 'tcp://127.0.0.1:0', ...args, nodes());
  const [, endpoint = ''] = await manager.until(/Manager at ([^\s,]+)/);
  await allHealthy(manager);
  return { manager, endpoint };
}

async function cpusOf(name: string): Promise<number> {
  const { stdout = '' } =
    (await lab.nodes.find((node) => node.name === name)?.docker(['info', '-f', '{{.NCPU}}'])) ?? {};
  return Number(stdout);
}

async function docker(
  endpoint: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<CommandResult> {
  const client = await clientPath('docker', '28.5');
  return run(client.command, [...client.args, ...args], {
    env: { ...client.env, ...lab.dockerEnv(endpoint), ...env },
    timeoutMs: 500_000,
  });
}

/** A client that streams; resolves once something came. */
async function follow(endpoint: string, args: readonly string[]): Promise<{ readonly ended: Promise<unknown> }> {
  const { command, args: own, env } = await clientPath('docker', '28.5');
  const child = spawn(command, [...own, ...args], {
    env: { ...env, ...lab.dockerEnv(endpoint) },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'close');
  const early = ended.then(() => Promise.reject(new Error(`docker ${args.join(' ')} ended without a word`)));
  early.catch(() => undefined);
  await Promise.race([once(child.stdout, 'data'), early]);
  child.stdout.resume();
  return { ended };
}

describe('a manager', () => {
  test('serves clients over mutual TLS, and nobody else', async () => {
    const { manager, endpoint } = await manage('--state-dir', 'none');
    const made = await docker(endpoint, ['run', '-d', '--name', 'tls', '--network', 'none', 'busybox', 'sleep', '600']);
    expect(made).toMatchObject({ exitCode: 0 });
    const listed = await docker(endpoint, ['ps', '--format', '{{.Names}}']);
    expect(listed.stdout.trim()).toMatch(/^(one|two|three)\/tls$/);
    const { other, ca } = credentials();
    const path = await mkdtemp(join(folder, 'stranger-'));
    for (const [name, from] of Object.entries({ 'ca.pem': ca, 'cert.pem': other.cert, 'key.pem': other.key })) {
      await cp(from, join(path, name));
    }
    const stranger = await docker(endpoint, ['ps'], { DOCKER_CERT_PATH: path });
    expect(stranger.exitCode).not.toBe(0);
    // Go's client shows no certificate that none of our authorities issued.
    expect(stranger.stderr).toContain('remote error: tls: certificate required');
    const port = Number(new URL(endpoint).port);
    await expect(plainRequest(port)).rejects.toThrow();
    await manager.until(/"client":"127.0.0.1","reason":"the client shows no certificate"/);
    const plain = await fetch(`http://127.0.0.1:${port}/_ping`);
    expect([plain.status, await plain.text()]).toEqual([400, 'Client sent an HTTP request to an HTTPS server.\n']);
  });

  test('lets no web page in through a loopback listener', async () => {
    const sockets = lab.nodes.map(({ socketPath }) => `unix://${socketPath}`).join(',');
    const manager = start('-H', 'tcp://127.0.0.1:0', '--state-dir', 'none', ...OFF, sockets);
    const [, port = ''] = await manager.until(/Manager at tcp:\/\/127.0.0.1:(\d+)/);
    await allHealthy(manager);
    const create = (headers: Record<string, string>): Promise<number> =>
      postTo(Number(port), '/v1.44/containers/create?name=by-page', headers, '{"Image":"busybox"}');
    expect(await create({ 'Content-Type': 'text/plain' })).toBe(400);
    expect(await create({ 'Content-Type': 'application/json', Origin: 'https://evil.example' })).toBe(403);
    expect(await create({ 'Content-Type': 'application/json', Host: 'evil.example' })).toBe(403);
    expect(await create({ 'Content-Type': 'application/json' })).toBe(201);
    const removed = await plainDocker(`tcp://127.0.0.1:${port}`, ['rm', 'by-page']);
    expect(removed).toMatchObject({ exitCode: 0 });
  });

  test('ends what streams from an engine that hangs when it is lost', async () => {
    const { endpoint } = await manage('--state-dir', 'none', ...OFF);
    const on = ['-e', 'constraint:node==three', '--network', 'none'];
    await docker(endpoint, ['run', '-d', '--name', 'hung', ...on, 'busybox', 'sh', '-c', 'echo up; exec sleep 600']);
    const logs = docker(endpoint, ['logs', '-f', 'hung']);
    const streams = [logs, docker(endpoint, ['wait', 'hung']), docker(endpoint, ['exec', 'hung', 'sleep', '600'])];
    const node = lab.node('three');
    await waitFor(
      'the exec to run',
      async () => (await node.docker(['top', 'hung'])).stdout.match(/sleep 600/g)?.length === 2,
    );
    node.hang();
    const ends = await Promise.all(streams);
    for (const { exitCode } of ends) expect(exitCode).not.toBe(0);
  });

  test('is scraped by Prometheus, whose alerts tell of an engine that hangs', async () => {
    const { manager, endpoint } = await manage('--state-dir', 'none', '--metrics=tcp://127.0.0.1:0');
    const [, target = ''] = await manager.until(/Metrics at http:\/\/([^/]+)\/metrics/);
    const exposed = await (await fetch(`http://${target}/metrics`)).text();
    const checked = await run('promtool', ['check', 'metrics'], { input: exposed });
    // Names of the library's own that promtool does not like are not ours to choose.
    expect(checked.stdout + checked.stderr.replace(/^nodejs_.*\n/gm, '')).toBe('');
    await docker(endpoint, ['run', '-d', '--name', 'measured', '--network', 'none', 'busybox', 'sleep', '600']);
    const prometheus = await startPrometheus(await mkdtemp(join(folder, 'prometheus-')), target);
    const node = lab.node('two');
    try {
      const one = async (expression: string): Promise<number | undefined> =>
        [...(await prometheus.query(expression)).values()][0];
      const fires = async (alert: string): Promise<boolean> => (await prometheus.firing()).includes(alert);
      await waitFor('a scrape', async () => (await one('enxame_containers{state="running"}')) === 1);
      // While networks form an engine may have to join again: what that alert waits for in earnest ends by itself.
      await waitFor(
        'a cluster without alerts',
        async () => (await one('enxame_substrate_nodes')) === 3 && (await prometheus.firing()).length === 0,
      );
      node.hang();
      await waitFor('the alert', () => fires('EnxameNodeUnhealthy'));
      node.resume();
      await waitFor('its end', async () => !(await fires('EnxameNodeUnhealthy')));
      await manager.end('SIGKILL');
      await waitFor('the alert', () => fires('EnxameManagerDown'));
    } finally {
      await prometheus.close();
    }
  });

  test('has the logs of a service of all nodes in one, also of replicas that are restarted or recreated', async () => {
    const { endpoint } = await manage('--state-dir', 'none', ...OFF);
    const replica = (node: string, text: string): Promise<CommandResult> =>
      docker(endpoint, [
        ...['run', '-d', '--name', `web-${node}`, '--network', 'none', '-e', `constraint:node==${node}`],
        ...['--label', 'com.docker.compose.project=shop', '--label', 'com.docker.compose.service=web'],
        ...['busybox', 'sh', '-c', `for i in 1 2 3 4 5; do echo "${text} $i"; sleep 0.2; done; exec sleep 600`],
      ]);
    const made = await Promise.all(['one', 'two', 'three'].map((node) => replica(node, 'hello')));
    for (const each of made) expect(each).toMatchObject({ exitCode: 0 });
    const address = ['-H', endpoint, ...tlsFlags()];
    const following = enxame(['logs', '-f', ...address, 'shop']);
    running.push(following);
    for (const node of ['one', 'two', 'three']) await following.until(new RegExp(`${node}/web-${node} +\\| hello 5`));
    const whole = enxame(['logs', '-t', ...address, 'shop/web']);
    expect(await whole.ended(), whole.said()).toBe(0);
    const times = [...whole.said().matchAll(/\| (\S+Z) hello \d$/gm)].map(([, time]) => time ?? '');
    expect(times).toHaveLength(15);
    expect(times).toEqual([...times].sort());
    await docker(endpoint, ['restart', '-t', '0', 'web-one']);
    await following.until(/one\/web-one +\| hello 5[\s\S]*one\/web-one +\| hello 5/);
    await docker(endpoint, ['rm', '-f', 'web-two']);
    await replica('two', 'again');
    await following.until(/two\/web-two +\| again 5/);
    expect(await following.end('SIGINT')).toBe(0);
    expect(following.said().match(/hello 1$/gm)).toHaveLength(4);
  });

  test('shows live what nodes and containers use, in a terminal of 80 columns', async () => {
    const { endpoint } = await manage('--state-dir', 'none', ...OFF, '--stats', '1s');
    const on = (node: string): string[] => ['run', '-d', '--network', 'none', '-e', `constraint:node==${node}`];
    await docker(endpoint, [...on('one'), '--name', 'busy', 'busybox', 'sh', '-c', 'while :; do :; done']);
    await docker(endpoint, [...on('two'), '--name', 'idle', 'busybox', 'sh', '-c', 'echo said; exec sleep 600']);
    const address = ['-H', endpoint, ...tlsFlags()];
    const json = async (): Promise<LatestStats> => {
      const once = enxame(['top', '--json', ...address]);
      expect(await once.ended(), once.said()).toBe(0);
      return JSON.parse(once.said());
    };
    await waitFor('both to be measured', async () => {
      const { containers, nodes: used } = await json();
      expect(containers.map(({ name, node }) => `${node}/${name}`).sort()).toEqual(['one/busy', 'two/idle']);
      const [busy, idle] = ['busy', 'idle'].map((name) => containers.find((each) => each.name === name));
      const isMeasured = (busy?.cpus ?? 0) > (idle?.cpus ?? 1) && (idle?.memory ?? 0) > 0;
      return isMeasured && containers[0]?.name === 'busy' && (used.find(({ name }) => name === 'one')?.cpus ?? 0) > 0;
    });
    await using terminal = new Terminal(['top', '--interval', '500ms', ...address]);
    await terminal.shows(/busy +one +\d/);
    expect(Math.max(...terminal.lines().map((line) => line.length))).toBeLessThanOrEqual(80);
    terminal.type('/idle\r');
    await terminal.shows(/with "idle"/);
    await terminal.shows(/idle +two +\d/);
    terminal.type('l');
    await terminal.shows(/Log of two\/idle[\s\S]*said/);
    terminal.type('\u001bq');
    expect(await terminal.ended()).toBe(0);
  });

  test('says what the cluster costs: by labels of engines, a file, and a list that outlives the manager', async () => {
    const state = ['--state-dir', join(folder, 'prices'), ...OFF];
    const file = join(folder, 'prices.yml');
    await writeFile(file, 'currency: EUR\nprices:\n  - { node: two, price: 0.01 USD/h }\nrates: { EUR/USD: 1.25 }\n');
    const first = await manage(...state, '--prices', file);
    const cli = async (endpoint: string, ...args: readonly string[]): Promise<string> => {
      const once = enxame([...args, '-H', endpoint, ...tlsFlags()]);
      expect(await once.ended(), once.said()).toBe(0);
      return once.said();
    };
    const project = 'com.docker.compose.project=shop';
    const on = ['-e', 'constraint:node==one', '--cpus', '1', '--label', project, '--network', 'none'];
    const made = await docker(first.endpoint, ['run', '-d', '--name', 'priced', ...on, 'busybox', 'sleep', '600']);
    expect(made, made.stderr).toMatchObject({ exitCode: 0 });
    const bill: ShownBill = JSON.parse(await cli(first.endpoint, 'bill', '--format', 'json'));
    expect(bill.nodes.map(({ name, amount, source }) => [name, amount?.perMonth, source])).toEqual([
      ['one', '5.83', 'label io.enxame.price'],
      ['two', '5.84', `${file}:3`],
      ['three', undefined, undefined],
    ]);
    expect(bill).toMatchObject({
      currency: 'EUR',
      total: { nodes: 3, unpriced: 1 },
      rates: [`1 EUR = 1.25 USD (${file}:4)`],
    });
    // Half of what the node costs is its CPUs.
    const shop = bill.projects.find(({ name }) => name === 'shop')?.amounts[0];
    expect(Number(shop?.perMonth)).toBeCloseTo(5.83 / 2 / (await cpusOf('one')), 4);
    const labels = ['provider=vultr', 'region=ewr', 'instance-type=vc2-1c-1gb'].flatMap((each) => [
      '--label-add',
      each,
    ]);
    const labelled = await docker(first.endpoint, ['node', 'update', ...labels, 'three']);
    expect(labelled, labelled.stderr).toMatchObject({ exitCode: 0 });
    const plans = [{ id: 'vc2-1c-1gb', monthly_cost: 5, hourly_cost: 0.007, locations: ['ewr'] }];
    const list = await startListServer(() => ({
      content: { plans, meta: { total: 1, links: { next: '', prev: '' } } },
    }));
    await cli(first.endpoint, 'prices', 'update', '--url', `vultr=${list.url}`);
    await list.close();
    await first.manager.end('SIGKILL');
    const second = await manage(...state, '--prices', file);
    const table = await cli(second.endpoint, 'bill', '--by', 'node', '--rate', 'EUR/USD=2');
    expect(table).toMatch(/^11\.98 EUR a month/);
    expect(table).toMatch(/^three +vultr +ewr +vc2-1c-1gb +2\.50 EUR +0% +list of vultr, \d{4}-\d\d-\d\d$/m);
    expect(table).toContain('Converted: 1 EUR = 2 USD (--rate)');
  });

  test('killed with -9 loses nothing that engines hold, and starts again on the same folder', async () => {
    const state = join(folder, 'killed');
    const first = await manage('--state-dir', state);
    await docker(first.endpoint, [
      'run',
      '-d',
      '--name',
      'kept',
      '--network',
      'none',
      '-m',
      '64m',
      'busybox',
      'sleep',
      '600',
    ]);
    await first.manager.end('SIGKILL');
    const second = await manage('--state-dir', state);
    const { stdout } = await docker(second.endpoint, ['ps', '--format', '{{.Names}} {{.Status}}']);
    expect(stdout).toMatch(/\/kept Up/);
    await waitFor('its reservation to be known', async () =>
      (await docker(second.endpoint, ['info'])).stdout.includes('Reserved Memory: 64 MiB'),
    );
  });

  test('spreads what is in one group over regions first, also when all are created at once', async () => {
    const { endpoint } = await manage('--state-dir', 'none', ...OFF, '--spread-by', 'region');
    expect((await docker(endpoint, ['info'])).stdout).toContain('Spread by: region\n');
    const names = [1, 2, 3, 4].map((number) => `web-${number}`);
    const made = await Promise.all(
      names.map((name) =>
        docker(endpoint, ['create', '--name', name, '-l', 'io.enxame.group=web', '--network', 'none', 'busybox']),
      ),
    );
    expect(made.map(({ exitCode }) => exitCode)).toEqual([0, 0, 0, 0]);
    const { stdout } = await docker(endpoint, [
      'ps',
      '-a',
      '-f',
      'label=io.enxame.group=web',
      '--format',
      '{{.Names}}',
    ]);
    expect(stdout.match(/\w+(?=\/)/g)?.sort()).toEqual(['one', 'three', 'three', 'two']);
  });

  test('on SIGTERM ends streams cleanly and exits 0 by itself', async () => {
    const { manager, endpoint } = await manage('--state-dir', 'none');
    const script = 'echo said; exec sleep 600';
    await docker(endpoint, ['run', '-d', '--name', 'stream', '--network', 'none', 'busybox', 'sh', '-c', script]);
    const streams = await Promise.all([
      follow(endpoint, ['logs', '-f', 'stream']),
      follow(endpoint, ['events', '--since', '1']),
    ]);
    expect(await manager.end('SIGTERM')).toBe(0);
    await Promise.all(streams.map(({ ended }) => ended));
  });

  test('goes on after 100 MB of header, fuzzed bytes and clients that leave', async () => {
    const { endpoint } = await manage('--state-dir', 'none', ...OFF, '-H', `unix://${join(folder, 'api.sock')}`);
    expect(await floodHeader(join(folder, 'api.sock'))).toMatch(/^HTTP\/1\.1 431 /);
    for (let i = 0; i < 50; i++)
      net
        .connect(join(folder, 'api.sock'))
        .on('error', () => undefined)
        .end(Buffer.from(`\u0000GET /${'%'.repeat(i)} HTTP/9\r\n\r\n`));
    expect((await docker(endpoint, ['version', '--format', '{{.Server.Version}}'])).stdout).toMatch(/^enxame\//);
  });
});

describe('what a manager keeps', () => {
  /** The next life of a manager on a folder, with a discovery argument of its own; resolves once that many nodes are healthy. */
  async function live(
    state: string,
    discovery: string,
    healthy: number = lab.nodes.length,
  ): Promise<{ manager: EnxameProcess; endpoint: string }> {
    const manager = start(...tlsFlags(), '-H', 'tcp://127.0.0.1:0', '--state-dir', state, discovery);
    const [, endpoint = ''] = await manager.until(/Manager at ([^\s,]+)/);
    await allHealthy(manager, healthy);
    return { manager, endpoint };
  }

  test('is found again by other words of discovery while the database’s node is down: no second one is made', async () => {
    const state = join(folder, 'kept');
    const project = join(folder, 'shop.yaml');
    const service = (seconds: number): string =>
      `services:\n  db:\n    image: busybox\n    init: true\n    network_mode: none\n    command: sleep ${seconds}\n    volumes: [data:/data]\nvolumes:\n  data:\n`;
    await writeFile(project, service(600));
    const compose = (endpoint: string, ...args: string[]): Promise<CommandResult> =>
      docker(endpoint, ['compose', '-p', 'shop', '-f', project, ...args]);
    const first = await live(state, nodes());
    expect(await compose(first.endpoint, 'up', '-d')).toMatchObject({ exitCode: 0 });
    const id = (await docker(first.endpoint, ['info', '--format', '{{.ID}}'])).stdout;
    const where = await docker(first.endpoint, ['ps', '--no-trunc', '--format', '{{.Names}} {{.ID}}']);
    const [, name = '', container = ''] = /^(\w+)\/shop-db-1 ([0-9a-f]{64})$/.exec(where.stdout.trim()) ?? [];
    const home = lab.nodes.find((node) => node.name === name);
    await first.manager.end('SIGTERM');
    await home?.partition();
    await writeFile(
      join(folder, 'nodes'),
      lab.nodes
        .map(({ endpoint }) => `${endpoint}\n`)
        .reverse()
        .join(''),
    );
    const { manager, endpoint } = await live(state, `file://${join(folder, 'nodes')}`, lab.nodes.length - 1);
    await manager.until(/state: cluster [0-9a-f]{16}, found by (\d of its engines|the addresses of)/);
    expect((await docker(endpoint, ['info', '--format', '{{.ID}}'])).stdout).toBe(id);
    const down = await docker(endpoint, ['ps', '-a', '--format', '{{.Names}} {{.Status}}']);
    expect(down.stdout).toMatch(new RegExp(`^${name}/shop-db-1 Host Down[^\n]*\n$`));
    expect((await docker(endpoint, ['rename', container.slice(0, 12), 'other'])).stderr).toMatch(`is on node ${name}`);
    expect((await docker(endpoint, ['volume', 'ls', '-q'])).stdout.trim()).toBe('shop_data');
    const refused = await docker(endpoint, ['run', '-v', 'shop_data:/d', 'busybox', 'ls']);
    expect(refused.stderr).toMatch(`volume shop_data lives on node ${name}, which is unhealthy: `);
    expect((await docker(endpoint, ['create', '--name', 'shop-db-1', 'busybox'])).stderr).toMatch('is already in use');
    await writeFile(project, service(700));
    expect((await compose(endpoint, 'up', '-d')).exitCode).not.toBe(0);
    for (const node of lab.nodes) {
      if (node !== home) expect((await node.docker(['volume', 'ls', '-q'])).stdout).not.toContain('shop_data');
    }
    await home?.heal();
    await waitFor('the database', async () =>
      (await docker(endpoint, ['ps', '--format', '{{.Names}} {{.Status}}'])).stdout.includes('/shop-db-1 Up'),
    );
    expect(await compose(endpoint, 'up', '-d', '-t', '1')).toMatchObject({ exitCode: 0 });
    expect((await docker(endpoint, ['ps', '--format', '{{.Names}}'])).stdout.trim()).toBe(`${name}/shop-db-1`);
    // It leaves discovery for good.
    await writeFile(
      join(folder, 'nodes'),
      lab.nodes.flatMap((node) => (node === home ? [] : `${node.endpoint}\n`)).join(''),
    );
    const gone = `node ${name} .* is gone with 1 container and 1 volume on it`;
    await manager.until(new RegExp(gone));
    await expect.poll(async () => (await docker(endpoint, ['info'])).stderr).toMatch(new RegExp(gone));
    expect((await docker(endpoint, ['run', '-v', 'shop_data:/d', 'busybox', 'ls'])).exitCode).not.toBe(0);
    const { ca, cert, key } = credentials();
    const forget = enxame([
      'forget',
      name,
      '-H',
      endpoint,
      '--tlsverify',
      '--tlscacert',
      ca,
      '--tlscert',
      cert,
      '--tlskey',
      key,
    ]);
    expect(await forget.ended()).toBe(0);
    expect(await docker(endpoint, ['run', '--rm', '-v', 'shop_data:/d', 'busybox', 'ls', '/d'])).toMatchObject({
      exitCode: 0,
    });
  });

  test('and cannot write is refused, and is not there', async () => {
    using disk = SmallDisk.mount(600);
    if (!disk) throw new Error('a tmpfs is needed');
    const state = join(disk.folder, 'state');
    const first = await live(state, nodes());
    const forever = ['--network', 'none', '--restart', 'always', '--label', 'full=1', 'busybox', 'sleep', '3600'];
    for (const name of ['kept', 'gone'])
      expect(await docker(first.endpoint, ['run', '-d', '--name', name, ...forever])).toMatchObject({ exitCode: 0 });
    disk.fill();
    const made: string[] = [];
    let refused: CommandResult | undefined;
    for (let i = 0; i < 100 && !refused; i++) {
      const result = await docker(first.endpoint, ['volume', 'create', '--label', `l=${'x'.repeat(2_000)}`, `v${i}`]);
      if (result.exitCode === 0) made.push(`v${i}`);
      else refused = result;
    }
    expect(refused?.stderr).toMatch(/cannot be written: .*No space left on device/);
    const list = async (endpoint: string): Promise<string[]> =>
      (await docker(endpoint, ['volume', 'ls', '-q'])).stdout.split('\n').filter(Boolean).sort();
    expect(await list(first.endpoint)).toEqual([...made].sort());
    const run = await docker(first.endpoint, ['run', '-v', 'new:/d', '--network', 'none', 'busybox', 'true']);
    expect(run.stderr).toMatch(/cannot be written/);
    for (const node of lab.nodes) expect((await node.docker(['volume', 'ls', '-q'])).stdout).not.toContain('new');
    const containers = async (endpoint: string): Promise<string[]> => {
      const format = ['--filter', 'label=full', '--format', '{{.Names}} {{.State}}'];
      const { stdout } = await docker(endpoint, ['ps', '-a', ...format]);
      return stdout.split('\n').flatMap((line) => line.split('/').at(-1) || []);
    };
    const unmade = await docker(first.endpoint, ['create', '--name', 'lost', ...forever]);
    expect(unmade.stderr).toMatch(/cannot be written/);
    // Its engine removes it; that its record stays is told, and means nothing.
    expect((await docker(first.endpoint, ['rm', '-f', 'gone'])).stderr).toMatch(/cannot be written/);
    await waitFor('its end', async () => (await containers(first.endpoint)).join() === 'kept running');
    disk.free();
    expect(await docker(first.endpoint, ['volume', 'create', 'after'])).toMatchObject({ exitCode: 0 });
    expect(await docker(first.endpoint, ['stop', '-t', '0', 'kept'])).toMatchObject({ exitCode: 0 });
    await first.manager.end('SIGKILL');
    disk.seal();
    const sealed = start(...tlsFlags(), '-H', 'tcp://127.0.0.1:0', '--state-dir', state, nodes());
    expect(await sealed.ended()).toBe(1);
    expect(sealed.said()).toMatch(/^enxame: manage: cannot use the state folder .*Read-only file system.*\n$/);
    disk.seal(false);
    const second = await live(state, nodes());
    expect(await list(second.endpoint)).toEqual([...made, 'after'].sort());
    await waitFor('what was recorded', async () => (await containers(second.endpoint)).join() === 'kept exited');
    for (const node of lab.nodes)
      await expect.poll(async () => (await node.docker(['ps', '-a'])).stdout).not.toMatch(/gone|lost/);
  });
});

describe('one clear line for', () => {
  test('a second manager on the same folder', async () => {
    const state = join(folder, 'shared');
    await manage('--state-dir', state, ...OFF);
    const second = start(...tlsFlags(), '-H', 'tcp://127.0.0.1:0', '--state-dir', state, nodes());
    expect(await second.ended()).toBe(1);
    expect(second.said()).toMatch(/^enxame: manage: the state folder .* is in use by another process\..*\n$/);
  });

  test('a port in use', async () => {
    const holder = http.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => holder.once('listening', resolve));
    const { port } = holder.address() as net.AddressInfo;
    const refused = start('-H', `tcp://127.0.0.1:${port}`, '--state-dir', 'none', '127.0.0.1:1');
    expect(await refused.ended()).toBe(1);
    expect(refused.said()).toMatch(
      new RegExp(`^enxame: manage: .*127\\.0\\.0\\.1:${port}: another process has it\\..*\n$`),
    );
    holder.close();
  });

  test('engines that refuse the certificate, are plain, or are not there', async () => {
    const { other } = credentials();
    const manager = start(
      '-H',
      `unix://${join(folder, 'refused.sock')}`,
      '--state-dir',
      'none',
      '--tlsverify',
      '--tlscacert',
      credentials().ca,
      '--tlscert',
      other.cert,
      '--tlskey',
      other.key,
      `${lab.nodes[0]?.endpoint},tcp://${lab.nodes[1]?.endpoint},127.0.0.1:9`,
    );
    await manager.until(/Manager at/);
    const endpoint = `unix://${join(folder, 'refused.sock')}`;
    const reasons = [
      /WARNING: engine .*:2376 is pending: .*does the engine accept this client certificate/i,
      /WARNING: engine 127\.0\.0\.1:9 is pending: .*ECONNREFUSED/,
    ];
    await waitFor('the reasons', async () => {
      const { stderr } = await plainDocker(endpoint, ['info']);
      return stderr.split('WARNING: engine').length === 4 && reasons.every((reason) => reason.test(stderr));
    });
    const created = await plainDocker(endpoint, ['run', '-d', 'busybox']);
    expect(created.stderr).toMatch(/No healthy node available in the cluster: .*127\.0\.0\.1:9/);
    // Who only reads the log learns it too, each reason once.
    await manager.until(/"entry":"tcp:.*wants TLS: give --tlscacert.*"engine not reached"/);
    expect(manager.said().match(/ECONNREFUSED 127\.0\.0\.1:9/g)).toHaveLength(1);
  });

  test.each([
    [['mdns://a/b'], 2, /discovery service not supported/],
    [['nodes://10.0.0.[9:1]:2375'], 2, /range/],
    [['--strategy', 'nope', '127.0.0.1:1'], 2, /spread, binpack, random/],
    [['--filter', 'nope', '127.0.0.1:1'], 2, /unknown filter "nope"/],
    [['-H', 'tcp://0.0.0.0:0', '127.0.0.1:1'], 2, /--insecure/],
    [['--tlsverify', '127.0.0.1:1'], 2, /need --tlscert and --tlskey/],
    [['--cluster-opt', 'nope=1', '127.0.0.1:1'], 2, /unknown --cluster-opt "nope"/],
    [[], 2, /discovery argument is missing/],
  ])('%j', async (args, exitCode, message) => {
    const refused = start(...args);
    expect(await refused.ended()).toBe(exitCode);
    expect(refused.said()).toMatch(message);
    expect(refused.said().trim().split('\n')).toHaveLength(1);
  });
});

test('plain TCP to engines is warned of once', async () => {
  const manager = start('-H', `unix://${join(folder, 'plain.sock')}`, '--state-dir', 'none', '127.0.0.1:9,127.0.0.1:8');
  await manager.until(/engines are reached over plain TCP/);
  await manager.until(/Manager at/);
  await waitFor('both engines', async () => {
    const { stderr } = await plainDocker(`unix://${join(folder, 'plain.sock')}`, ['info']);
    return stderr.split('WARNING: engine').length === 3;
  });
  expect(manager.said().match(/engines are reached over plain TCP/g)).toHaveLength(1);
});

test('a manager can serve tokens too: one process is enough for a small swarm', async () => {
  const port = await freePort();
  const manager = start(
    ...tlsFlags(),
    '-H',
    'tcp://127.0.0.1:0',
    '--state-dir',
    join(folder, 'both'),
    '--discovery-service',
    `tcp://127.0.0.1:${port}`,
    `token://127.0.0.1:${port}/v1/${'0'.repeat(32)}`,
  );
  await manager.until(/Token service at/);
  const create = enxame(['create', '--service', `http://127.0.0.1:${port}`]);
  expect(await create.ended()).toBe(0);
  expect(create.said().trim()).toMatch(/^[0-9a-f]{32}/);
});

async function plainDocker(endpoint: string, args: readonly string[]): Promise<CommandResult> {
  const client = await clientPath('docker', '28.5');
  return run(client.command, [...client.args, ...args], { env: { ...client.env, DOCKER_HOST: endpoint } });
}

function plainRequest(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    https
      .get({ host: '127.0.0.1', port, path: '/_ping', rejectUnauthorized: false }, (answer) =>
        resolve(answer.statusCode ?? 0),
      )
      .on('error', reject);
  });
}

/** The status of an answer; any header can be given, also those that fetch keeps to itself. */
function postTo(port: number, path: string, headers: Record<string, string>, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port, path, method: 'POST', headers, agent: false };
    const req = http.request(options, (answer) => resolve(answer.resume().statusCode ?? 0));
    req.on('error', reject).end(body);
  });
}

/** Sends header lines until the server answers or 100 MB are gone; the start of the answer. */
function floodHeader(socketPath: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = net.connect(socketPath);
    let answer = '';
    let left = 100;
    const flood = (): void => {
      while (left > 0 && !socket.destroyed && socket.write(`X-${left--}: ${'a'.repeat(1024 * 1024)}\r\n`));
    };
    socket.on('drain', flood);
    socket.on('data', (chunk) => {
      answer += chunk.toString();
    });
    socket.on('error', () => undefined); // It is cut while it still sends.
    socket.on('close', () => (answer ? resolve(answer) : reject(new Error('no answer'))));
    socket.write('GET /_ping HTTP/1.1\r\nHost: x\r\n');
    flood();
  });
}

describe('the first week', () => {
  const enxameOnce = async (...args: string[]): Promise<{ code: number | null; said: string }> => {
    const ended = enxame(args);
    return { code: await ended.ended(), said: ended.said() };
  };
  const leave = (...args: string[]): ReturnType<typeof enxameOnce> =>
    enxameOnce('leave', ...tlsFlags(), ...args, nodes());
  const swarmStates = (): Promise<string[]> =>
    Promise.all(
      lab.nodes.map(async (node) =>
        (await node.docker(['info', '--format', '{{.Swarm.LocalNodeState}}'])).stdout.trim(),
      ),
    );

  test('certificates made by hand serve docker, and keep out who has none', async () => {
    const dir = join(folder, 'certs');
    const made = [
      await enxameOnce('certs', 'ca', '--dir', dir),
      await enxameOnce('certs', 'server', 'manager', '127.0.0.1', '--manager', '--dir', dir),
      await enxameOnce('certs', 'client', 'me', '--dir', dir),
    ];
    expect(made.map(({ code }) => code)).toEqual([0, 0, 0]);
    const own = (name: string): Credentials => ({
      ca: join(dir, name, 'ca.pem'),
      cert: join(dir, name, 'cert.pem'),
      key: join(dir, name, 'key.pem'),
    });
    const sockets = lab.nodes.map(({ socketPath }) => `unix://${socketPath}`).join(',');
    const flags = [...tlsFlags(own('manager')), '-H', 'tcp://127.0.0.1:0', '--state-dir', 'none'];
    const [, endpoint = ''] = await start(...flags, sockets).until(/Manager at ([^\s,]+)/);
    const asks = (path: string): Promise<CommandResult> =>
      docker(endpoint, ['version', '--format', '{{.Server.Version}}'], {
        DOCKER_TLS_VERIFY: '1',
        DOCKER_CERT_PATH: path,
      });
    expect((await asks(join(dir, 'me'))).stdout).toMatch(/^enxame\//);
    expect((await asks(join(credentials().cert, '..'))).exitCode).not.toBe(0);
  });

  test('a copy of the state is the cluster again, and the engines leave swarm mode when told', async () => {
    const [state, copy] = [join(folder, 'original'), join(folder, 'restored')];
    const first = await manage('--state-dir', state);
    await waitFor(
      'a cluster network',
      async () => (await docker(first.endpoint, ['network', 'create', 'lasting'])).exitCode === 0,
    );
    const isActive = async (): Promise<boolean> => (await swarmStates()).every((state) => state === 'active');
    await waitFor('every engine in swarm mode', isActive);
    await docker(first.endpoint, ['volume', 'create', 'unused']);
    const ran = await docker(first.endpoint, [
      ...['run', '-d', '--name', 'staying', '--network', 'lasting', 'busybox', 'sleep', '600'],
    ]);
    expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
    expect(await first.manager.end('SIGTERM')).toBe(0);
    await cp(state, copy, { recursive: true });
    await rm(state, { recursive: true });

    const second = await manage('--state-dir', copy);
    expect((await docker(second.endpoint, ['volume', 'ls', '-q'])).stdout).toContain('unused');
    await waitFor('its network', async () =>
      (await docker(second.endpoint, ['network', 'ls', '--format', '{{.Name}}'])).stdout.includes('lasting'),
    );
    expect(await wideFiles(copy)).toEqual([]);
    expect(await leave('--state-dir', copy, '--yes')).toMatchObject({
      code: 1,
      said: expect.stringMatching(/^enxame: leave: a manager of this cluster runs here.*\n$/),
    });
    expect(await second.manager.end('SIGTERM')).toBe(0);

    const asked = await leave('--state-dir', copy);
    expect(asked.code).toBe(2);
    expect(asked.said).toMatch(/^3 engines leave swarm mode: one, two, three\nNetworks to be removed: .*lasting/);
    expect(asked.said).toMatch(/Containers losing these networks: (one|two|three)\/staying/);
    const stranger = await leave('--state-dir', 'none', '--yes');
    expect(stranger.said).toMatch(/one is left alone: .*--cluster [0-9a-f]{16}/);
    expect(await swarmStates()).toEqual(['active', 'active', 'active']);

    const left = await leave('--state-dir', copy, '--yes');
    expect(left, left.said).toMatchObject({ code: 0 });
    expect(await swarmStates()).toEqual(['inactive', 'inactive', 'inactive']);
    const listed = await Promise.all(lab.nodes.map((node) => node.docker(['ps', '--format', '{{.Names}}'])));
    expect(listed.map(({ stdout }) => stdout.trim()).join('')).toBe('staying');
    expect((await leave('--state-dir', copy, '--yes')).said).toMatch(/nothing to leave/);
    const unheard = await enxameOnce('leave', '--state-dir', 'none', '127.0.0.1:1');
    expect(unheard).toMatchObject({
      code: 1,
      said: expect.stringMatching(/^No reachable engine .*\n127.0.0.1:1 does not answer: /),
    });
  });
});

/** Files that others than the owner may touch. */
async function wideFiles(path: string): Promise<readonly string[]> {
  const entries = await readdir(path, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const modes = await Promise.all(files.map(async (file) => [file, (await stat(file)).mode & 0o077] as const));
  return modes.flatMap(([file, wide]) => (wide === 0 ? [] : file));
}
