import type { Browser } from 'playwright-core';
import { Tab, type TabOptions } from './browser.ts';
import { startBrowser } from './chromium.ts';
import { ServedLab } from './served-lab.ts';

/** The page as users have it: the built package, real engines, a real browser. One for all tests. */
export class Site {
  #served: ServedLab | undefined;
  #browser: Browser | undefined;
  readonly #tabs: Tab[] = [];

  async start(): Promise<void> {
    [this.#served, this.#browser] = await Promise.all([ServedLab.start(), startBrowser()]);
  }

  get served(): ServedLab {
    if (!this.#served) throw new Error('the lab is not started');
    return this.#served;
  }

  get browser(): Browser {
    if (!this.#browser) throw new Error('the browser is not started');
    return this.#browser;
  }

  /** A tab that shows nothing yet. */
  async open(options: TabOptions = {}): Promise<Tab> {
    return this.#keep(await Tab.open(this.browser, this.served.origin, options));
  }

  /** Another tab of the same browser: it has the cookies of the first. */
  async beside(tab: Tab): Promise<Tab> {
    return this.#keep(await tab.beside());
  }

  /** A tab that is logged in. */
  async enter(options: TabOptions = {}, ...flags: readonly string[]): Promise<Tab> {
    const tab = await this.open(options);
    await tab.page.goto(await this.served.link(...flags));
    await tab.page
      .getByRole('link', { name: /nodes|nós/ })
      .first()
      .waitFor();
    return tab;
  }

  async closeTabs(): Promise<void> {
    await Promise.all(this.#tabs.splice(0).map((tab) => tab.close()));
  }

  async close(): Promise<void> {
    await this.#browser?.close();
    await this.#served?.close();
  }

  #keep(tab: Tab): Tab {
    this.#tabs.push(tab);
    return tab;
  }
}

/** What a container does that serves until it is stopped. */
export const SERVE: readonly string[] = ['redis-server', '--protected-mode', 'no', '--save', ''];
