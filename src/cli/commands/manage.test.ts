import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { writeCertificate } from '../../../test/fakes/certificates.ts';
import { fakeIo } from '../../../test/fakes/fake-io.ts';
import { run } from '../program.ts';

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
    }, 20_000);
    expect(await ping(port, {})).toMatch(/certificate required|closed|reset|hang up/i);
    expect(await ping(port, { cert: await readFile(cert), key: await readFile(key) })).toBe(200);
  } finally {
    io.stop();
    expect(await ended).toBe(0);
  }
}, 60_000);

test.each([
  {
    line: ['--metrics=tcp://0.0.0.0:9324', '127.0.0.1:9'],
    says: /refusing to listen on tcp:\/\/0\.0\.0\.0:9324 without TLS/,
  },
  {
    line: ['--metrics', '127.0.0.1:9'],
    says: /--metrics took "127\.0\.0\.1:9" as its address, and no discovery argument/,
  },
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
    }, 20_000);
    expect(await (await fetch(url)).text()).toMatch(/^enxame_nodes\{state="(pending|unhealthy)"\} 1$/m);
  } finally {
    io.stop();
    expect(await ended).toBe(0);
  }
}, 60_000);
