import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { MAX_VIEWERS } from '../../src/page/viewers.ts';
import { enxame } from '../engines/enxame-process.ts';
import { PageBrowser } from '../fakes/page-browser.ts';
import { barriers } from './browser.ts';
import { PICTURES } from './served-lab.ts';
import type { Site } from './site.ts';

/** Who is let in, and who may act. */
export function guardTests(site: Site): void {
  describe('login', () => {
    test('leads to the view that was asked for, also at another tab', async () => {
      const asked = await site.open();
      asked.expected = /401/;
      await asked.go('containers/shop-talker-1?tab=env');
      await asked.page.getByText('enxame page', { exact: true }).waitFor();
      const other = await site.beside(asked);
      await other.page.goto(await site.served.link());
      for (const tab of [other, asked]) {
        await tab.page.getByRole('heading', { name: 'shop-talker-1' }).waitFor();
        await tab.page.getByText('amber').waitFor();
        tab.expectNoFaults();
      }
    });

    test('says so when its link is wrong, or was used', async () => {
      const used = await site.served.link();
      const first = await site.open();
      await first.page.goto(used);
      await first.page.getByRole('application').waitFor();
      const tab = await site.open();
      tab.expected = /401/;
      for (const link of [used, `${site.served.origin}/login#${'A'.repeat(43)}`]) {
        await tab.page.goto(link);
        await tab.page.getByText('This link was used already, or is too old.').waitFor();
        await expect.poll(() => new URL(tab.page.url()).hash).toBe('');
        await expect.poll(() => barriers(tab.page)).toEqual([]);
      }
      tab.expectNoFaults();
    });
  });

  test('a page of another origin moves nothing, though the browser is logged in', async () => {
    const { served } = site;
    const [id, tab] = [
      await served.docker('ps', '-q', '--no-trunc', '--filter', 'name=shop-talker-1'),
      await site.enter(),
    ];
    const target = `${served.origin}/api/v1/containers/${id}/stop`;
    const evil = await listening(createServer((_, res) => res.setHeader('Content-Type', 'text/html').end(FORGED)));
    const stranger = await site.beside(tab);
    const answers: unknown[] = [];
    stranger.page.on('response', (response) => {
      if (response.url() === target) answers.push(response.status());
    });
    // The browser keeps even the refusal from the script of another origin.
    stranger.page.on('requestfailed', (request) => {
      if (request.url() === target) answers.push(request.failure()?.errorText);
    });
    await stranger.page.goto(`http://127.0.0.1:${evil}/?${target}`);
    await expect.poll(() => answers).toEqual([expect.stringContaining('BLOCKED_BY_RESPONSE'), 403]);
    expect(await served.docker('inspect', '-f', '{{.State.Status}}', id)).toBe('running');
    tab.expectNoFaults();
  });

  test('a page that may only look offers nothing else, and is refused it', async () => {
    const tab = await site.enter({}, '--read-only');
    tab.expected = /403/;
    await tab.page.getByText('Read only').waitFor();
    await tab.go('containers/shop-web-1');
    await tab.page.getByRole('heading', { name: 'shop-web-1' }).waitFor();
    await tab.page.getByText('Where and why').waitFor();
    expect(await tab.page.getByRole('button', { name: /Stop|Remove|Kill/ }).count()).toBe(0);
    await tab.go('containers/shop-web-1?tab=terminal');
    await tab.page
      .getByText(/read only|may only look/i)
      .last()
      .waitFor();
    expect(await tab.page.getByRole('button', { name: 'Open a terminal' }).count()).toBe(0);
    const refusal = await tab.page.evaluate(`fetch('/api/v1/nodes/x/availability', {
      method: 'POST',
      headers: { 'x-enxame-token': localStorage.getItem('enxame.token'), 'content-type': 'application/json' },
      body: '{"availability":"drain"}',
    }).then(async (answer) => [answer.status, (await answer.json()).code])`);
    expect(refusal).toEqual([403, 'READ_ONLY']);
    tab.expectNoFaults();
  });

  test('one page more than there may be is told so', async () => {
    const browser = new PageBrowser(site.served.origin);
    await browser.login((await site.served.link()).split('#')[1] ?? '');
    const leave = new AbortController();
    onTestFinished(() => leave.abort());
    // Places of tabs that were closed are free once the manager has noticed.
    const take = async (): Promise<void> => {
      for (;;) {
        const { value } = await browser.stream(undefined, leave.signal).next();
        if (value?.name !== 'bye') return;
      }
    };
    await Promise.all(Array.from({ length: MAX_VIEWERS }, take));
    // Nothing of the swarm is there to wait for.
    const tab = await site.open();
    await tab.page.goto(await site.served.link());
    await tab.page.getByText(`${MAX_VIEWERS} pages are open`).waitFor();
    await tab.page.getByText('Waiting for a place').first().waitFor();
    await tab.page.screenshot({ path: `${PICTURES}full.png` });
    tab.expectNoFaults();
  });

  test('a page of another version asks to be loaded anew, and others go on', async () => {
    const tab = await site.enter();
    const old = await site.beside(tab);
    const hello = { protocol: 99, version: '99', epoch: 'e', resumed: false, cluster: {}, nodes: 0, containers: 0 };
    await old.page.route('**/api/v1/stream*', (route) =>
      route.fulfill({ contentType: 'text/event-stream', body: `event: hello\ndata: ${JSON.stringify(hello)}\n\n` }),
    );
    await old.go('hive');
    await old.page.getByText('This page is of another version than the manager').waitFor();
    await expect.poll(() => barriers(old.page)).toEqual([]);
    await old.page.unroute('**/api/v1/stream*');
    await old.page.getByRole('button', { name: 'Load the page anew' }).click();
    for (const each of [tab, old]) {
      await each.page.getByRole('application').waitFor();
      each.expectNoFaults();
    }
  });

  test('a listener that is taken is told in one line, and nothing is started', async () => {
    const taken = await listening(createTcpServer());
    const nodes = site.served.lab.nodes.map(({ endpoint }) => endpoint).join(',');
    const flags = ['-H', 'tcp://127.0.0.1:0', '--state-dir', 'none', `--page=tcp://127.0.0.1:${taken}`];
    const manager = enxame(['manage', ...flags, nodes]);
    expect(await manager.ended()).toBe(1);
    const lines = manager
      .said()
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('{'));
    expect(lines).toEqual([
      expect.stringMatching(new RegExp(`127\\.0\\.0\\.1:${taken}: another process has it.*--page`)),
    ]);
  });
}

/** What a hostile page does: a script, and a form. The target is in its query. */
const FORGED = `<!doctype html><form method="post" enctype="text/plain"><input name="x" value="y"></form><script>
const target = location.search.slice(1);
fetch(target, { method: 'POST', mode: 'no-cors', credentials: 'include' }).finally(() => {
  document.forms[0].action = target;
  document.forms[0].submit();
});
</script>`;

/** Listens on a port of its own until the test ends. */
async function listening(server: Server | ReturnType<typeof createTcpServer>): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return (server.address() as AddressInfo).port;
}
