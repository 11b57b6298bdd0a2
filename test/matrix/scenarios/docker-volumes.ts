import { expect, onTestFinished, test } from 'vitest';
import type { User } from '../user.ts';

/** A volume at its home. */
export function volumeScenarios(user: User): void {
  test('volumes: create, ls, use on the home, inspect, rm', async () => {
    await user.docker(['volume', 'create', '--label', 'tier=back', 'store']);
    onTestFinished(async () => void (await user.try(['volume', 'rm', '-f', 'store'])));
    expect(await user.docker(['volume', 'ls', '-q', '--filter', 'label=tier'])).toBe('store');
    const run = ['run', '--rm', '-v', 'store:/data', 'busybox', 'sh', '-c'];
    await user.docker([...run, 'echo honey > /data/comb']);
    for (let round = 0; round < 3; round++) expect(await user.docker([...run, 'cat /data/comb'])).toBe('honey');
    const [volume] = JSON.parse(await user.docker(['volume', 'inspect', 'store'])) as [
      { Labels: object; Mountpoint: string },
    ];
    expect(volume).toMatchObject({ Labels: { tier: 'back' }, Mountpoint: expect.stringContaining('/store/') });
    await user.docker(['volume', 'rm', 'store']);
    expect(await user.docker(['volume', 'ls', '-q'])).toBe('');
    await user.docker(['volume', 'prune', '-f']);
  });
}
