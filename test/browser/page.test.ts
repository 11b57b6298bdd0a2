import { copyFile } from 'node:fs/promises';
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { barriers, DESKTOP, NARROW, PHONE, type Tab, type TabOptions } from './browser.ts';
import { guardTests } from './guards.ts';
import { PICTURES, type ServedLab } from './served-lab.ts';
import { SERVE, Site } from './site.ts';

const site = new Site();
let served: ServedLab;
let id: string;

const CHATTER = 'i=0; while :; do i=$((i+1)); echo "tick $i"; sleep 0.2; done';
const VIEWS = [
  'hive',
  'hive?as=list',
  'containers',
  'nodes',
  'images',
  'networks',
  'volumes',
  'events',
  'plans',
  'bill',
];

beforeAll(async () => {
  await site.start();
  served = site.served;
  await shop('web', ['-e', 'constraint:node==operaria-1', '--memory', '64m', '-p', '8080:6379'], SERVE);
  await shop('db', ['-e', 'constraint:node==abelha-rainha', '--memory', '512m', '-v', 'data:/data'], SERVE);
  await shop('worker', ['-e', 'constraint:node==~operaria-2', '--restart', 'always', '--memory', '128m'], SERVE);
  await shop('job', ['-e', 'constraint:node==operaria-2'], ['sh', '-c', 'exit 3']);
  await Promise.all(
    ['cache', 'mail', 'search', 'queue', 'api', 'front', 'stock'].map((service, at) =>
      shop(service, ['--memory', `${64 << (at % 4)}m`, ...(at % 2 === 0 ? ['--restart', 'always'] : [])], SERVE),
    ),
  );
  id = await shop(
    'talker',
    ['-e', 'constraint:node==operaria-1', '-e', 'API_TOKEN=geheim', '-e', 'COLOUR=amber'],
    ['sh', '-c', CHATTER],
  );
});

afterEach(() => site.closeTabs());

afterAll(async () => {
  if (process.env.ENXAME_PICTURES) await updateDocs();
  await site.close();
});

/** The pictures of docs/page.md are those of this run. */
async function updateDocs(): Promise<void> {
  const made = { hive: 'lost', list: 'lost-list', container: 'desktop-dark-containers-one', plan: 'plan' };
  for (const [name, file] of Object.entries(made)) {
    await copyFile(`${PICTURES}${file}.png`, new URL(`../../docs/page/${name}.png`, import.meta.url));
  }
}

async function shop(service: string, options: readonly string[], command: readonly string[]): Promise<string> {
  const labels = ['com.docker.compose.project=shop', `com.docker.compose.service=${service}`];
  const flags = labels.flatMap((label) => ['--label', label]);
  return served.docker('run', '-d', '--name', `shop-${service}-1`, ...flags, ...options, 'redis', ...command);
}

/** A container of one test. */
async function guest(name: string, ...command: readonly string[]): Promise<string> {
  onTestFinished(() => removed(name));
  return served.docker('run', '-d', '--name', name, ...command);
}

async function removed(name: string): Promise<void> {
  await served.docker('rm', '-f', name).catch(() => undefined);
}

const open = (options?: TabOptions): Promise<Tab> => site.open(options);
const enter = (options?: TabOptions): Promise<Tab> => site.enter(options);

/** Notes what is drawn above the map where there is nothing of it, between the domains: only what goes from one to another. */
const WATCH_GAPS = `
  window.inkInGaps = 0;
  setInterval(() => {
    const [ground, top] = [':not(.map-top)', '.map-top'].map((which) =>
      [...document.querySelectorAll('.map-canvas' + which)].find(({ style }) => style.visibility !== 'hidden'));
    if (!ground || ground.width !== top.width) return;
    const [below, above] = [ground, top].map((canvas) =>
      canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data);
    let count = 0;
    for (let at = 3; at < above.length; at += 4) if (above[at] > 40 && below[at] === 0) count += 1;
    window.inkInGaps = Math.max(window.inkInGaps, count);
  }, 100);`;

describe('login', () => {
  test('a link logs in once; without one the page says how to get it', async () => {
    const tab = await open();
    tab.expected = /401/;
    await tab.go('nodes');
    await tab.page.getByText('enxame page', { exact: true }).waitFor();
    await expect.poll(() => barriers(tab.page)).toEqual([]);
    const link = await served.link();
    await tab.page.getByLabel('or paste the link here').fill(link);
    await tab.page.getByRole('button', { name: 'Log in' }).click();
    await tab.page.getByRole('heading', { name: 'Nodes' }).waitFor();
    tab.expectNoFaults();

    const other = await open();
    other.expected = /401/;
    await other.go('hive');
    await other.page.getByLabel('or paste the link here').fill(link);
    await other.page.getByRole('button', { name: 'Log in' }).click();
    await other.page.getByRole('alert').getByText('That link did not work').waitFor();
    other.expectNoFaults();
  });

  test('the way out ends the session', async () => {
    const tab = await enter();
    tab.expected = /401/;
    await tab.page.getByRole('button', { name: 'Colours, Language' }).click();
    await tab.page.getByRole('button', { name: 'Log out' }).click();
    await tab.page.getByRole('heading', { name: 'Enxame' }).waitFor();
    tab.expectNoFaults();
  });
});

describe.each([
  { name: 'desktop-dark', options: { size: DESKTOP, colours: 'dark' } },
  { name: 'phone-light', options: { size: PHONE, colours: 'light' } },
] as const)('every view at $name', ({ name, options }) => {
  test('is shown without faults and without barriers', async () => {
    const tab = await enter(options);
    const parts = ['', '?tab=logs', '?tab=stats', '?tab=env', '?tab=terminal'].map((tail) => `containers/${id}${tail}`);
    for (const view of [...VIEWS, ...parts]) {
      await tab.go(view);
      await tab.page.locator('main h1').first().waitFor({ state: 'attached' });
      await expect.poll(() => tab.page.locator('.loading').count()).toBe(0);
      const file = view.replace(id, 'one').replaceAll(/[^\w]+/g, '-');
      await tab.page.screenshot({ path: `${PICTURES}${name}-${file}.png` });
      await expect.poll(() => barriers(tab.page), { message: view }).toEqual([]);
    }
    tab.expectNoFaults();
  });
});

test('fits the narrowest of screens', async () => {
  const tab = await enter({ size: NARROW });
  const wide: string[] = [];
  for (const view of [...VIEWS, `containers/${id}`]) {
    await tab.go(view);
    await tab.page.locator('main h1').first().waitFor({ state: 'attached' });
    await expect.poll(() => tab.page.locator('.loading').count()).toBe(0);
    if (await tab.page.evaluate('document.documentElement.scrollWidth > innerWidth')) wide.push(view);
  }
  expect(wide).toEqual([]);
  tab.expectNoFaults();
});

test('speaks the language of the browser, and the one that is chosen', async () => {
  const tab = await enter({ language: 'pt-BR', colours: 'light' });
  expect(await tab.page.getAttribute('html', 'lang')).toBe('pt-BR');
  await tab.page.getByRole('link', { name: 'Contêineres' }).first().click();
  await tab.page.getByRole('heading', { name: 'Contêineres' }).waitFor();
  await tab.page.getByRole('button', { name: 'Cores, Idioma' }).click();
  await tab.page.getByText('English').click();
  await tab.page.keyboard.press('Escape');
  await tab.page.getByRole('heading', { name: 'Containers' }).waitFor();
  tab.expectNoFaults();
});

describe('what happens', () => {
  test('is seen: a container that starts, is killed, and is removed', async () => {
    const tab = await enter();
    await tab.go('containers?q=shop-guest');
    await tab.page.getByText('Nothing matches.').waitFor();
    await guest('shop-guest-1', 'redis', ...SERVE);
    const row = tab.page.getByRole('row', { name: /shop-guest-1/ });
    await row.getByText('running').waitFor();
    await served.docker('kill', 'shop-guest-1');
    await row.getByText('exited 137').waitFor();
    await served.docker('rm', 'shop-guest-1');
    await row.waitFor({ state: 'detached' });
    await tab.go('events?q=shop-guest-1');
    await tab.page.getByText('destroy').first().waitFor();
    tab.expectNoFaults();
  });

  test('is seen: a node that is lost, its container elsewhere, and the node back', async () => {
    const tab = await enter();
    await tab.go('hive?as=list');
    const node = tab.page.locator('.tree-nodes > li', { hasText: 'operaria-2' });
    await node.getByText('healthy').waitFor();
    await served.lab.node('operaria-2').crash();
    onTestFinished(async () => {
      const { enginePid } = served.lab.node('operaria-2');
      if (enginePid === undefined) await served.lab.node('operaria-2').start();
    });
    await node.getByText(/down|lost/).waitFor();
    await tab.page.screenshot({ path: `${PICTURES}lost-list.png` });
    await tab.go('containers?q=shop-worker');
    const row = tab.page.getByRole('row', { name: /shop-worker-1/ });
    await row.getByText(/abelha-rainha|operaria-[13]/).waitFor();
    await row.getByText('running').waitFor();
    await row.getByRole('link', { name: 'shop-worker-1' }).click();
    await tab.page.getByText(/From operaria-2 to/).waitFor();
    await tab.go('hive');
    await tab.page.waitForTimeout(1_500);
    await tab.page.screenshot({ path: `${PICTURES}lost.png` });
    await served.lab.node('operaria-2').start();
    await tab.go('hive?as=list');
    await node.getByText('healthy').waitFor();
    tab.expectNoFaults();
  });
});

test('a move is seen moving', async () => {
  onTestFinished(() => removed('shop-mover-1'));
  await shop('mover', ['-e', 'constraint:node==~operaria-1', '--restart', 'always'], SERVE);
  const tab = await enter();
  await tab.page.getByRole('application').waitFor();
  await tab.page.evaluate(WATCH_GAPS);
  const ink = (): Promise<number> => tab.page.evaluate('inkInGaps');
  let [from, to] = ['operaria-3', 'operaria-1'];
  // On a busy machine nothing may be drawn in the second that it flies: then it flies back.
  while ((await ink()) === 0) {
    [from, to] = [to, from];
    let isOver = false;
    const moved = served.enxame('move', 'shop-mover-1', '--to', to, '--yes').finally(() => {
      isOver = true;
    });
    await expect.poll(async () => isOver || (await ink()) > 0).toBe(true);
    await tab.page.screenshot({ path: `${PICTURES}move.png` });
    await moved;
  }
  await tab.go('containers/shop-mover-1');
  await tab.page.getByText(`From ${from} to ${to}`).first().waitFor();
  tab.expectNoFaults();
});

describe('a container', () => {
  test('shows its logs as they are written, found and held', async () => {
    const tab = await enter();
    await tab.go(`containers/${id}?tab=logs`);
    const lines = tab.page.locator('.log-line');
    await lines.first().waitFor();
    const before = await lines.count();
    await expect.poll(() => lines.count()).toBeGreaterThan(before);
    await tab.page.locator('.log-tools').getByRole('button', { name: 'Pause' }).click();
    const waiting = tab.page.getByText(/\d+ new lines/);
    await waiting.waitFor();
    const [held, first] = [await lines.count(), await waiting.textContent()];
    await expect.poll(() => waiting.textContent()).not.toBe(first);
    expect(await lines.count()).toBe(held);
    await tab.page.getByRole('button', { name: 'Go on' }).click();
    await expect.poll(() => lines.count()).toBeGreaterThan(held);
    await tab.page.getByRole('searchbox', { name: 'Search in the logs' }).fill('tick 1');
    await tab.page.getByLabel('Only matches').check();
    await expect.poll(() => tab.page.locator('mark').count()).toBeGreaterThan(0);
    tab.expectNoFaults();
  });

  test('shows its environment without secrets', async () => {
    const tab = await enter();
    await tab.go(`containers/${id}?tab=env`);
    await tab.page.getByText('amber').waitFor();
    await tab.page
      .getByRole('row', { name: /API_TOKEN/ })
      .getByText('masked')
      .waitFor();
    expect(await tab.page.content()).not.toContain('geheim');
    tab.expectNoFaults();
  });

  test('has a terminal', async () => {
    const tab = await enter();
    await tab.go(`containers/${id}?tab=terminal`);
    await tab.page.getByRole('button', { name: 'Open a terminal' }).click();
    // The prompt: what is typed before goes nowhere.
    await tab.page.locator('.terminal .xterm-rows').getByText('#').first().waitFor();
    await tab.page.keyboard.type('echo $((6*7))-honey\n');
    await tab.page.locator('.terminal').getByText('42-honey').first().waitFor();
    await tab.page.keyboard.type('printf "\\033[38;2;1;200;100mtrue colour\\033[0m\\n"; exit 4\n');
    await tab.page.getByText('It ended with code 4.').waitFor();
    tab.expectNoFaults();
  });

  test('is stopped, started and removed from here', async () => {
    const acted = await guest('shop-acted-1', 'redis', ...SERVE);
    const tab = await enter();
    // What is asked of a container may come after its end.
    tab.expected = /404/;
    await tab.go(`containers/${acted}`);
    await tab.page.getByRole('button', { name: 'Stop' }).click();
    await tab.page.getByRole('dialog').getByRole('button', { name: 'Stop' }).click();
    await tab.page.locator('.under-title').getByText('exited').waitFor();
    await tab.page.getByRole('button', { name: 'Start', exact: true }).click();
    await tab.page.locator('.under-title').getByText('running').waitFor();
    await tab.page.getByRole('button', { name: 'Remove' }).click();
    await tab.page.getByLabel('It runs: kill it first').check();
    await tab.page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click();
    await tab.page.getByRole('heading', { name: 'Containers' }).waitFor();
    await expect.poll(() => served.docker('ps', '-aq', '--filter', 'name=shop-acted-1')).toBe('');
    tab.expectNoFaults();
  });
});

test('a plan is shown before it is carried out', async () => {
  onTestFinished(async () => {
    await expect.poll(() => served.docker('node', 'update', '--availability', 'active', 'operaria-2')).toBeTruthy();
  });
  const tab = await enter();
  await tab.go('plans?kind=drain');
  await tab.page.getByLabel('operaria-1').check();
  await tab.page.locator('.plan-table').getByText('operaria-1').waitFor();
  await tab.page.screenshot({ path: `${PICTURES}plan.png` });
  await tab.page.getByLabel('operaria-1').uncheck();
  await tab.page.getByLabel('operaria-2').check();
  await tab.page.getByRole('button', { name: 'Apply' }).waitFor();
  await tab.page.getByRole('button', { name: 'Apply' }).click();
  await tab.page.getByRole('dialog').getByRole('button', { name: 'Apply' }).click();
  await tab.page.getByText('It is being carried out').waitFor();
  await tab.go('nodes');
  await tab.page
    .getByRole('row', { name: /operaria-2/ })
    .getByText('draining')
    .waitFor();
  await tab.page.getByRole('link', { name: 'operaria-2' }).click();
  await tab.page.getByRole('button', { name: 'Take containers again' }).click();
  await tab.page.getByRole('dialog').getByRole('button', { name: 'Take containers again' }).click();
  await tab.page.locator('.under-title').getByText('healthy').waitFor();
  tab.expectNoFaults();
});

test('the bill says what nodes cost, and a plan what would be saved, which is carried out from here', async () => {
  const emptied: string[] = [];
  onTestFinished(async () => {
    for (const node of emptied) await served.docker('node', 'update', '--availability', 'active', node);
  });
  const tab = await enter();
  await tab.go('bill');
  await tab.page
    .getByRole('row', { name: /operaria-1/ })
    .getByText('5.83 EUR')
    .waitFor();
  // Twice 5.83, and twice 730 hours of 0.0119.
  await tab.page.getByText('29.03 EUR').first().waitFor();
  await tab.page.getByText('shop', { exact: true }).first().waitFor();
  await tab.go('plans?kind=cheapest');
  await tab.page.locator('.cost').getByText('29.03 EUR').waitFor();
  await tab.page
    .locator('.cost')
    .getByText(/saves \d+\.\d\d EUR/)
    .waitFor();
  await tab.page.screenshot({ path: `${PICTURES}cheapest.png` });
  await tab.page.getByRole('button', { name: 'Apply' }).click();
  await tab.page.getByRole('dialog').getByText('Carry out this plan?').waitFor();
  await expect.poll(() => barriers(tab.page)).toEqual([]);
  await tab.page.keyboard.press('Escape');
  await tab.page.getByRole('dialog').waitFor({ state: 'detached' });
  tab.expectNoFaults();
});

test('a node and a network have views of their own', async () => {
  onTestFinished(async () => {
    await removed('shop-back-1');
    await served.docker('network', 'rm', 'shop-back').catch(() => undefined);
  });
  await served.docker('network', 'create', '-d', 'bridge', 'shop-back');
  await shop('back', ['--network', 'shop-back'], SERVE);
  const tab = await enter();
  await tab.go('nodes/operaria-1');
  await tab.page.getByRole('heading', { name: 'operaria-1' }).waitFor();
  await tab.page.getByText('If it were lost now').waitFor();
  await tab.page.getByRole('link', { name: 'shop-web-1' }).first().waitFor();
  await expect.poll(() => tab.page.locator('.loading').count()).toBe(0);
  await tab.page.screenshot({ path: `${PICTURES}node.png` });
  await expect.poll(() => barriers(tab.page)).toEqual([]);
  await tab.go('networks?q=shop-back');
  await tab.page.getByRole('link', { name: 'shop-back', exact: true }).click();
  await tab.page.getByRole('heading', { name: 'shop-back' }).waitFor();
  await tab.page.getByRole('link', { name: 'shop-back-1' }).waitFor();
  await tab.page.screenshot({ path: `${PICTURES}network.png` });
  await expect.poll(() => barriers(tab.page)).toEqual([]);
  tab.expectNoFaults();
});

test('a container is found by its name, and by the start of its ID', async () => {
  const tab = await enter();
  for (const reference of ['shop-talker-1', id.slice(0, 12)]) {
    await tab.go(`containers/${reference}`);
    await tab.page.getByRole('heading', { name: 'shop-talker-1' }).waitFor();
  }
  await tab.go('containers/nobody');
  await tab.page.getByText('There is no such container').waitFor();
  tab.expectNoFaults();
});

guardTests(site);

test('the keyboard is enough', async () => {
  const tab = await enter();
  const { page } = tab;
  await page.getByRole('application').waitFor();
  await page.keyboard.press('Tab');
  await expect.poll(() => page.evaluate('document.activeElement?.textContent')).toBe('Skip to the content');
  await page.keyboard.press('?');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor();
  await page.keyboard.press('Escape');
  await page.getByRole('dialog', { name: 'Keys' }).waitFor({ state: 'detached' });
  await page.keyboard.press('g');
  await page.keyboard.press('n');
  await page.getByRole('heading', { name: 'Nodes' }).waitFor();
  await page.getByRole('searchbox').waitFor();
  await page.keyboard.press('/');
  await expect.poll(() => page.evaluate('document.activeElement?.tagName')).toBe('INPUT');
  await page.keyboard.type('rainha');
  await page.getByText('1 of 4').waitFor();
  await expect.poll(() => page.url()).toContain('q=rainha');
  await page.keyboard.press('Escape');
  await page.keyboard.press('g');
  await page.keyboard.press('h');
  const map = page.getByRole('application');
  await map.focus();
  await page.keyboard.press('ArrowRight');
  const said = page.locator('.map [aria-live]');
  await expect.poll(() => said.textContent()).toMatch(/rainha|operaria/);
  for (const key of ['ArrowLeft', 'ArrowLeft', 'ArrowUp', 'ArrowUp']) await page.keyboard.press(key);
  // The leftmost node may be empty: then its own panel opens.
  await page.keyboard.press('Enter');
  await expect.poll(async () => (await said.textContent())?.includes(',') || page.url().includes('on=')).toBe(true);
  tab.expectNoFaults();
});

test('what is shown is in the address', async () => {
  const tab = await enter();
  await tab.go(`hive?colour=state&on=container%3A${id}`);
  await tab.page.locator('.panel').getByRole('heading', { name: 'shop-talker-1' }).waitFor();
  await expect.poll(() => tab.page.getByRole('radio', { name: 'State' }).isChecked()).toBe(true);
  await tab.page.waitForTimeout(700);
  await tab.page.screenshot({ path: `${PICTURES}panel.png` });
  await tab.page.reload();
  await tab.page.locator('.panel').getByRole('heading', { name: 'shop-talker-1' }).waitFor();
  tab.expectNoFaults();
});

test('says that the manager is gone, and asks to log in when another one is there', async () => {
  const tab = await enter();
  tab.expected = /ERR_|401|EventSource/;
  await tab.go('containers');
  onTestFinished(() => served.mendManager());
  await served.killManager();
  await tab.page.getByText('The manager does not answer').waitFor();
  await tab.page.getByText('shop-web-1').first().waitFor();
  await tab.page.screenshot({ path: `${PICTURES}gone.png` });
  await served.startManager();
  await tab.page.getByText('enxame page', { exact: true }).waitFor();
  // Back to what was shown before.
  await tab.page.goto(await served.link());
  await tab.page.getByRole('heading', { name: 'Containers' }).waitFor();
  await tab.page.getByText('shop-web-1').first().waitFor();
  tab.expectNoFaults();
});
