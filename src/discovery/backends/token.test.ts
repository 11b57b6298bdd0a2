import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type DiscoveryWorld, testDiscoveryBackend } from '../../../test/conformance/discovery-backend.ts';
import { FakeClock } from '../../../test/fakes/fake-clock.ts';
import { systemClock } from '../../common/clock.ts';
import { parseListenAddress } from '../../common/listen-address.ts';
import { silentLogger } from '../../common/logger.ts';
import { startTokenService, type TokenService } from '../service/service.ts';
import { openTokenClient, type TokenClient } from '../token-client.ts';
import { openTokenDiscovery } from './token.ts';

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

  it('says that no service answers', async () => {
    const backend = await openTokenDiscovery('127.0.0.1:1/v1/abc', settings);
    await expect(backend.entries(never)).rejects.toThrow(
      'no token service answers at http://127.0.0.1:1/v1: connect ECONNREFUSED',
    );
    await backend.close();
  });
});
