import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { type DiscoveryWorld, testDiscoveryBackend } from '../../../test/conformance/discovery-backend.ts';
import { FakeClock } from '../../../test/fakes/fake-clock.ts';
import { systemClock } from '../../common/clock.ts';
import { parseListenAddress } from '../../common/listen-address.ts';
import { silentLogger } from '../../common/logger.ts';
import { isLasting } from '../backend.ts';
import { type Entry, parseEntry } from '../entry.ts';
import { startTokenService, type TokenService } from '../service/service.ts';
import { openTokenClient, type TokenClient } from '../token-client.ts';
import { openTokenDiscovery } from './token.ts';

const quiet = { stateFolder: undefined, logger: silentLogger() };
const never = new AbortController().signal;
const settings = { heartbeatMs: 20, clock: systemClock, options: new Map<string, string>(), env: {} };

testDiscoveryBackend('token', async (): Promise<DiscoveryWorld> => {
  const stateFolder = await mkdtemp(join(tmpdir(), 'enxame-token-'));
  const clock = new FakeClock();
  const start = (port: number): Promise<TokenService> => {
    const listen = parseListenAddress(`tcp://127.0.0.1:${port}`);
    return startTokenService({ listen, stateFolder, clock, logger: silentLogger() });
  };
  let service = await start(0);
  const port = Number(new URL(service.url).port);
  const client = openTokenClient(service.url);
  const token = await client.create(never);
  return {
    backend: await openTokenDiscovery(`127.0.0.1:${port}/v1/${token}`, settings),
    set: (entries) => replaceEntries(client, token, entries, clock),
    breakIt: () => service.close(),
    mend: async () => {
      service = await start(port);
    },
    close: async () => {
      await client.close();
      await service.close();
      await rm(stateFolder, { recursive: true });
    },
  };
});

async function replaceEntries(
  client: TokenClient,
  token: string,
  wanted: readonly string[],
  clock: FakeClock,
): Promise<void> {
  for (const entry of await client.list(token, never)) {
    if (!wanted.includes(entry)) await client.register(token, entry, 1, never);
  }
  for (const entry of wanted) await client.register(token, entry, 86_400, never);
  clock.advance(2000);
}

describe('openTokenDiscovery', () => {
  it.each([
    ['h/v1/t', { 'token.insecure': 'yes' }, 'token.insecure=yes: say true or false'],
    ['h/v1/t', { 'token.insecrue': 'true' }, 'unknown discovery option "token.insecrue"'],
    [
      'h/v1/t',
      { 'token.cacertfile': '/nowhere/ca.pem' },
      'cannot read token.cacertfile /nowhere/ca.pem: there is no such file',
    ],
    ['h/v1/t', { 'token.certfile': '/x' }, 'token.certfile and token.keyfile go together'],
    ['', {}, 'has no token'],
    ['h/v1/', {}, 'has no token'],
  ])('explains token://%s with %j', async (rest, options, message) => {
    await expect(openTokenDiscovery(rest, { ...settings, options: new Map(Object.entries(options)) })).rejects.toThrow(
      message,
    );
  });

  it('tells a change when it comes, long before the heartbeat', async () => {
    const service = await startTokenService({ ...quiet, listen: parseListenAddress('tcp://127.0.0.1:0') });
    const client = openTokenClient(service.url);
    const token = await client.create(never);
    const uri = `${new URL(service.url).host}/v1/${token}`;
    const backend = await openTokenDiscovery(uri, { ...settings, heartbeatMs: 3_600_000 });
    const events = backend.watch(never)[Symbol.asyncIterator]();
    const next = async (): Promise<unknown> =>
      (await events.next()).value?.entries?.map((entry: Entry) => entry.canonical);
    expect(await next()).toEqual([]);
    await client.register(token, '10.0.0.1:1', 60, never);
    expect(await next()).toEqual(['10.0.0.1:1']);
    await client.register(token, '10.0.0.2:1', 60, never);
    expect(await next()).toEqual(['10.0.0.1:1', '10.0.0.2:1']);
    await client.deregister(token, '10.0.0.1:1', never);
    expect(await next()).toEqual(['10.0.0.2:1']);
    await backend.close();
    await client.close();
    await service.close();
  });

  it('speaks to services of the original protocol', async () => {
    const entries = new Map<string, string>();
    const service = createServer((request, response) => {
      const ttl = new URL(request.url ?? '', 'http://x').searchParams.get('ttl');
      if (request.method === 'GET') response.end(JSON.stringify([...entries.keys()]));
      else if (request.method !== 'POST') response.writeHead(404).end();
      else
        text(request).then(
          (entry) => {
            entries.set(entry, String(ttl));
            response.end();
          },
          () => undefined,
        );
    });
    await new Promise<void>((resolve) => service.listen(0, '127.0.0.1', resolve));
    const { port } = service.address() as AddressInfo;
    const backend = await openTokenDiscovery(`127.0.0.1:${port}/v1/abc`, settings);
    const events = backend.watch(never)[Symbol.asyncIterator]();
    expect((await events.next()).value?.entries).toEqual([]);
    await backend.register?.(parseEntry('10.0.0.1:1'), 60_000, never);
    expect((await events.next()).value?.entries).toHaveLength(1);
    await backend.deregister?.(parseEntry('10.0.0.1:1'), never);
    expect(entries).toEqual(new Map([['10.0.0.1:1', '1']]));
    await backend.close();
    service.close();
  });

  it('tells a service that speaks no TLS in words', async () => {
    const service = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => service.once('listening', resolve));
    const address = `127.0.0.1:${(service.address() as AddressInfo).port}`;
    const client = openTokenClient(`https://${address}/v1`, { minVersion: 'TLSv1.2' });
    await expect(client.list('abc', never)).rejects.toThrow(
      `no token service answers at https://${address}/v1: what listens there speaks no TLS. Does it speak plain HTTP?`,
    );
    await client.close();
    service.close();
  });

  it('registers no socket, whether the service answers or not', async () => {
    const backend = await openTokenDiscovery('127.0.0.1:1/v1/abc', settings);
    const register = backend.register?.(parseEntry('unix:///run/docker.sock'), 60_000, never);
    await expect(register).rejects.toThrow(
      /^"unix:.*" is not a host that others can reach: a socket is on one host only\. Register/,
    );
    await expect(register).rejects.toSatisfy(isLasting);
    await backend.close();
  });

  it('leaves out what is no host that others can reach, and says so once', async () => {
    const list = [
      'unix:///run/docker.sock',
      '10.0.0.1:1',
      '169.254.169.254:80',
      'nonsense',
      '\u001b[2J',
      '127.0.0.1:1',
    ];
    const service = createServer((_request, response) => response.end(JSON.stringify(list)));
    await new Promise<void>((resolve) => service.listen(0, resolve));
    const { port } = service.address() as AddressInfo;
    const told: string[] = [];
    // The machine's own name, so that the service is one for others too.
    const options = new Map([['token.insecure', 'true']]);
    const more = { ...settings, options, onLeftOut: (entry: string, why: string) => told.push(`${entry}: ${why}`) };
    const host = Object.values(networkInterfaces())
      .flat()
      .find((each) => each?.family === 'IPv4' && !each.internal);
    const [remote, local] = [
      await openTokenDiscovery(`${host?.address ?? '127.0.0.1'}:${port}/v1/x`, more),
      await openTokenDiscovery(`127.0.0.1:${port}/v1/x`, settings),
    ];
    const names = async (of: typeof remote): Promise<unknown> =>
      (await of.entries(never)).map(({ canonical }) => canonical);
    expect(await names(local)).toEqual(['10.0.0.1:1', '127.0.0.1:1']);
    if (host !== undefined) {
      expect(await names(remote)).toEqual(['10.0.0.1:1']);
      expect(await names(remote)).toEqual(['10.0.0.1:1']);
      expect(told).toHaveLength(5);
      expect(told.join('\n')).not.toContain('\u001b');
    }
    await Promise.all([remote.close(), local.close()]);
    service.close();
  });

  it('says that no service answers', async () => {
    const backend = await openTokenDiscovery('127.0.0.1:1/v1/abc', settings);
    await expect(backend.entries(never)).rejects.toThrow(
      'no token service answers at http://127.0.0.1:1/v1: connect ECONNREFUSED',
    );
    await backend.close();
  });
});
