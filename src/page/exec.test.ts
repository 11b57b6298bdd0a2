import { once } from 'node:events';
import { request } from 'node:http';
import { type CloseEvent, WebSocket } from 'undici';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FakeManager } from '../../test/fakes/fake-manager.ts';
import { PageBrowser } from '../../test/fakes/page-browser.ts';
import { eventually } from '../../test/fakes/wait.ts';

let swarm: FakeManager;
let browser: PageBrowser;
let id: string;

beforeAll(async () => {
  swarm = await FakeManager.start([{ images: ['redis:latest'] }], { page: {} });
  browser = await PageBrowser.at(swarm);
  id = await swarm.create('shell');
  await swarm.call('POST', `/containers/${id}/start`);
});

afterAll(() => swarm.close());

/** A terminal of a page; text as it is shown, and how it ended. */
function terminal(
  query: string,
  container = id,
): {
  readonly socket: WebSocket;
  readonly shown: () => string;
  readonly texts: string[];
  readonly ended: Promise<{ readonly code: number; readonly reason: string }>;
} {
  const { origin, token, cookie } = browser;
  const url = `${origin.replace('http', 'ws')}/api/v1/containers/${container}/exec?${query}`;
  const headers = { Cookie: cookie, Origin: origin };
  const socket = new WebSocket(url, { protocols: ['enxame.exec.v1', `token.${token}`], headers });
  socket.binaryType = 'arraybuffer';
  const texts: string[] = [];
  let shown = '';
  socket.addEventListener('message', ({ data }) => {
    if (typeof data === 'string') texts.push(data);
    else shown += Buffer.from(data as ArrayBuffer).toString();
  });
  const ended = once(socket, 'close').then(([event]) => {
    const { code, reason } = event as CloseEvent;
    return { code, reason };
  });
  return { socket, shown: () => shown, texts, ended };
}

/** The answer to a request to leave HTTP that is refused. */
function refused(path: string, headers: Record<string, string>): Promise<readonly [number | undefined, string]> {
  return new Promise((resolve, reject) => {
    const upgrade = {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': Buffer.alloc(16).toString('base64'),
    };
    const asked = request(`${browser.origin}/api/v1/${path}`, { headers: { ...upgrade, ...headers } }, (answer) => {
      let text = '';
      answer.on('data', (piece) => {
        text += piece;
      });
      answer.on('end', () => resolve([answer.statusCode, (JSON.parse(text) as { code: string }).code]));
    });
    asked.on('upgrade', () => reject(new Error('it was let in')));
    asked.on('error', reject).end();
  });
}

describe('a terminal', () => {
  test('shows what a command says, takes what is typed, and its size', async () => {
    const { socket, shown, ended } = terminal('command=cat&cols=100&rows=30');
    await once(socket, 'open');
    expect(socket.protocol).toBe('enxame.exec.v1');
    socket.send(Buffer.from('hello'));
    await eventually(() => expect(shown()).toContain('hello'));
    const sizes = (): readonly string[] =>
      swarm
        .engine(0)
        .requestsTo('POST /exec/*')
        .flatMap(({ target }) => /\?(h=.*)$/.exec(target)?.[1] ?? []);
    expect(sizes()).toContain('h=30&w=100');
    socket.send(JSON.stringify({ cols: 120, rows: 40 }));
    socket.send('nonsense');
    await eventually(() => expect(sizes()).toContain('h=40&w=120'));
    socket.close();
    expect((await ended).code).toBe(1000);
  });

  test('tells how the command ended', async () => {
    const { texts, shown, ended } = terminal('command=echo&command=hi');
    expect(await ended).toMatchObject({ code: 1000 });
    expect([shown().includes('echo hi'), texts]).toEqual([true, ['{"exitCode":0}']]);
  });

  test('says why it cannot be opened', async () => {
    const stopped = await swarm.create('stopped');
    expect(await terminal('command=cat', stopped).ended).toMatchObject({
      code: 1011,
      reason: expect.stringContaining('is not running'),
    });
  });

  test('is for those who may act, and asked for by the page itself', async () => {
    const { origin, cookie, token } = browser;
    const own = { Cookie: cookie, Origin: origin, 'Sec-WebSocket-Protocol': `enxame.exec.v1, token.${token}` };
    const path = `containers/${id}/exec`;
    const looking = await PageBrowser.at(swarm, '?readonly=1');
    const readOnly = {
      ...own,
      Cookie: looking.cookie,
      'Sec-WebSocket-Protocol': `enxame.exec.v1, token.${looking.token}`,
    };
    expect(await refused(path, { ...own, Cookie: 'x=y' })).toEqual([401, 'NO_SESSION']);
    expect(await refused(path, { ...own, 'Sec-WebSocket-Protocol': 'enxame.exec.v1' })).toEqual([401, 'NO_SESSION']);
    expect(await refused(path, { Cookie: cookie, 'Sec-WebSocket-Protocol': own['Sec-WebSocket-Protocol'] })).toEqual([
      403,
      'FOREIGN_PAGE',
    ]);
    expect(await refused(path, readOnly)).toEqual([403, 'READ_ONLY']);
    expect(await refused('containers/none/exec', own)).toEqual([404, 'NO_SUCH_CONTAINER']);
    expect(await refused('stream', own)).toEqual([404, 'NO_SUCH_CALL']);
    expect(await refused('containers/%zz/exec', own)).toEqual([400, 'BAD_PATH']);
    expect(await refused(`${path}?cols=0`, own)).toEqual([400, expect.any(String)]);
  });

  test('ends with its session, and there are not too many of them', async () => {
    const open = Array.from({ length: 8 }, () => terminal('command=cat'));
    await Promise.all(open.map(({ socket }) => once(socket, 'open')));
    const { origin, cookie, token } = browser;
    const own = { Cookie: cookie, Origin: origin, 'Sec-WebSocket-Protocol': `enxame.exec.v1, token.${token}` };
    expect(await refused(`containers/${id}/exec`, own)).toEqual([429, 'TOO_MANY']);
    await browser.call('POST', 'logout');
    for (const { ended } of open) expect(await ended).toMatchObject({ code: 1008, reason: 'the session has ended' });
  });
});
