import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FakeClock } from '../../../test/fakes/fake-clock.ts';
import { SmallDisk } from '../../../test/fakes/small-disk.ts';
import { type Answer, call, newToken, tokenServices } from '../../../test/fakes/token-service.ts';
import { parseListenAddress } from '../../common/listen-address.ts';

const clock = new FakeClock();
const services = tokenServices({ clock });
const { start } = services;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enxame-service-'));
});
afterEach(async () => {
  await services.close();
  await rm(folder, { recursive: true });
});

describe('token service', { timeout: 120_000 }, () => {
  it('makes tokens that nobody guesses', async () => {
    const { url } = await start();
    const tokens = new Set<string>();
    for (let i = 0; i < 20; i += 1) {
      const answer = await call(`${url}/clusters`, 'POST');
      expect(answer).toMatchObject({ status: 201, text: expect.stringMatching(/^[0-9a-f]{32}$/) });
      tokens.add(answer.text);
    }
    expect(tokens.size).toBe(20);
  });

  it('keeps what was registered, once each, in canonical spelling, and apart per token', async () => {
    const { url } = await start();
    const [mine, other] = [await newToken(url), await newToken(url)];
    for (const entry of ['10.0.0.1:2376', ' Node-2:2376\n', 'ssh://root@node-3:22', '10.0.0.1:2376']) {
      expect(await call(`${url}/clusters/${mine}?ttl=60`, 'POST', entry)).toMatchObject({ status: 204, text: '' });
    }
    const answer = await call(`${url}/clusters/${mine}`, 'GET');
    expect(JSON.parse(answer.text)).toEqual(['10.0.0.1:2376', 'node-2:2376', 'ssh://root@node-3']);
    expect(answer.headers['content-type']).toBe('application/json');
    expect((await call(`${url}/clusters/${other}`, 'GET')).text).toBe('[]');
  });

  it.each([7_200_000, -7_200_000])(
    'ends entries when their time has passed, though the clock is set by %d ms',
    async (byMs) => {
      const { url } = await start();
      const token = await newToken(url);
      const list = async (): Promise<string> => (await call(`${url}/clusters/${token}`, 'GET')).text;
      await call(`${url}/clusters/${token}?ttl=60`, 'POST', 'a:1');
      clock.set(byMs);
      expect(await list()).toBe('["a:1"]');
      clock.advance(60_000);
      expect(await list()).toBe('[]');
      clock.set(-byMs);
    },
  );

  it('lists nothing that a full disk refused, keeps who is there, and answers questions', async (context) => {
    using disk = SmallDisk.mount(600);
    if (!disk) return context.skip('nothing may be mounted here');
    const first = await start({ stateFolder: join(disk.folder, 'state') });
    const token = await newToken(first.url);
    const list = async (url: string): Promise<string[]> =>
      JSON.parse((await call(`${url}/clusters/${token}`, 'GET')).text) as string[];
    expect((await call(`${first.url}/clusters/${token}?ttl=60`, 'POST', 'a:1')).status).toBe(204);
    disk.fill();
    const there = ['a:1'];
    let refused = 0;
    for (let i = 0; i < 200 && refused < 2; i++) {
      const entry = `${'node-'.repeat(12)}${i}:1`;
      const { status, text } = await call(`${first.url}/clusters/${token}`, 'POST', entry);
      if (status === 204) there.push(entry);
      else expect(text).toContain('cannot be written');
      refused += status === 204 ? 0 : 1;
    }
    expect(refused).toBe(2);
    clock.advance(30_000);
    expect((await call(`${first.url}/clusters/${token}?ttl=60`, 'POST', 'a:1')).status).toBe(500);
    clock.advance(59_000);
    expect(await list(first.url)).toEqual(there);
    expect((await call(`${first.url}/clusters/${token}`, 'DELETE')).status).toBe(500);
    expect(await list(first.url)).toEqual(there);
    disk.free();
    await first.close();
  });

  it('lets entries live for their TTL, 180 s unless said, renewed by registering again', async () => {
    const { url } = await start();
    const token = await newToken(url);
    const list = async (): Promise<unknown> => JSON.parse((await call(`${url}/clusters/${token}`, 'GET')).text);
    await call(`${url}/clusters/${token}?ttl=60`, 'POST', 'a:1');
    await call(`${url}/clusters/${token}`, 'POST', 'b:1');
    clock.advance(59_000);
    expect(await list()).toEqual(['a:1', 'b:1']);
    await call(`${url}/clusters/${token}?ttl=60`, 'POST', 'a:1');
    clock.advance(59_999);
    expect(await list()).toEqual(['a:1', 'b:1']);
    clock.advance(1);
    expect(await list()).toEqual(['b:1']);
    clock.advance(61_000);
    expect(await list()).toEqual([]);
  });

  it('forgets a token on DELETE', async () => {
    const { url } = await start();
    const token = await newToken(url);
    expect((await call(`${url}/clusters/${token}`, 'DELETE')).status).toBe(204);
    expect((await call(`${url}/clusters/${token}`, 'GET')).status).toBe(404);
  });

  it('says that it lives', async () => {
    const { url } = await start();
    expect(await call(new URL('/_ping', url).href, 'GET')).toMatchObject({ status: 200, text: 'OK' });
    expect(await call(new URL('/_ping', url).href, 'HEAD')).toMatchObject({ status: 200, text: '' });
  });

  it.each([
    ['GET', '/clusters/0123456789abcdef0123456789abcdef', undefined, 404, 'unknown token'],
    ['POST', '/clusters/0123456789abcdef0123456789abcdef', 'a:1', 404, 'unknown token'],
    ['GET', '/clusters', undefined, 405, 'only POST here'],
    ['PUT', '/clusters/TOKEN', 'a:1', 405, 'only GET, POST, DELETE here'],
    ['GET', '/', undefined, 404, 'there is nothing at this path'],
    ['GET', '/clusters/TOKEN/more', undefined, 404, 'there is nothing at this path'],
    ['POST', '/clusters/TOKEN', '', 400, 'the host is missing'],
    ['POST', '/clusters/TOKEN', 'not an entry', 400, 'bad entry "not an entry"'],
    ['POST', '/clusters/TOKEN', '{"addr":"a:1"}', 400, 'bad entry'],
    ['POST', '/clusters/TOKEN?ttl=0', 'a:1', 400, 'ttl is a whole number of seconds from 1 to 604800'],
    ['POST', '/clusters/TOKEN?ttl=604801', 'a:1', 400, 'ttl is a whole number of seconds'],
    ['POST', '/clusters/TOKEN?ttl=1m', 'a:1', 400, 'ttl is a whole number of seconds'],
    ['POST', '/clusters/TOKEN?ttl=', 'a:1', 400, 'ttl is a whole number of seconds'],
    ['POST', '/clusters/TOKEN', 'x'.repeat(4097), 413, 'the body is larger than 4096 bytes'],
    ['POST', '/clusters', 'x'.repeat(4097), 413, 'the body is larger than 4096 bytes'],
  ] as const)('answers %s %s (%#) with one line', async (method, path, body, status, line) => {
    const { url } = await start();
    const answer = await call(url + path.replace('TOKEN', await newToken(url)), method, body);
    expect(answer.status).toBe(status);
    expect(answer.text).toContain(line);
    expect(answer.text).toMatch(/^[^\n]+\n$/);
    expect(answer.headers['content-type']).toContain('text/plain');
    if (status === 405) expect(answer.headers.allow).toMatch(/POST/);
  });

  it('bounds entries per token, entries and tokens, and makes room as they end', async () => {
    const { url } = await start({ limits: { maxEntriesPerToken: 2, maxEntries: 3, maxTokens: 2 } });
    const [one, two] = [await newToken(url), await newToken(url)];
    const register = (token: string, entry: string): Promise<Answer> =>
      call(`${url}/clusters/${token}?ttl=9`, 'POST', entry);
    expect(await call(`${url}/clusters`, 'POST')).toMatchObject({
      status: 507,
      text: expect.stringContaining('tokens'),
    });
    expect((await register(one, 'a:1')).status).toBe(204);
    expect((await register(one, 'b:1')).status).toBe(204);
    expect(await register(one, 'c:1')).toMatchObject({ status: 507, text: expect.stringContaining('this token has') });
    expect((await register(one, 'a:1')).status).toBe(204);
    expect((await register(two, 'a:1')).status).toBe(204);
    expect(await register(two, 'b:1')).toMatchObject({
      status: 507,
      text: expect.stringContaining('this service has'),
    });
    clock.advance(10_000);
    expect((await register(one, 'c:1')).status).toBe(204);
    expect((await call(`${url}/clusters/${one}`, 'GET')).text).toBe('["c:1"]');
  });

  it('slows down a client that asks too much, and says until when', async () => {
    const { url } = await start({ limits: { requests: { burst: 3, perSecond: 0.5 } } });
    const ping = new URL('/_ping', url).href;
    for (let i = 0; i < 3; i += 1) expect((await call(ping, 'GET')).status).toBe(200);
    const refused = await call(ping, 'GET');
    expect(refused).toMatchObject({ status: 429, headers: { 'retry-after': '2' } });
    expect(refused.text).toContain('come back in 2 s');
    clock.advance(2000);
    expect((await call(ping, 'GET')).status).toBe(200);
    expect((await call(ping, 'GET')).status).toBe(429);
  });

  it('limits the making of tokens more than the rest', async () => {
    const { url } = await start({ limits: { creations: { burst: 1, perSecond: 0.1 } } });
    const token = await newToken(url);
    expect(await call(`${url}/clusters`, 'POST')).toMatchObject({ status: 429, headers: { 'retry-after': '10' } });
    expect((await call(`${url}/clusters/${token}`, 'GET')).status).toBe(200);
  });

  it('forgets tokens that nobody used for long, and no others', async () => {
    const { url } = await start({ limits: { tokenIdleMs: 7_200_000 } });
    const [idle, asked] = [await newToken(url), await newToken(url)];
    clock.advance(3_700_000);
    expect((await call(`${url}/clusters/${asked}`, 'GET')).status).toBe(200);
    while (clock.sleeping === 0) await new Promise(setImmediate);
    clock.advance(3_600_000);
    await expect
      .poll(async () => (await call(`${url}/clusters/${idle}`, 'GET')).status, { timeout: 120_000 })
      .toBe(404);
    expect((await call(`${url}/clusters/${asked}`, 'GET')).status).toBe(200);
  });
});

describe('entries of a token', { timeout: 120_000 }, () => {
  const NOWHERE = [
    'unix:///run/docker.sock',
    '0.0.0.0:1',
    '[::]:1',
    '169.254.169.254:80',
    '[fe80::1%eth0]:1',
    '224.0.0.1:1',
  ];
  const LOOPBACK = [
    '127.0.0.1:1',
    'tcp://127.9.9.9:1',
    '[::1]:1',
    '[::ffff:127.0.0.1]:1',
    'localhost:1',
    'ssh://a.localhost',
  ];
  const NUMBERS = ['0x7f000001:1', '0x7f.1:1'];
  const everywhere = { listen: parseListenAddress('tcp://0.0.0.0:0'), insecure: true };
  const urlOf = ({ url }: { readonly url: string }): string => url.replace('0.0.0.0', '127.0.0.1');

  it.each([...NOWHERE, ...NUMBERS, ...LOOPBACK])('are hosts that others can reach, not %s', async (entry) => {
    const url = urlOf(await start(everywhere));
    const token = await newToken(url);
    expect(await call(`${url}/clusters/${token}`, 'POST', entry)).toMatchObject({
      status: 400,
      text: expect.stringMatching(/ is not a host that others can reach: [^\n]+\n$/),
    });
    expect((await call(`${url}/clusters/${token}`, 'GET')).text).toBe('[]');
  });

  it('may be on loopback where the service is', async () => {
    const { url } = await start();
    const token = await newToken(url);
    for (const entry of LOOPBACK) expect((await call(`${url}/clusters/${token}`, 'POST', entry)).status).toBe(204);
    for (const entry of NOWHERE) expect((await call(`${url}/clusters/${token}`, 'POST', entry)).status).toBe(400);
  });

  it('can be taken out at once, each alone', async () => {
    const { url } = await start({ stateFolder: folder });
    const token = await newToken(url);
    for (const entry of ['a:1', 'ssh://root@b', 'c:1']) await call(`${url}/clusters/${token}`, 'POST', entry);
    expect(
      (await call(`${url}/clusters/${token}/entries/${encodeURIComponent('ssh://root@b:22')}`, 'DELETE')).status,
    ).toBe(204);
    expect((await call(`${url}/clusters/${token}/entries/never-there:1`, 'DELETE')).status).toBe(204);
    expect((await call(`${url}/clusters/${token}`, 'GET')).text).toBe('["a:1","c:1"]');
    expect((await call(`${url}/clusters/${token}/entries/%ff`, 'DELETE')).status).toBe(400);
    expect((await call(`${url}/clusters/nobody/entries/a:1`, 'DELETE')).status).toBe(404);
    await services.close();
    const again = await start({ stateFolder: folder });
    expect((await call(`${again.url}/clusters/${token}`, 'GET')).text).toBe('["a:1","c:1"]');
  });
});

describe('waiting for a change', { timeout: 120_000 }, () => {
  /** Asks with a tag, and resolves once the service waits. */
  async function waiting(url: string, tag: string, seconds = 30): Promise<{ readonly answer: Promise<Answer> }> {
    const before = clock.sleeping;
    const answer = call(url, 'GET', undefined, { 'if-none-match': tag, prefer: `wait=${seconds}` });
    while (clock.sleeping < before + 2) await new Promise(setImmediate);
    return { answer };
  }

  async function world(): Promise<{ readonly url: string; readonly tag: string; close(): Promise<void> }> {
    const service = await start();
    const url = `${service.url}/clusters/${await newToken(service.url)}`;
    await call(`${url}?ttl=600`, 'POST', 'a:1');
    const { headers } = await call(url, 'GET');
    return { url, tag: String(headers.etag), close: () => service.close() };
  }

  it('is answered when an entry comes, goes or ends', async () => {
    const { url, tag } = await world();
    const first = await waiting(url, tag);
    await call(`${url}?ttl=60`, 'POST', 'b:1');
    const two = await first.answer;
    expect(two).toMatchObject({ status: 200, text: '["a:1","b:1"]', headers: { 'preference-applied': 'wait=30' } });
    const second = await waiting(url, String(two.headers.etag), 55);
    await call(`${url}/entries/a:1`, 'DELETE');
    const one = await second.answer;
    expect(one.text).toBe('["b:1"]');
    await call(`${url}?ttl=20`, 'POST', 'b:1');
    const third = await waiting(url, String(one.headers.etag), 55);
    clock.advance(20_000);
    expect((await third.answer).text).toBe('[]');
  });

  it('ends with 304 after the wait, and when the service closes', async () => {
    const { url, tag, close } = await world();
    expect(await call(url, 'GET', undefined, { 'if-none-match': tag })).toMatchObject({ status: 304, text: '' });
    const first = await waiting(url, tag);
    clock.advance(30_000);
    expect((await first.answer).status).toBe(304);
    const second = await waiting(url, tag);
    await close();
    expect((await second.answer).status).toBe(304);
  });

  it('is over at once when the client knows another list, and refused for a token that is forgotten', async () => {
    const { url, tag } = await world();
    expect((await call(url, 'GET', undefined, { 'if-none-match': '"old"', prefer: 'wait=30' })).text).toBe('["a:1"]');
    const { answer } = await waiting(url, tag);
    await call(url, 'DELETE');
    expect((await answer).status).toBe(404);
  });

  it('leaves nothing behind when the client leaves', async () => {
    const { url, tag } = await world();
    const before = clock.sleeping;
    const left = new AbortController();
    const asked = fetch(url, { headers: { 'if-none-match': tag, prefer: 'wait=30' }, signal: left.signal });
    while (clock.sleeping < before + 2) await new Promise(setImmediate);
    left.abort();
    await expect(asked).rejects.toThrow();
    await expect.poll(() => clock.sleeping, { timeout: 120_000 }).toBe(before);
  });
});

describe('token service on disk', { timeout: 120_000 }, () => {
  it('knows tokens and entries after a restart, and drops those whose time ended meanwhile', async () => {
    const first = await start({ stateFolder: folder });
    const token = await newToken(first.url);
    await call(`${first.url}/clusters/${token}?ttl=60`, 'POST', 'a:1');
    await call(`${first.url}/clusters/${token}?ttl=600`, 'POST', 'ssh://b');
    await call(`${first.url}/clusters/${token}?ttl=600`, 'POST', '[::1]:2');
    await first.close();
    clock.advance(61_000);
    const second = await start({ stateFolder: folder });
    expect(JSON.parse((await call(`${second.url}/clusters/${token}`, 'GET')).text).sort()).toEqual([
      '[::1]:2',
      'ssh://b',
    ]);
  });

  it('does not know a removed token after a restart', async () => {
    const first = await start({ stateFolder: folder });
    const token = await newToken(first.url);
    await call(`${first.url}/clusters/${token}`, 'POST', 'a:1');
    await call(`${first.url}/clusters/${token}`, 'DELETE');
    await first.close();
    const second = await start({ stateFolder: folder });
    expect((await call(`${second.url}/clusters/${token}`, 'GET')).status).toBe(404);
  });

  it('gives a second process one clear line', async () => {
    await start({ stateFolder: folder });
    await expect(start({ stateFolder: folder })).rejects.toMatchObject({
      code: 'STATE_LOCKED',
      message: `the state folder ${folder} is in use by another process. Stop that one or choose another with --state-dir`,
    });
  });

  it('frees the folder when it cannot listen', async () => {
    const first = await start();
    const listen = parseListenAddress(`tcp://${new URL(first.url).host}`);
    await expect(start({ stateFolder: folder, listen })).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' });
    await start({ stateFolder: folder });
  });

  it('explains a folder it cannot use', async () => {
    await writeFile(join(folder, 'file'), '');
    const stateFolder = join(folder, 'file', 'state');
    await expect(start({ stateFolder })).rejects.toThrow(`cannot use the state folder ${stateFolder}: ENOTDIR`);
    await expect(start({ stateFolder: join(folder, 'file') })).rejects.toMatchObject({ code: 'STATE_UNUSABLE' });
  });
});
