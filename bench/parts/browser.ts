import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { startBrowser } from '../../test/browser/chromium.ts';
import { freePort } from '../../test/free-ports.ts';
import { LoadClient } from '../load/client.ts';
import type { Target } from '../load/target.ts';
import { BrowserMeter } from '../measure/browser-meter.ts';
import { percentilesOf } from '../measure/percentiles.ts';
import { paced } from '../options.ts';
import type { Fact } from '../report/result.ts';
import type { Session } from '../session.ts';
import type { Findings } from './part.ts';

const CHANGES_PER_SECOND = 100;
const SETTLE_MS = 3_000;
const WATCH_MS = 10_000;
const DRAG_STEPS = 240;
const SCREEN = { width: 1440, height: 900 } as const;
const LOGIN =
  'POST /enxame/v1/page/login HTTP/1.1\r\nHost: docker\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}';

/** Milliseconds between the frames of the next `ms`. */
const frames = (ms: number): string => `new Promise((resolve) => {
  const times = [];
  let last = performance.now();
  const end = last + ${ms};
  const next = (now) => {
    times.push(now - last);
    last = now;
    if (now < end) requestAnimationFrame(next);
    else resolve(times.slice(1));
  };
  requestAnimationFrame(next);
})`;

/** The page's map in a real browser on this machine: how soon it is there, and its frames while the fleet changes. */
export async function browserPart(session: Session): Promise<Findings> {
  const port = await freePort();
  const manager = await session.startManager(['--page', `tcp://127.0.0.1:${port}`]);
  if (manager === undefined) return {};
  const browser = await startBrowser();
  try {
    const page = await enter(browser, `http://127.0.0.1:${port}`, manager.target);
    const meter = new BrowserMeter(browser);
    const facts: Fact[] = [...(await firstView(page))];
    const measure = async (when: string, act?: () => Promise<unknown>): Promise<void> => {
      await sleep(paced(session.options, SETTLE_MS));
      facts.push(...(await watch(page, meter, session, when, act)));
    };
    await measure('at rest');
    await measure('dragged', () => drag(page));
    await session.fleet.churn(CHANGES_PER_SECOND);
    await measure(`${CHANGES_PER_SECOND} changes a second`);
    await page.mouse.move(SCREEN.width * 0.6, SCREEN.height * 0.5);
    for (let turn = 0; turn < 8; turn++) await page.mouse.wheel(0, -240);
    await measure('the same, near');
    await session.fleet.churn(0);
    return { facts };
  } finally {
    await browser.close();
  }
}

async function enter(browser: Browser, origin: string, target: Target): Promise<Page> {
  const client = new LoadClient(target);
  const { status, body } = await client.fetch(LOGIN);
  client.close();
  if (status !== 200 && status !== 201) throw new Error(`login: status ${status}: ${body.toString().trim()}`);
  const { path } = JSON.parse(body.toString()) as { readonly path: string };
  const page = await browser.newPage({ viewport: SCREEN });
  await page.goto(`${origin}${path}`);
  await page.getByRole('application').waitFor();
  return page;
}

async function firstView(page: Page): Promise<readonly Fact[]> {
  await page.reload();
  await page.evaluate(`new Promise((resolve) => {
    const look = () => performance.getEntriesByName('map-of-all').length > 0 ? resolve() : setTimeout(look, 20);
    look();
  })`);
  const at = async (mark: string): Promise<number | undefined> =>
    (await page.evaluate(`performance.getEntriesByName('${mark}')[0]?.startTime`)) as number | undefined;
  const all = (await at('map-of-all')) ?? null;
  return [
    {
      name: 'first view',
      value: (await at('map')) ?? all,
      unit: 'ms',
      remark: 'logged in, until a map of all nodes is drawn',
    },
    { name: 'all containers', value: all, unit: 'ms', remark: 'until they are drawn, too' },
  ];
}

/** Moves the map to and fro until the time is over. */
async function drag(page: Page): Promise<void> {
  const { width, height } = SCREEN;
  await page.mouse.move(width / 2, height / 2);
  await page.mouse.down();
  for (let step = 0; step < DRAG_STEPS; step++) {
    await page.mouse.move(width / 2 + 90 * Math.sin(step / 8), height / 2 + 50 * Math.sin(step / 5));
  }
  await page.mouse.up();
}

async function watch(
  page: Page,
  meter: BrowserMeter,
  session: Session,
  when: string,
  act: () => Promise<unknown> = async () => undefined,
): Promise<readonly Fact[]> {
  const ms = paced(session.options, WATCH_MS);
  const before = await meter.use();
  const acting = act();
  const times = (await page.evaluate(frames(ms))) as number[];
  const after = await meter.use();
  await acting;
  const tasks = await meter.tasksOf(page, () => Promise.all([act(), sleep(ms / 2)]));
  const total = times.reduce((sum, time) => sum + time, 0);
  const { p50Ms, p99Ms } = percentilesOf(times);
  const perFrame = (cpuMs: number): number => cpuMs / Math.max(1, times.length);
  return [
    { name: `${when}: frames a second`, value: (times.length * 1000) / Math.max(1, total), unit: '1/s' },
    { name: `${when}: frame, p50`, value: p50Ms, unit: 'ms' },
    { name: `${when}: frame, p99`, value: p99Ms, unit: 'ms' },
    { name: `${when}: main thread, CPU per frame`, value: perFrame(after.mainMs - before.mainMs), unit: 'ms' },
    { name: `${when}: longest task of it, CPU`, value: Math.max(0, ...tasks), unit: 'ms', remark: 'a frame has 16.7' },
    { name: `${when}: whole browser, CPU per frame`, value: perFrame(after.allMs - before.allMs), unit: 'ms' },
  ];
}
