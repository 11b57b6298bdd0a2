import { expect, test } from 'vitest';
import { waitFor } from '../../../src/namespaces/processes.ts';
import { NODES, type Swarm } from '../swarm.ts';
import type { User } from '../user.ts';

/** What is told of the cluster as a whole. */
export function systemScenarios(user: User, swarm: () => Swarm): void {
  test('info and version tell of the cluster', async () => {
    const info = await user.docker(['info']);
    expect(info).toMatch(/Server Version: enxame\/\d/);
    expect(info).toMatch(/Swarm: inactive/);
    for (const { name, endpoint } of swarm().lab.nodes) expect(info).toContain(`${name}: ${endpoint}`);
    expect(info.match(/Status: Healthy/g)).toHaveLength(3);
    const version = await user.docker(['version']);
    for (const { generation } of swarm().lab.nodes) expect(version).toMatch(new RegExp(`Version: +${generation}`));
    expect(version).not.toMatch(/: +\/$/m);
  });

  test('events of all nodes come in one stream, each with its node', async () => {
    const since = (Date.now() / 1000).toFixed(3);
    for (const node of NODES) await user.docker(['kill', '-s', 'CONT', `on-${node}`]);
    const format = '{{.Action}} {{index .Actor.Attributes "name"}} {{index .Actor.Attributes "node.name"}}';
    const filters = ['--filter', 'type=container', '--filter', 'event=kill', '--since', since];
    const seen = await waitFor('all events', async () => {
      const until = (Date.now() / 1000).toFixed(3);
      const text = await user.docker(['events', ...filters, '--until', until, '--format', format]);
      return text.split('\n').length === NODES.length && text.split('\n');
    });
    expect(seen).toEqual(NODES.map((node) => `kill on-${node} ${node}`));
  });

  test('what a cluster has not is said in a sentence', async () => {
    for (const args of [
      ['service', 'ls'],
      ['stack', 'ls'],
      ['swarm', 'init'],
    ]) {
      const { exitCode, stderr } = await user.try(args);
      expect([exitCode, stderr]).toEqual([1, expect.stringMatching(/not a swarm manager.*Enxame/)]);
    }
  });
}
