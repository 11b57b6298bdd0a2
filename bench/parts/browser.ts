import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { startBrowser } from '../../test/browser/chromium.ts';
import { freePort } from '../../test/free-ports.ts';
import { LoadClient } from '../load/client.ts';
import type { Target } from '../load/target.ts';
import { percentilesOf } from '../measure/percentiles.ts';
import { paced } from '../options.ts';
import type { Fact } from '../report/result.ts';
import type { Session } from '../session.ts';
import type { Findings } from './part.ts';

const CHANGES_PER_SECOND = 100;
const SETTLE_MS = 3_000;
const WATCH_MS = 10_000;
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
    const facts: Fact[] = [
      { name: 'first view', value: await firstView(page), unit: 'ms', remark: 'logged in, until the map is drawn' },
    ];
    await sleep(paced(session.options, SETTLE_MS));
    facts.push(...(await watch(page, session, 'at rest')));
    await session.fleet.churn(CHANGES_PER_SECOND);
    await sleep(paced(session.options, SETTLE_MS));
    facts.push(...(await watch(page, session, `${CHANGES_PER_SECOND} changes a second`)));
    await page.mouse.move(SCREEN.width * 0.6, SCREEN.height * 0.5);
    for (let turn = 0; turn < 8; turn++) await page.mouse.wheel(0, -240);
    await sleep(paced(session.options, SETTLE_MS));
    facts.push(...(await watch(page, session, 'the same, near')));
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

async function firstView(page: Page): Promise<number> {
  await page.reload();
  await page.getByRole('application').waitFor();
  return (await page.evaluate(
    'new Promise((resolve) => requestAnimationFrame(() => resolve(performance.now())))',
  )) as number;
}

async function watch(page: Page, session: Session, when: string): Promise<readonly Fact[]> {
  const ms = paced(session.options, WATCH_MS);
  const times = (await page.evaluate(frames(ms))) as number[];
  const total = times.reduce((sum, time) => sum + time, 0);
  const { p50Ms, p99Ms } = percentilesOf(times);
  return [
    { name: `${when}: frames a second`, value: (times.length * 1000) / Math.max(1, total), unit: '1/s' },
    { name: `${when}: frame, p50`, value: p50Ms, unit: 'ms' },
    { name: `${when}: frame, p99`, value: p99Ms, unit: 'ms' },
    { name: `${when}: longest frame`, value: Math.max(0, ...times), unit: 'ms' },
  ];
}
