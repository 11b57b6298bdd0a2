import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { dryCreate } from '../../src/machine/dry-run.ts';
import { plainEngine } from '../../src/machine/record.ts';
import { openStore } from '../../src/machine/store.ts';
import type { CrashWorld } from './crashes.ts';
import { fastClock } from './fast-clock.ts';

/**
 * `create --dry-run` prints every call of a create, `calls`, without credentials, asks nothing of a provider, which cannot be reached,
 * and leaves nothing there or on the disk.
 */
export function testDryRun(name: string, calls: readonly RegExp[], open: () => Promise<CrashWorld>): void {
  it(`${name}: prints what a create would do`, async () => {
    const world = await open();
    await world.close();
    const root = await mkdtemp(join(tmpdir(), 'cloud-dry-'));
    const lines: string[] = [];
    try {
      const options = { options: world.options, engine: plainEngine(), savesCredentials: false };
      const request = { name: 'bee-1', driver: name, ...options };
      const clock = world.clock ?? fastClock(200);
      const context = { store: openStore(root), env: world.env, clock };
      await dryCreate(request, context, (line) => lines.push(line), new AbortController().signal);
      expect(lines).toEqual(
        [...calls, /install the engine/, /set up the engine .*"port":2376/].map((call) => expect.stringMatching(call)),
      );
      for (const secret of Object.keys(world.wrongCredentials ?? {}))
        expect(lines.join()).not.toContain(world.env[secret]);
      expect(await world.existing()).toEqual([]);
      expect(await readdir(root)).toEqual([]);
    } finally {
      await rm(root, { recursive: true, force: true });
    }
  });
}
