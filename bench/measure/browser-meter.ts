import { readdirSync, readFileSync } from 'node:fs';
import type { Browser, Page } from 'playwright-core';

/** CPU time of a browser so far, in milliseconds. */
export interface BrowserUse {
  /** Of the main threads of pages: what scripts, layout and painting of a frame must share. */
  readonly mainMs: number;
  /** Of all processes, those that put pictures together included. */
  readonly allMs: number;
}

interface TraceEvent {
  readonly name: string;
  readonly ph: string;
  readonly pid: number;
  readonly tid: number;
  /** Thread time in microseconds, of an event with a duration. */
  readonly tdur?: number;
  readonly args?: { readonly name?: string };
}

/** Accounts a Chromium on this machine from /proc, by nanoseconds (Linux). */
export class BrowserMeter {
  readonly #browser: Browser;

  constructor(browser: Browser) {
    this.#browser = browser;
  }

  async use(): Promise<BrowserUse> {
    const session = await this.#browser.newBrowserCDPSession();
    const { processInfo } = await session.send('SystemInfo.getProcessInfo');
    await session.detach();
    const all = processInfo.flatMap(({ id }) => threadsOf(id).map((thread) => cpuMsOf(id, thread)));
    const main = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => cpuMsOf(id, String(id)));
    return { mainMs: sum(main), allMs: sum(all) };
  }

  /** CPU times, in milliseconds, of the tasks of the page's main thread while `act` goes on. Watching takes time of its own. */
  async tasksOf(page: Page, act: () => Promise<unknown>): Promise<readonly number[]> {
    await this.#browser.startTracing(page, { categories: ['disabled-by-default-devtools.timeline', '__metadata'] });
    await act();
    const { traceEvents } = JSON.parse((await this.#browser.stopTracing()).toString()) as {
      readonly traceEvents: readonly TraceEvent[];
    };
    const mains = new Set(
      traceEvents
        .filter(({ name, args }) => name === 'thread_name' && args?.name === 'CrRendererMain')
        .map(({ pid, tid }) => `${pid} ${tid}`),
    );
    return traceEvents.flatMap(({ name, ph, pid, tid, tdur }) =>
      name === 'RunTask' && ph === 'X' && tdur !== undefined && mains.has(`${pid} ${tid}`) ? [tdur / 1_000] : [],
    );
  }
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
}

/** 0 for a thread that has ended meanwhile. */
function cpuMsOf(pid: number, thread: string): number {
  try {
    return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, 'utf8').split(' ')[0]) / 1e6;
  } catch {
    return 0;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
