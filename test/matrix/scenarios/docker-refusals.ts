import { expect, test } from 'vitest';
import type { User } from '../user.ts';
import { LABEL } from './docker-sleepers.ts';

/** What is refused, and in which words. */
export function refusalScenarios(user: User): void {
  const refused = async (...args: string[]): Promise<string> => {
    const { exitCode, stderr } = await user.try(args);
    expect(exitCode).not.toBe(0);
    return stderr;
  };

  test('a taken name', async () => {
    const id = await user.docker(['inspect', '-f', '{{.Id}}', 'on-one']);
    expect(await refused('run', '-d', '--name', 'on-one', 'busybox')).toContain(
      `Conflict. The container name "/on-one" is already in use by container "${id}". You have to remove (or rename) that container to be able to reuse that name.`,
    );
  });

  test('no node: which filter refused how many, and why', async () => {
    const say = (...args: string[]): Promise<string> => refused('run', '-d', '--label', LABEL, ...args, 'busybox');
    const headline = 'Unable to find a node that satisfies the following conditions: ';
    expect(await say('-e', 'constraint:storage==tape')).toContain(
      `${headline}constraint storage==tape is not met: no node has storage=tape (3 of 3 nodes: one, two, three)`,
    );
    expect(await say('-e', 'constraint:storage==ssd', '-e', 'affinity:container==on-one')).toContain(
      `${headline}affinity container==on-one is not met (2 of 3 nodes: two, three); constraint storage==ssd is not met (1 of 3 nodes: one)`,
    );
    expect(await say('-m', '900g')).toMatch(/no resources available to schedule container: .*3 of 3 nodes/);
    expect(await say('-e', 'constraint:node==two', '-p', '8082:80')).toContain(
      'host port 8082/tcp is taken (1 of 3 nodes: two)',
    );
    expect(await say('-e', 'constraint:!!')).toContain("One of operator ==, != is expected in '!!'");
  });

  test('what is not there', async () => {
    expect(await refused('run', 'no-such-image:1')).toMatch(
      /Unable to find image 'no-such-image:1' locally\n[\s\S]*Error response from daemon: /,
    );
    expect(await refused('start', 'nobody')).toContain('No such container: nobody');
    expect(await refused('run', '--network', 'nowhere', 'busybox')).toContain('network nowhere not found');
    expect(await refused('rmi', 'no-such-image')).toContain('No such image: no-such-image');
    expect(await refused('volume', 'rm', 'nothing')).toMatch(/no such volume/i);
    expect(await refused('rm', 'on-one')).toMatch(/cannot remove .*running/i);
  });
}
