import tls from 'node:tls';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../common/clock.ts';
import { type Authority, createAuthority, loadAuthority } from '../pki/authority.ts';
import type { ServerCertificates } from './provisioner.ts';
import { waitUntilServed } from './served.ts';

let authority: Authority;
beforeAll(async () => {
  authority = await loadAuthority(await createAuthority('test', Date.now()));
});

const servers: tls.Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
});

async function certificates(host = '127.0.0.1'): Promise<ServerCertificates> {
  const pair = await authority.issue({ commonName: 'engine', purposes: ['server'], hosts: [host] });
  return { ca: authority.cert, ...pair };
}

/** An engine's port: it wants a client certificate, which we do not have. */
async function serve({ ca, cert, key }: ServerCertificates): Promise<string> {
  const server = tls.createServer({ ca, cert, key, requestCert: true, rejectUnauthorized: true });
  server.on('tlsClientError', () => undefined);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `tcp://127.0.0.1:${(server.address() as { readonly port: number }).port}`;
}

/** Every pause is longer than the wait: one attempt, then another one at the end. */
function hastyClock(): Clock {
  let nowMs = 0;
  return {
    ...systemClock,
    now: () => nowMs,
    elapsed: () => nowMs,
    sleep: async () => {
      nowMs += 60_000;
    },
  };
}

const task = { signal: new AbortController().signal, report: () => undefined };

describe('an engine', () => {
  it('shows its certificate, though we show none', async () => {
    const own = await certificates();
    await waitUntilServed(await serve(own), own, task, hastyClock());
  });

  it('shows an older one', async () => {
    const url = await serve(await certificates());
    await expect(waitUntilServed(url, await certificates(), task, hastyClock())).rejects.toMatchObject({
      code: 'ENGINE_TLS',
      message: expect.stringMatching(/does not show its new certificate: it shows another one$/),
    });
  });

  it('has one for another address', async () => {
    const own = await certificates('10.0.0.1');
    await expect(waitUntilServed(await serve(own), own, task, hastyClock())).rejects.toMatchObject({
      code: 'ENGINE_TLS',
    });
  });

  it('cannot be reached', async () => {
    const failed = waitUntilServed('tcp://127.0.0.1:9', await certificates(), task, hastyClock());
    await expect(failed).rejects.toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: expect.stringMatching(/the engine runs but .* let TCP port 9 through the firewall/),
    });
  });

  it('is not waited for when told so', async () => {
    const stopped = { ...task, signal: AbortSignal.abort(new Error('enough')) };
    await expect(waitUntilServed('tcp://127.0.0.1:9', await certificates(), stopped)).rejects.toThrow('enough');
  });
});
