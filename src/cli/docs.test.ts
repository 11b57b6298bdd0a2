import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fakeIo } from '../../test/fakes/fake-io.ts';
import { DEFAULT_LIMITS } from '../discovery/service/limits.ts';
import { run } from './program.ts';

// Tables are padded by the formatter.
const page = readFileSync('docs/discovery.md', 'utf8').replace(/ +/g, ' ');

describe('docs/discovery.md', () => {
  it.each(['create', 'list', 'join', 'discovery'])('names every flag of %s', async (name) => {
    const io = fakeIo();
    await run([name, '--help'], io);
    const flags = [...io.stdout().matchAll(/^ {2}(?:-\w, )?(?:--\w+, )?(--[\w-]+)/gm)].map(([, flag]) => flag);
    expect(flags.length).toBeGreaterThan(1);
    for (const flag of flags.filter((each) => each !== '--help')) expect(page).toContain(flag);
  });

  it('names the bounds as they are', () => {
    const { maxEntriesPerToken, maxEntries, maxTokens, maxBodyBytes, maxTtlSeconds, requests, creations } =
      DEFAULT_LIMITS;
    const english = (count: number): string => count.toLocaleString('en-US');
    expect(page).toContain(`| ${maxBodyBytes} bytes |`);
    expect(page).toContain(`(${maxTtlSeconds} s)`);
    expect(page).toContain(`| ${english(maxEntriesPerToken)}; ${english(maxEntries)} |`);
    expect(page).toContain(`| ${english(maxTokens)};`);
    expect(page).toContain(`| ${english(requests.burst)} at once, then ${requests.perSecond} a second |`);
    expect(page).toContain(`| ${creations.burst} at once, then one every ${1 / creations.perSecond} s |`);
  });
});
