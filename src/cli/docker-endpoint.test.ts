import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fakeIo } from '../../test/fakes/fake-io.ts';
import { createAuthority, loadAuthority } from '../pki/authority.ts';
import { run } from './program.ts';

let folder: string;
const servers: Server[] = [];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enxame-contexts-'));
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
  await rm(folder, { recursive: true });
});

const INFO = (node: string): string =>
  JSON.stringify({
    SystemStatus: [
      ['Role', 'primary'],
      [` ${node}`, '10.0.0.1:2376'],
      ['  └ Status', 'Healthy'],
    ],
  });

/** A manager whose one node has this name; its address. */
async function manager(node: string, server: Server = createServer()): Promise<string> {
  server.on('request', (_request, response) => response.end(INFO(node)));
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function context(name: string, endpoint: object, tls: Readonly<Record<string, string>> = {}): Promise<void> {
  const id = createHash('sha256').update(name).digest('hex');
  await mkdir(join(folder, 'contexts/meta', id), { recursive: true });
  await writeFile(
    join(folder, 'contexts/meta', id, 'meta.json'),
    JSON.stringify({ Name: name, Endpoints: { docker: endpoint } }),
  );
  if (Object.keys(tls).length > 0) await mkdir(join(folder, 'contexts/tls', id, 'docker'), { recursive: true });
  for (const [file, text] of Object.entries(tls))
    await writeFile(join(folder, 'contexts/tls', id, 'docker', file), text);
}

async function nodes(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<{ code: number; said: string }> {
  const io = fakeIo({ HOME: '/nowhere', DOCKER_CONFIG: folder, ...env });
  const code = await run(['nodes', '-q', ...args], io);
  return { code, said: io.stdout() + io.stderr() };
}

describe('docker contexts', () => {
  it('count in the order of docker: flag, $DOCKER_HOST, $DOCKER_CONTEXT, docker context use', async () => {
    const [host, env, used, flag] = await Promise.all(
      ['of-host', 'of-env', 'of-use', 'of-flag'].map((name) => manager(name)),
    );
    await context('env', { Host: env });
    await context('used', { Host: used });
    await context('flag', { Host: flag });
    await writeFile(join(folder, 'config.json'), JSON.stringify({ currentContext: 'used' }));
    const ask = async (args: readonly string[], more: Readonly<Record<string, string>>): Promise<string> =>
      (await nodes(args, more)).said;
    expect(await ask([], {})).toBe('of-use\n');
    expect(await ask([], { DOCKER_CONTEXT: 'env' })).toBe('of-env\n');
    expect(await ask([], { DOCKER_CONTEXT: 'env', DOCKER_HOST: host ?? '' })).toBe('of-host\n');
    expect(await ask(['--context', 'flag'], { DOCKER_CONTEXT: 'env', DOCKER_HOST: host ?? '' })).toBe('of-flag\n');
    expect(await ask(['-H', host ?? ''], { DOCKER_CONTEXT: 'env' })).toBe('of-host\n');
    expect(await ask(['--context', 'default'], { DOCKER_HOST: host ?? '' })).toBe('of-host\n');
  });

  it('bring the certificates of the context store, and the environment’s do not count then', async () => {
    const ca = await createAuthority('test', Date.now());
    const issuer = await loadAuthority(ca);
    const server = await issuer.issue({ commonName: 's', purposes: ['server'], hosts: ['127.0.0.1'] });
    const client = await issuer.issue({ commonName: 'c', purposes: ['client'] });
    const tls = { key: server.key, cert: server.cert, ca: ca.cert, requestCert: true, rejectUnauthorized: true };
    const address = await manager('of-tls', createTlsServer(tls));
    await context(
      'swarm',
      { Host: address, SkipTLSVerify: false },
      { 'ca.pem': ca.cert, 'cert.pem': client.cert, 'key.pem': client.key },
    );
    const env = { DOCKER_CONTEXT: 'swarm', DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: '/nowhere' };
    expect(await nodes([], env)).toEqual({ code: 0, said: 'of-tls\n' });
    await context('bare', { Host: address, SkipTLSVerify: true });
    expect((await nodes(['--context', 'bare'])).code).toBe(1);
  });

  it.each([
    {
      args: ['--context', 'gone'],
      why: /docker's context "gone" cannot be read \(there is no such file\): see "docker context ls", or use -H/,
    },
    {
      args: ['--context', 'far'],
      why: /"ssh:\/\/root@far" \(docker's context "far"\) is not the address of a manager/,
    },
    { args: ['--context', 'empty'], why: /docker's context "empty" has no host/ },
    { args: ['--context', 'far', '-H', 'tcp://a:1'], why: /-H and --context exclude each other/ },
  ])('says what is wrong: $args', async ({ args, why }) => {
    await context('far', { Host: 'ssh://root@far' });
    await context('empty', {});
    const { code, said } = await nodes(args);
    expect(code).toBe(2);
    expect(said).toMatch(why);
    expect(said).toMatch(/^[^\n]+\n$/);
  });
});

describe('--json', () => {
  it.each([['ps'], ['nodes'], ['info'], ['machine', 'ls']])('is --format json of %s', async (...words) => {
    const server = createServer((request, response) => response.end(request.url?.includes('/info') ? INFO('a') : '[]'));
    servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const env = { HOME: folder, DOCKER_HOST: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}` };
    const said = async (...more: readonly string[]): Promise<{ code: number; out: string }> => {
      const io = fakeIo(env);
      return { code: await run([...words, ...more], io), out: io.stdout() };
    };
    const json = await said('--format', 'json');
    expect(json.code).toBe(0);
    expect(await said('--json')).toEqual(json);
  });
});
