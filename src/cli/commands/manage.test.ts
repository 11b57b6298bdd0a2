import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { writeCertificate } from '../../../test/fakes/certificates.ts';
import { fakeIo } from '../../../test/fakes/fake-io.ts';
import { run } from '../program.ts';
import { linkOf } from './page.ts';

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enxame-manage-'));
  await writeCertificate(folder, 'own');
});

afterEach(() => rm(folder, { recursive: true }));

/** The answer's status, or the error's message. */
function ping(port: number, identity: { cert?: Buffer; key?: Buffer }): Promise<number | string> {
  return new Promise((resolve) => {
    const options = { host: '127.0.0.1', port, path: '/_ping', rejectUnauthorized: false, agent: false, ...identity };
    const asked = request(options, (answer) => {
      answer.resume();
      resolve(answer.statusCode ?? 0);
    });
    asked.on('error', (error) => resolve(error.message)).end();
  });
}

test('tokens are served with the manager’s own demand for client certificates', async () => {
  const [cert, key] = ['own.pem', 'own-key.pem'].map((name) => join(folder, name)) as [string, string];
  const io = fakeIo();
  const tls = ['--tlsverify', '--tlscacert', cert, '--tlscert', cert, '--tlskey', key];
  const line = ['--log-level', 'silent', 'manage', ...tls, '-H', `unix://${join(folder, 'sock')}`];
  const ended = run([...line, '--state-dir', 'none', '--discovery-service', 'tcp://:0', '127.0.0.1:9'], io);
  try {
    const port = await vi.waitFor(() => {
      const match = /Token service at https:\/\/[^\n]*:(\d+)\/v1/.exec(io.stdout());
      if (!match) throw new Error(io.stdout() + io.stderr());
      return Number(match[1]);
    }, 180_000);
    expect(await ping(port, {})).toMatch(/certificate required|closed|reset|hang up/i);
    expect(await ping(port, { cert: await readFile(cert), key: await readFile(key) })).toBe(200);
  } finally {
    io.stop();
    expect(await ended).toBe(0);
  }
}, 180_000);

test.each([
  {
    line: ['--metrics=tcp://0.0.0.0:9324', '127.0.0.1:9'],
    says: /refusing to listen on tcp:\/\/0\.0\.0\.0:9324 without TLS/,
  },
  {
    line: ['--metrics', '127.0.0.1:9'],
    says: /--metrics took "127\.0\.0\.1:9" as its address, and no discovery argument/,
  },
  {
    line: ['--page=tcp://0.0.0.0:9325', '127.0.0.1:9'],
    says: /refusing to listen on tcp:\/\/0\.0\.0\.0:9325 without TLS/,
  },
  { line: ['--page', '127.0.0.1:9'], says: /--page took "127\.0\.0\.1:9" as its address, and no discovery argument/ },
  { line: ['--page=unix:///run/page.sock', '127.0.0.1:9'], says: /browsers reach no unix sockets/ },
  { line: ['--page-actions', '127.0.0.1:9'], says: /give --page, too/ },
  { line: ['--stats', 'fast', '127.0.0.1:9'], says: /"fast" is not a duration/ },
  { line: ['--stats', '10ms', '127.0.0.1:9'], says: /--stats should be off, or an interval from 1s to 1h, not "10ms"/ },
  { line: ['--metrics=nonsense', '127.0.0.1:9'], says: /cannot listen on "nonsense"/ },
  { line: ['--metrics-detail', 'all', '127.0.0.1:9'], says: /Allowed choices are cluster, nodes, containers/ },
])('manage $line is refused in one line', async ({ line, says }) => {
  const io = fakeIo();
  expect(await run(['manage', '--state-dir', 'none', ...line], io)).toBe(2);
  expect(io.stderr()).toMatch(says);
});

test('metrics are served beside the API, and their address is told', async () => {
  const io = fakeIo();
  const line = ['--log-level', 'silent', 'manage', '-H', `unix://${join(folder, 'sock')}`, '--state-dir', 'none'];
  const ended = run([...line, '--metrics=tcp://127.0.0.1:0', '127.0.0.1:9'], io);
  try {
    const url = await vi.waitFor(() => {
      const match = /Metrics at (http:\S+)/.exec(io.stdout());
      if (!match?.[1]) throw new Error(io.stdout() + io.stderr());
      return match[1];
    }, 180_000);
    const metrics = async (): Promise<string> => (await fetch(url)).text();
    await expect.poll(metrics).toMatch(/^enxame_nodes\{state="(pending|unhealthy)"\} 1$/m);
  } finally {
    io.stop();
    expect(await ended).toBe(0);
  }
}, 180_000);

test('the page is served beside the API, and a link logs in once', async () => {
  const io = fakeIo();
  const manager = `unix://${join(folder, 'sock')}`;
  const line = ['--log-level', 'silent', 'manage', '-H', manager, '--state-dir', 'none'];
  const ended = run([...line, '--page=tcp://127.0.0.1:0', '127.0.0.1:9'], io);
  try {
    const url = await vi.waitFor(() => {
      const match = /Page at (http:\S+): run "enxame page"/.exec(io.stdout());
      if (!match?.[1]) throw new Error(io.stdout() + io.stderr());
      return match[1];
    }, 180_000);
    const asked = fakeIo();
    expect(await run(['page', '-H', manager, '--print'], asked)).toBe(0);
    const [, origin = '', link = ''] = /^(http:\S+)\/login#([\w-]{43})\n$/.exec(asked.stdout()) ?? [];
    expect(origin).toBe(url);
    const login = (): Promise<Response> =>
      fetch(`${url}/api/v1/login`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json', Origin: url },
        body: JSON.stringify({ link }),
      });
    expect([(await login()).status, (await login()).status]).toEqual([200, 401]);
    const other = fakeIo();
    const taken = ['--page', url.replace('http', 'tcp'), '-H', `unix://${join(folder, 'other')}`, '127.0.0.1:9'];
    expect(await run(['--log-level', 'silent', 'manage', '--state-dir', 'none', ...taken], other)).toBe(1);
    expect(other.stderr()).toMatch(/^enxame: manage: cannot listen on \S+: another process has it\. .* with --page\n$/);
  } finally {
    io.stop();
    expect(await ended).toBe(0);
  }
}, 180_000);

test('a manager without a page says how to serve one', async () => {
  const io = fakeIo();
  const manager = `unix://${join(folder, 'sock')}`;
  const ended = run(['--log-level', 'silent', 'manage', '-H', manager, '--state-dir', 'none', '127.0.0.1:9'], io);
  try {
    await vi.waitFor(() => expect(io.stdout()).toContain('Manager at'), 120_000);
    const asked = fakeIo();
    expect(await run(['page', '-H', manager], asked)).toBe(1);
    expect(asked.stderr()).toContain('this manager serves no page: start it with --page');
  } finally {
    io.stop();
    expect(await ended).toBe(0);
  }
}, 180_000);

test.each([
  { page: 'tcp://127.0.0.1:9325', manager: 'tcp://127.0.0.1:2375', link: 'http://127.0.0.1:9325/login#x' },
  {
    page: 'tcp://127.0.0.1:9325',
    manager: 'tcp://10.0.0.1:3376',
    link: 'http://127.0.0.1:9325/login#x',
    isElsewhere: true,
  },
  { page: 'tcp://0.0.0.0:9325', manager: 'tcp://10.0.0.1:3376', link: 'http://10.0.0.1:9325/login#x' },
  { page: 'tcp://:9325', manager: 'tcp://[fd00::1]:3376', link: 'http://[fd00::1]:9325/login#x' },
  { page: 'tcp://[::]:9325', manager: 'unix:///run/enxame.sock', link: 'http://127.0.0.1:9325/login#x' },
  { page: 'tcp://10.0.0.7:9325', manager: 'unix:///run/enxame.sock', link: 'http://10.0.0.7:9325/login#x' },
])('the page at $page of the manager at $manager is $link', ({ page, manager, link, isElsewhere = false }) => {
  const login = { address: page, scheme: 'http', path: '/login#x', expiresInSeconds: 120 } as const;
  expect(linkOf(login, manager)).toEqual({ link, isElsewhere });
});
