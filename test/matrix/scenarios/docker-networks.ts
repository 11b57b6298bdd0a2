import { expect, onTestFinished, test } from 'vitest';
import { waitFor } from '../../../src/namespaces/processes.ts';
import { NODES } from '../swarm.ts';
import type { User } from '../user.ts';

/** A network over all nodes. */
export function networkScenarios(user: User): void {
  test('networks: create, connect over nodes, inspect, disconnect, ls, rm', async () => {
    const id = await user.docker(['network', 'create', '--label', 'tier=back', 'comb']);
    onTestFinished(async () => {
      for (const node of NODES) await user.try(['network', 'disconnect', '-f', 'comb', `on-${node}`]);
      await user.try(['network', 'rm', 'comb']);
    });
    for (const node of NODES) await user.docker(['network', 'connect', '--alias', `bee-${node}`, 'comb', `on-${node}`]);
    const ping = ['exec', 'on-one', 'ping', '-c', '1', '-W', '1', 'bee-three'];
    await waitFor('one to reach three', async () => (await user.try(ping)).exitCode === 0);
    const [network] = JSON.parse(await user.docker(['network', 'inspect', 'comb'])) as [
      { Id: string; Containers: Record<string, { Name: string }> },
    ];
    expect(network.Id).toBe(id);
    expect(
      Object.values(network.Containers)
        .map(({ Name }) => Name)
        .sort(),
    ).toEqual(['on-one', 'on-three', 'on-two']);
    expect(await user.docker(['network', 'ls', '--filter', 'label=tier', '--format', '{{.Name}} {{.Scope}}'])).toBe(
      'comb swarm',
    );
    expect((await user.try(['network', 'rm', 'comb'])).stderr).toContain('has active endpoints');
    for (const node of NODES) await user.docker(['network', 'disconnect', 'comb', `on-${node}`]);
    await user.docker(['network', 'rm', 'comb']);
    await user.docker(['network', 'prune', '-f']);
  });
}
