import { expect, test } from 'vitest';
import { NODES, type Swarm } from '../swarm.ts';
import type { User } from '../user.ts';
import { LABEL, PORTS } from './docker-sleepers.ts';

/** What `docker ps` shows and filters, and what is asked of one container. */
export function listingScenarios(user: User, swarm: () => Swarm): void {
  test('ps shows node/name, and ports with the address of the node', async () => {
    const lines = (await user.docker(['ps', '--filter', `label=${LABEL}`, '--format', '{{.Names}} {{.Ports}}'])).split(
      '\n',
    );
    const expected = swarm().lab.nodes.map(
      ({ name, address }) => `${name}/on-${name} ${address}:${PORTS[name as keyof typeof PORTS]}->80/tcp`,
    );
    expect(lines.sort()).toEqual(expected.sort().map((pattern) => expect.stringMatching(new RegExp(`^${pattern}$`))));
    const plain = await user.docker(['ps']);
    for (const node of NODES) expect(plain).toContain(`${node}/on-${node}`);
  });

  test('ps filters as one engine does', async () => {
    const list = async (...args: string[]): Promise<string> => {
      const format = ['--filter', `label=${LABEL}`, '--format', '{{.Names}}'];
      return (await user.docker(['ps', '-a', ...format, ...args])).split('\n').sort().join(' ');
    };
    const all = 'one/on-one three/on-three two/on-two';
    const cases: readonly (readonly [string, string])[] = [
      ['name=on-tw', 'two/on-two'],
      ['name=^/on-one$', 'one/on-one'],
      ['label=at', all],
      ['label=at=three', 'three/on-three'],
      ['status=running', all],
      ['status=exited', ''],
      ['ancestor=busybox', all],
      ['network=bridge', all],
      ['network=none', ''],
      ['publish=8082', 'two/on-two'],
      ['expose=80', all],
      ['volume=nothing', ''],
      ['health=none', all],
      ['is-task=false', all],
      ['node=one', 'one/on-one'],
      [`id=${await user.docker(['inspect', '-f', '{{.Id}}', 'on-two'])}`, 'two/on-two'],
    ];
    const found = await Promise.all(cases.map(async ([filter]) => [filter, await list('--filter', filter)]));
    expect(found).toEqual(cases);
    const refused = await user.try(['ps', '--filter', 'nonsense=1']);
    expect([refused.exitCode, refused.stderr]).toEqual([1, expect.stringContaining('nonsense')]);
  });

  test('ps -l, -n, -s, before and since follow the order of creation', async () => {
    const create = (name: string): Promise<string> =>
      user.docker(['create', '--name', name, '--label', LABEL, 'busybox']);
    for (const name of ['first', 'second', 'third']) await create(name);
    const names = async (...args: string[]): Promise<string[]> =>
      (await user.docker(['ps', '-a', '--format', '{{.Names}}', ...args]))
        .split('\n')
        .map((name) => name.replace(/.*\//, ''));
    expect(await names('-l')).toEqual(['third']);
    expect(await names('-n', '2')).toEqual(['third', 'second']);
    expect(await names('--filter', 'since=first')).toEqual(['third', 'second']);
    expect(await names('--filter', 'before=second', '--filter', 'status=created')).toEqual(['first']);
    expect(await user.docker(['ps', '-a', '-s', '--format', '{{.Size}}'])).toMatch(/^\d+B \(virtual/m);
  });

  test('inspect, port, top and stats reach the node', async () => {
    for (const reference of ['on-two', 'two/on-two', '/on-two']) {
      const [details] = JSON.parse(await user.docker(['inspect', reference])) as [
        { Name: string; Node: { Name: string } },
      ];
      expect([details.Name, details.Node.Name]).toEqual(['/on-two', 'two']);
    }
    const address = swarm().lab.node('two').address;
    expect(await user.docker(['port', 'on-two'])).toMatch(new RegExp(`^80/tcp -> ${address}:8082$`));
    expect(await user.docker(['top', 'on-two'])).toContain('sleep 1000');
    const stats = ['stats', '--no-stream', '--format', '{{.Name}} {{.PIDs}}'];
    // What was run in them may end a moment after its client.
    for (const node of NODES) await expect.poll(() => user.docker(stats)).toMatch(new RegExp(`on-${node} 1$`, 'm'));
  });
}
