import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { systemClock } from '../../common/clock.ts';
import { silentLogger } from '../../common/logger.ts';
import { NodeMesh } from './node-mesh.ts';

/** Calls of the host's programs that have not ended. */
const calls = vi.hoisted(() => ({ isSlow: false, ends: [] as (() => void)[], looks: 0 }));

vi.mock('./wireguard.ts', async (original) => ({
  ...(await original<typeof import('./wireguard.ts')>()),
  makeInterface: async () => 'kernel',
  freeUdpPort: async (port: number) => port,
  synchronise: async () => undefined,
  readFacts: async () => {
    calls.looks += 1;
    if (calls.isSlow) await new Promise<void>((resolve) => calls.ends.push(resolve));
    return { key: '', port: 0, peers: [] };
  },
}));

afterEach(() => {
  vi.useRealTimers();
});

test('a host whose programs are slow is not looked after by ever more turns at a time', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'enxame-mesh-'));
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
  const deps = { clock: systemClock, logger: silentLogger() };
  const mesh = await NodeMesh.open(deps, { folder, port: 51_820, isPortFixed: false });
  const before = calls.looks;
  calls.isSlow = true;
  await vi.advanceTimersByTimeAsync(600_000);
  await vi.waitFor(() => expect(calls.ends).toHaveLength(1), 120_000);
  calls.isSlow = false;
  calls.ends[0]?.();
  await mesh.close();
  expect(calls.looks - before).toBeLessThanOrEqual(2);
  await rm(folder, { recursive: true });
});
