import axe from 'axe-core';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import { expect } from 'vitest';

export const DESKTOP = { width: 1440, height: 900 } as const;
/** What WCAG 2.2 (1.4.10) asks pages to fit. */
export const NARROW = { width: 320, height: 568 } as const;
export const PHONE = { width: 390, height: 844 } as const;

/** Browsers tell the console most of it: not what is blocked before a page listens. */
const TELL_VIOLATIONS = `document.addEventListener('securitypolicyviolation', (event) => {
  console.error('policy of contents:', event.violatedDirective, event.blockedURI, event.sample);
});`;

export interface TabOptions {
  readonly size?: { readonly width: number; readonly height: number };
  readonly colours?: 'light' | 'dark';
  readonly language?: 'en-GB' | 'pt-BR';
}

/** A browser's tab that notes what must not happen: faults of scripts, what the policy of contents forbids, calls of other hosts. */
export class Tab {
  readonly page: Page;
  readonly faults: string[] = [];
  /** Answers of 400 and above are told by browsers as faults; some are what a test is about. */
  expected: RegExp = /^$/;
  readonly #context: BrowserContext;
  readonly #origin: string;

  private constructor(context: BrowserContext, page: Page, origin: string) {
    this.#context = context;
    this.page = page;
    page.setDefaultTimeout(120_000);
    this.#origin = origin;
    page.on('pageerror', (error) => this.faults.push(`script: ${error.message}`));
    page.on('console', (message) => {
      const { url } = message.location();
      if (message.type() === 'error') this.faults.push(`console: ${message.text()} ${url}`);
    });
    page.on('request', (request) => {
      const { protocol, host } = new URL(request.url());
      if (/^(https?|wss?):$/.test(protocol) && host !== new URL(origin).host) {
        this.faults.push(`another host: ${request.url()}`);
      }
    });
  }

  static async open(browser: Browser, origin: string, options: TabOptions = {}): Promise<Tab> {
    const { size = DESKTOP, colours = 'dark', language = 'en-GB' } = options;
    const context = await browser.newContext({
      viewport: size,
      colorScheme: colours,
      locale: language,
      hasTouch: size === PHONE,
      deviceScaleFactor: size === PHONE ? 2 : 1,
    });
    const page = await context.newPage();
    await page.addInitScript({ content: TELL_VIOLATIONS });
    return new Tab(context, page, origin);
  }

  /** Another tab of the same browser. */
  async beside(): Promise<Tab> {
    const page = await this.#context.newPage();
    await page.addInitScript({ content: TELL_VIOLATIONS });
    return new Tab(this.#context, page, this.#origin);
  }

  /** Goes to a view: `nodes?q=a`. */
  async go(view: string): Promise<void> {
    await this.page.goto(`${this.#origin}/#/${view}`);
  }

  /** Throws with all that happened and must not. */
  expectNoFaults(): void {
    expect(this.faults.filter((fault) => !this.expected.test(fault))).toEqual([]);
  }

  async close(): Promise<void> {
    await this.#context.close();
  }
}

interface AxeResult {
  readonly violations: readonly {
    readonly id: string;
    readonly help: string;
    readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
  }[];
}

/** What axe-core finds against WCAG 2.2 AA in what is shown now, one line each. */
export async function barriers(page: Page): Promise<readonly string[]> {
  await page.evaluate(axe.source);
  const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
  const { violations } = (await page.evaluate(
    `axe.run({ runOnly: { type: 'tag', values: ${JSON.stringify(tags)} } })`,
  )) as AxeResult;
  return violations.flatMap(({ id, help, nodes }) =>
    nodes.map(({ html, failureSummary = '' }) => `${id}: ${help}: ${html.slice(0, 160)}: ${failureSummary}`),
  );
}
