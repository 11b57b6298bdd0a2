import { type Browser, chromium } from 'playwright-core';

/** Debian's; nothing here downloads one. */
const CHROMIUM = '/usr/bin/chromium';

/** Starts a headless browser. */
export async function startBrowser(): Promise<Browser> {
  const isRoot = process.getuid?.() === 0;
  return await chromium.launch({ executablePath: CHROMIUM, args: isRoot ? ['--no-sandbox'] : [] });
}
