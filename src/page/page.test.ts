import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type IncomingHttpHeaders, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FakeManager } from '../../test/fakes/fake-manager.ts';
import { PageBrowser } from '../../test/fakes/page-browser.ts';

const IMAGE = { images: ['redis:latest'] };

let folder: string;
let swarm: FakeManager;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enxame-page-'));
  await mkdir(join(folder, 'assets'));
  await writeFile(join(folder, 'index.html'), '<!doctype html>the page');
  await writeFile(join(folder, 'assets', 'index-B7rXk2Qa.js'), 'code');
  await writeFile(join(folder, 'assets', 'index-B7rXk2Qa.js.gz'), gzipSync('code'));
  swarm = await FakeManager.start([IMAGE, IMAGE], { page: { folder } });
});

afterAll(async () => {
  await swarm.close();
  await rm(folder, { recursive: true });
});

const origin = (): string => swarm.manager.page?.url ?? '';

async function link(search = ''): Promise<string> {
  const { json } = await swarm.call('POST', `/enxame/v1/page/login${search}`, {});
  return String(json.path).split('#')[1] ?? '';
}

describe('who is let in', () => {
  test('a link logs in once, and gives a cookie that scripts and other sites cannot use', async () => {
    const secret = await link();
    const browser = new PageBrowser(origin());
    const answer = await browser.login(secret);
    const cookie = answer.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/^enxame-\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(await browser.get('session')).toMatchObject({ protocol: 1, actions: true, has: { stats: false } });
    const again = await new PageBrowser(origin()).login(secret);
    expect([again.status, await again.json()]).toEqual([
      401,
      { message: expect.stringContaining('used already'), code: 'BAD_LINK' },
    ]);
  });

  test.each(['', 'x', 'A'.repeat(43), 'A'.repeat(5_000), 7, null])('not with the link %j', async (wrong) => {
    const answer = await new PageBrowser(origin()).call('POST', 'login', { link: wrong });
    expect([400, 401]).toContain(answer.status);
    expect(answer.headers.get('set-cookie')).toBeNull();
  });

  test('nothing is told without cookie and token, of the same session', async () => {
    const [one, two] = [await PageBrowser.at(swarm), await PageBrowser.at(swarm)];
    const wrong: readonly Record<string, string | null>[] = [
      { Cookie: null },
      { 'X-Enxame-Token': null },
      { 'X-Enxame-Token': two.token },
      { 'X-Enxame-Token': `${one.token}x` },
      { Cookie: `${one.cookie}x` },
    ];
    for (const path of ['session', 'stream', `stream?token=${two.token}`, 'images', 'no/such/call'])
      for (const headers of wrong) {
        const answer = await one.call('GET', path, undefined, headers);
        expect([path, answer.status]).toEqual([path, 401]);
        expect(Object.keys((await answer.json()) as object)).toEqual(['message', 'code']);
      }
    expect((await one.call('POST', 'logout')).status).toBe(204);
    expect((await one.call('GET', 'session')).status).toBe(401);
    expect((await two.call('GET', 'session')).status).toBe(200);
  });

  test('other cookies of the host change nothing, and the port that the browser sees names ours', async () => {
    const browser = await PageBrowser.at(swarm);
    const [name = ''] = browser.cookie.split('=');
    const foreign = { Cookie: `${name}=foreign; other=x; ${browser.cookie}` };
    expect((await browser.call('GET', 'session', undefined, foreign)).status).toBe(200);
    const own = { Cookie: browser.cookie.replace(/^enxame-\d+/, 'enxame-4321'), 'X-Enxame-Token': browser.token };
    expect(await statusOf('/api/v1/session', { ...own, Host: 'localhost:4321' })).toBe(200);
    expect(await statusOf('/api/v1/session', own)).toBe(401);
  });

  test('changes come from the page itself alone', async () => {
    const browser = await PageBrowser.at(swarm);
    for (const foreign of [null, 'https://example.com', 'null', `${origin()}0`, origin().replace('http', 'https')]) {
      const answer = await browser.call('POST', 'logout', undefined, { Origin: foreign });
      expect([foreign, answer.status]).toEqual([foreign, 403]);
    }
    const { status } = await new PageBrowser(origin()).call('POST', 'login', { link: await link() }, { Origin: null });
    expect(status).toBe(403);
  });

  test('pages of other sites, and names that could be theirs, get nothing but links', async () => {
    const ask = (path: string, headers: Record<string, string>): Promise<number> => statusOf(path, headers);
    const navigation = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'navigate' };
    expect(await ask('/containers/abc', navigation)).toBe(200);
    expect(await ask('/api/v1/session', navigation)).toBe(403);
    expect(await ask('/', { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Mode': 'no-cors' })).toBe(403);
    expect(await ask('/', { 'Sec-Fetch-Site': 'same-site' })).toBe(403);
    const browser = await PageBrowser.at(swarm);
    const own = { Cookie: browser.cookie, 'X-Enxame-Token': browser.token };
    expect(await ask('/api/v1/session', own)).toBe(200);
    expect(await ask('/api/v1/session', { ...own, Host: `attacker.example.net:${new URL(origin()).port}` })).toBe(403);
  });

  test.each([
    ['a file', '/', {}, 200],
    ['what is not there', '/assets/none.js', {}, 404],
    ['no session', '/api/v1/session', {}, 401],
    ['a page of another site', '/api/v1/session', { 'Sec-Fetch-Site': 'cross-site' }, 403],
    ['a WebSocket', '/api/v1/containers/a/exec', { Connection: 'Upgrade', Upgrade: 'websocket' }, 401],
    [
      'a foreign WebSocket',
      '/api/v1/x',
      { Connection: 'Upgrade', Upgrade: 'websocket', 'Sec-Fetch-Site': 'cross-site' },
      403,
    ],
  ])('no answer goes without the headers that guard it: %s', async (_case, path, headers, status) => {
    const answer = await answerTo(path, headers);
    expect(answer.status).toBe(status);
    expect(answer.headers).toMatchObject({
      'content-security-policy': expect.stringContaining("default-src 'none'"),
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
    });
  });

  test('a link to look does not act, and neither does a page without the right', async () => {
    const browser = await PageBrowser.at(swarm, '?readonly=1');
    expect(await browser.get('session')).toMatchObject({ actions: false });
    const id = await swarm.create('watched');
    const answer = await browser.call('POST', `containers/${id}/start`);
    expect([answer.status, await answer.json()]).toEqual([
      403,
      { message: expect.stringContaining('--page-actions'), code: 'READ_ONLY' },
    ]);
  });
});

describe('files', () => {
  const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
    fetch(origin() + path, { headers });

  test('have headers that keep foreign code and frames out', async () => {
    for (const path of ['/', '/login', '/assets/index-B7rXk2Qa.js', '/api/v1/session', '/no.file']) {
      const { headers } = await get(path);
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy).toContain("default-src 'none'; script-src 'self'; style-src 'self'");
      expect(policy).toContain("frame-ancestors 'none'");
      expect(policy).not.toMatch(/unsafe|https?:|\*/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
    }
  });

  test('are compressed, and kept for good when their names say what they are', async () => {
    const asset = await get('/assets/index-B7rXk2Qa.js', { 'Accept-Encoding': 'gzip' });
    expect([asset.headers.get('content-encoding'), await asset.text()]).toEqual(['gzip', 'code']);
    expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    const index = await get('/');
    expect([index.headers.get('cache-control'), await index.text()]).toEqual(['no-cache', '<!doctype html>the page']);
    const etag = index.headers.get('etag') ?? '';
    expect((await get('/nodes/bee-1', { 'If-None-Match': etag })).status).toBe(304);
    expect((await get('/assets/other.js')).status).toBe(404);
    expect((await get('/../page.ts')).status).toBe(404);
    expect((await fetch(`${origin()}/`, { method: 'POST' })).status).toBe(405);
  });

  test('the login page has its script in a file, and the link’s secret is not asked for', async () => {
    const html = await (await get('/login')).text();
    expect(html).not.toMatch(/<script(?![^>]* src=)|style=|\son\w+=/);
    expect(await (await get('/login.js')).text()).toContain('/api/v1/login');
  });

  test('a manager from a source folder says how to build the page', async () => {
    await using bare = await FakeManager.start([IMAGE], { page: { folder: join(folder, 'none') } });
    const answer = await fetch(bare.manager.page?.url ?? '');
    expect([answer.status, await answer.text()]).toEqual([503, expect.stringContaining('npm run build')]);
  });
});

/** Asks as fetch cannot: with these headers and no others. */
function answerTo(
  path: string,
  headers: Record<string, string>,
): Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders }> {
  return new Promise((resolve, reject) => {
    const asked = request(origin() + path, { headers }, (answer) => {
      answer.resume();
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers });
    });
    asked.on('error', reject).end();
  });
}

async function statusOf(path: string, headers: Record<string, string>): Promise<number> {
  return (await answerTo(path, headers)).status;
}
