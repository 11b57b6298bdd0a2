import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { fastClock } from '../../../test/clouds/fast-clock.ts';
import { type RestCloud, RestFailure, startRestCloud } from '../../../test/clouds/rest.ts';
import { type Clock, systemClock } from '../../common/clock.ts';
import { createAuthority, loadAuthority } from '../../pki/authority.ts';
import type { DriverContext } from '../driver.ts';
import { openJournal, type Resource } from '../journal.ts';
import { ensureMade } from './ensure.ts';
import { givenKey, ownKey } from './key-files.ts';
import { pollUntil } from './poll.ts';
import { portProblem, portRanges, portText } from './ports.ts';
import { removeAll } from './removal.ts';
import { type RestApi, RestClient, statusOf } from './rest.ts';
import { loadSdk } from './sdk.ts';

const signal = new AbortController().signal;
const clock = fastClock(500);
const folders: string[] = [];
afterAll(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true });
});

async function newFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'cloud-test-'));
  folders.push(folder);
  return folder;
}

describe('ports', () => {
  it.each([
    ['8080', '8080/tcp'],
    ['53/udp', '53/udp'],
    ['7000-7010', '7000-7010/tcp'],
    [' 1-65535/udp ', '1-65535/udp'],
  ])('reads %s', (text, expected) => {
    expect(portProblem(text)).toBeUndefined();
    expect(portRanges({ ports: [], udpPorts: [] }, [text]).map(portText)).toEqual([expected]);
  });

  it.each(['0', '65536', '10-5', 'http', '', '80/icmp', '-1', '1-', '80/tcp/udp'])('refuses %j', (text) => {
    expect(portProblem(text)).toMatch(/^is not a port like/);
  });

  it('opens what a machine of a swarm needs on both protocols', () => {
    expect(portRanges({ ports: [22, 7946], udpPorts: [4789, 7946] }, []).map(portText)).toEqual([
      '22/tcp',
      '7946/tcp',
      '4789/udp',
      '7946/udp',
    ]);
  });

  it('opens each range once and nothing else', () => {
    const port = fc.integer({ min: 1, max: 65_535 });
    fc.assert(
      fc.property(fc.uniqueArray(port), fc.array(port), (needed, open) => {
        const texts = portRanges({ ports: needed, udpPorts: [] }, open.map(String)).map(portText);
        expect(new Set(texts).size).toBe(texts.length);
        expect(new Set(texts)).toEqual(new Set([...needed, ...open].map((each) => `${each}/tcp`)));
      }),
    );
  });
});

function keyContext(directory: string): Parameters<typeof ownKey>[0] {
  return { directory, name: 'bee-1', change: (_call, make) => make() };
}

describe('keys', () => {
  it('makes none in a dry run', async () => {
    const directory = join(await newFolder(), 'is-not-there');
    const change: DriverContext['change'] = async (_call, _make, planned) => planned;
    expect((await ownKey({ directory, name: 'bee-1', change })).publicKey).toBe('<public key>');
  });

  it('makes a key once, for its owner only', async () => {
    const folder = await newFolder();
    const first = await ownKey(keyContext(folder));
    expect(first.publicKey).toMatch(/^ssh-ed25519 AAAA\S+ bee-1$/);
    expect((await stat(first.path)).mode & 0o777).toBe(0o600);
    expect(await ownKey(keyContext(folder))).toEqual(first);
    expect(await givenKey(first.path, 'x-key')).toEqual(first);
  });

  it('makes a key anew that was cut off while it was written', async () => {
    const folder = await newFolder();
    const { path } = await ownKey(keyContext(folder));
    await writeFile(path, (await readFile(path, 'utf8')).slice(0, 60));
    const again = await ownKey(keyContext(folder));
    expect(await givenKey(again.path, 'x-key')).toEqual(again);
  });

  it('names the flag of a key that is none', async () => {
    const path = join(await newFolder(), 'key');
    await writeFile(path, 'hello');
    await expect(givenKey(path, 'x-key')).rejects.toThrow(/^--x-key ".*" is no usable private key/);
  });
});

describe('a library that is not installed', () => {
  it('is named with the command that installs it', async () => {
    const missing = 'no-such-package-of-ours';
    const load = loadSdk('beehive', [missing, 'another'], () => import(missing));
    await expect(load).rejects.toMatchObject({
      code: 'SDK_MISSING',
      message: expect.stringMatching(/^the driver beehive needs .*npm install no-such-package-of-ours another/),
    });
  });
});

describe('waiting', () => {
  it('ends with what was waited for, says so, and gives up in time', async () => {
    const said: string[] = [];
    const report = (text: string): number => said.push(text);
    let looks = 0;
    const probe = async (): Promise<string | undefined> => (++looks < 3 ? undefined : 'there');
    const wait = { what: 'the server', timeoutMs: 60_000 };
    expect(await pollUntil({ clock, report }, { ...wait, timeoutMs: 3_600_000 }, probe, signal)).toBe('there');
    expect(said).toEqual(['waiting for the server']);
    const never = pollUntil({ clock, report }, wait, async () => undefined, signal);
    await expect(never).rejects.toMatchObject({ code: 'TIMEOUT', message: expect.stringContaining('60 seconds') });
  });

  it('ends when it is told to', async () => {
    const abort = new AbortController();
    const waiting = pollUntil(
      { clock, report: () => undefined },
      { what: 'x', timeoutMs: 3_600_000 },
      async () => {
        abort.abort(new Error('told to'));
        return undefined;
      },
      abort.signal,
    );
    await expect(waiting).rejects.toThrow('told to');
  });
});

describe('removal', () => {
  // Only sleeping takes time here: how busy the computer is does not matter.
  let nowMs = 1_000_000_000;
  const clock: Pick<Clock, 'now' | 'elapsed' | 'sleep'> = {
    now: () => nowMs,
    elapsed: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms;
    },
  };
  const contextOf = (
    resources: readonly Resource[],
  ): { context: DriverContext<unknown>; kept: () => readonly Resource[] } => {
    let kept = resources;
    const save = async (next: readonly Resource[]): Promise<void> => {
      kept = next;
    };
    const journal = openJournal({ load: () => kept, save }, () => 'token');
    return {
      context: { journal, clock, report: () => undefined } as unknown as DriverContext<unknown>,
      kept: () => kept,
    };
  };

  it('waits for what was surely made but is not known yet', async () => {
    const { context, kept } = contextOf([{ kind: 'server', token: 't', id: 's1', details: { madeAt: clock.now() } }]);
    let calls = 0;
    await removeAll(context, [{ kind: 'server', list: async () => [], remove: async () => ++calls === 3 }], signal);
    expect(calls).toBe(3);
    expect(kept()).toEqual([]);
  });

  it('does not wait for what was made long ago and is gone', async () => {
    const { context, kept } = contextOf([
      { kind: 'server', token: 't', id: 's1', details: { madeAt: clock.now() - 3_600_000 } },
    ]);
    let calls = 0;
    await removeAll(context, [{ kind: 'server', list: async () => [], remove: async () => ++calls === 3 }], signal);
    expect(calls).toBe(1);
    expect(kept()).toEqual([]);
  });

  it('looks for what a lost process may have made', async () => {
    const { context, kept } = contextOf([{ kind: 'server', token: 't' }]);
    const removed: string[] = [];
    let looks = 0;
    const list = async (): Promise<string[]> => (++looks < 4 ? [] : ['late']);
    await removeAll(context, [{ kind: 'server', list, remove: async (id) => removed.push(id) > 0 }], signal);
    expect(removed).toEqual(['late']);
    expect(kept()).toEqual([]);
  });

  it('goes on after a failure and keeps what is left', async () => {
    const failing = { kind: 'server', token: 't', id: 's1' };
    const { context, kept } = contextOf([failing, { kind: 'key', token: 'u', id: 'k1' }]);
    const kinds = [
      { kind: 'server', list: async () => [], remove: () => Promise.reject(new Error('no power')) },
      { kind: 'key', list: async () => [], remove: async () => true },
    ];
    await expect(removeAll(context, kinds, signal)).rejects.toThrow('not everything could be removed: no power. Run');
    expect(kept()).toEqual([failing]);
  });

  it.each([
    [true, []],
    [false, [{ kind: 'server', token: 'token' }]],
  ])('forgets an intention when it was refused: %s', async (isRefused, expected) => {
    const { context, kept } = contextOf([]);
    const make = (): Promise<never> => Promise.reject(new Error('no'));
    await expect(ensureMade(context, 'server', { make }, () => isRefused)).rejects.toThrow('no');
    expect(kept()).toEqual(expected);
  });
});

describe('a REST API', () => {
  const apiOf = (baseUrl: string): RestApi => ({
    provider: 'Hive',
    baseUrl,
    headers: async () => ({ 'x-token': 'ok' }),
    readError: (body) => (body ?? {}) as { code?: string; message?: string },
    nextStep: ({ status }) => (status === 403 ? { code: 'FORBIDDEN', text: 'Ask the queen' } : undefined),
  });
  const withApi = async (work: (client: RestClient, cloud: RestCloud) => Promise<void>): Promise<void> => {
    const cloud = await startRestCloud({
      routes: [
        ['GET', /\/bees/, () => ({ bees: 3 })],
        ['POST', /\/bees/, ({ body }) => body],
        ['DELETE', /\/bees/, () => undefined],
      ],
      isAllowed: ({ headers }) => headers['x-token'] === 'ok',
      errorBody: ({ code, message }) => ({ code, message }),
    });
    const client = new RestClient(apiOf(cloud.url), clock);
    await work(client, cloud).finally(() => cloud.close());
  };

  it('answers bodies, and nothing for what is gone', () =>
    withApi(async (client) => {
      expect(await client.get('/bees', signal)).toEqual({ bees: 3 });
      expect(await client.send('POST', '/bees', { queen: 1 }, signal)).toEqual({ queen: 1 });
      expect(await client.remove('/bees', signal)).toBe(true);
      expect(await client.remove('/wasps', signal)).toBe(false);
      expect(await client.find('/wasps', signal)).toBeUndefined();
    }));

  it('repeats what is safe to repeat', () =>
    withApi(async (client, cloud) => {
      cloud.throttle(3);
      expect(await client.send('POST', '/bees', { a: 1 }, signal)).toEqual({ a: 1 });
      cloud.fail(/GET/, new RestFailure(502, 'bad_gateway', 'oh'), 2);
      expect(await client.get('/bees', signal)).toEqual({ bees: 3 });
      cloud.loseAnswerAt(1);
      expect(await client.remove('/bees', signal)).toBe(true);
    }));

  it.each(['lost', 'failed'])('does not repeat a POST whose answer was %s', (how) =>
    withApi(async (client, cloud) => {
      if (how === 'lost') cloud.loseAnswerAt(1);
      else cloud.fail(/POST/, new RestFailure(500, 'oops', 'it broke'), 1);
      await expect(client.send('POST', '/bees', {}, signal)).rejects.toThrow(/^Hive/);
      expect(cloud.requests).toHaveLength(1);
    }),
  );

  it('says what to do', () =>
    withApi(async (client, cloud) => {
      cloud.fail(/POST/, new RestFailure(403, 'forbidden', 'no\nhoney'), 1);
      const error: unknown = await client.send('POST', '/bees', {}, signal).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ message: 'Hive: no honey. Ask the queen', code: 'FORBIDDEN' });
      expect(statusOf(error)).toBe(403);
      cloud.throttle(100);
      await expect(client.get('/bees', signal)).rejects.toMatchObject({ code: 'THROTTLED' });
    }));

  it('says so when the certificate is not trusted, and does not ask twice', async () => {
    const authority = await loadAuthority(await createAuthority('hive', Date.now()));
    const tls = await authority.issue({ commonName: 'hive', purposes: ['server'], hosts: ['127.0.0.1'] });
    const cloud = await startRestCloud({ routes: [], isAllowed: () => true, errorBody: () => ({}), tls });
    const asked = new RestClient(apiOf(cloud.url), clock).get('/bees', signal);
    await expect(asked).rejects.toMatchObject({
      code: 'UNTRUSTED',
      message: expect.stringMatching(/^Hive at 127\.0\.0\.1:\d+ shows a certificate .* NODE_EXTRA_CA_CERTS$/),
    });
    await cloud.close();
  });

  const unsendable = ['SEKRET\nsecond', 'SEKRET\u20ac', 'SEKRET\u0000'];
  it.each(unsendable)('does not show credentials that HTTP cannot carry: %j', async (token) => {
    const client = new RestClient(
      { ...apiOf('http://127.0.0.1:1'), headers: async () => ({ 'x-token': token }) },
      clock,
    );
    const error = await client.get('/bees', signal).catch((reason: unknown) => reason);
    expect(error).toMatchObject({
      code: 'BAD_CREDENTIALS',
      message: expect.stringMatching(/for Hive have a line break/),
    });
    expect(String(error)).not.toContain('SEKRET');
  });

  const addresses = ['http://bee:SEKRET@127.0.0.1:1', 'no address', 'file:///SEKRET', '127.0.0.1:1', ''];
  it.each(addresses)('explains an address that is none, without a password in it: %j', async (address) => {
    const error = await new RestClient(apiOf(address), clock).get('/bees', signal).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ code: 'BAD_OPTIONS', message: expect.stringMatching(/^the address of Hive's API/) });
    expect(String(error)).not.toContain('SEKRET');
  });

  it('says so when it is not the provider that answers', async () => {
    const portal = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<html>sign in'));
    await new Promise<void>((resolve) => portal.listen(0, '127.0.0.1', resolve));
    const client = new RestClient(apiOf(`http://127.0.0.1:${(portal.address() as AddressInfo).port}`), clock);
    await expect(client.get('/bees', signal)).rejects.toThrow(
      /does not answer JSON but text\/html\. Check the address/,
    );
    // Some services answer a change with a sentence.
    expect(await client.send('POST', '/bees', {}, signal)).toBeUndefined();
    portal.close();
    portal.closeAllConnections();
  });

  it('says that nobody answers', async () => {
    await withApi(async (client, cloud) => {
      await cloud.close();
      await expect(client.send('POST', '/bees', {}, signal)).rejects.toMatchObject({
        code: 'UNREACHABLE',
        message: expect.stringMatching(/^Hive at 127\.0\.0\.1:\d+ does not answer: .*ECONNREFUSED/),
      });
      // What may be repeated is, but not for minutes when nobody ever answered.
      const pauses: number[] = [];
      const impatient = new RestClient(apiOf('http://127.0.0.1:1'), {
        ...systemClock,
        now: () => pauses.reduce((sum, ms) => sum + ms, 0),
        elapsed: () => pauses.reduce((sum, ms) => sum + ms, 0),
        sleep: async (ms) => void pauses.push(ms),
      });
      await expect(impatient.get('/bees', signal)).rejects.toMatchObject({ code: 'UNREACHABLE' });
      expect(pauses).toEqual([1000, 2000, 4000]);
    });
  });
});
