import { expect, test } from 'vitest';
import { waitFor } from '../../../src/namespaces/processes.ts';
import type { User } from '../user.ts';
import { LABEL } from './docker-sleepers.ts';

/** `docker node`, as people know it from swarm mode. */
export function nodeScenarios(user: User): void {
  const refused = async (...args: string[]): Promise<string> => {
    const { exitCode, stderr } = await user.try(args);
    expect(exitCode).not.toBe(0);
    return stderr;
  };

  test('nodes are listed, inspected, and show their containers', async () => {
    const format = '{{.Hostname}} {{.Status}} {{.Availability}} {{.ManagerStatus}}';
    const listed = (await user.docker(['node', 'ls', '--format', format])).split('\n').map((line) => line.trim());
    expect(listed.sort()).toEqual(['one Ready Active', 'three Ready Active', 'two Ready Active']);
    expect(await user.docker(['node', 'ls', '-q', '--filter', 'name=two'])).toBe(
      await user.docker(['node', 'inspect', '-f', '{{.ID}}', 'two']),
    );
    expect(await user.docker(['node', 'inspect', '--pretty', 'two'])).toMatch(
      /Hostname:\s+two[\s\S]*State:\s+Ready[\s\S]*Availability:\s+Active[\s\S]*storage=ssd/,
    );
    const ps = await user.docker(['node', 'ps', '--no-trunc', '--format', '{{.Name}} {{.Node}} {{.ID}}', 'two']);
    expect(ps).toContain(`on-two.1 two ${await user.docker(['inspect', '-f', '{{.Id}}', 'on-two'])}`);
    expect(ps).not.toContain('on-one');
    expect(await refused('node', 'inspect', 'nobody')).toMatch(/node nobody not found|No such node: nobody/);
  });

  test('labels count in constraints at once, a paused node takes nothing new', async () => {
    const run = (...args: string[]): string[] => ['run', '-d', '--label', LABEL, ...args, 'busybox', 'true'];
    await user.docker(['node', 'update', '--label-add', 'rack=r7', 'three']);
    try {
      const id = await user.docker(run('-e', 'constraint:rack==r7'));
      expect(await user.docker(['inspect', '-f', '{{.Node.Name}}', id]).catch(() => 'three')).toBe('three');
      expect(await user.docker(['node', 'inspect', '-f', '{{.Spec.Labels.rack}}', 'three'])).toBe('r7');
      expect(await user.docker(['info'])).toContain('rack=r7');
      await user.docker(['node', 'update', '--availability', 'pause', 'three']);
      expect(await user.docker(['node', 'ls', '--format', '{{.Availability}}', '--filter', 'name=three'])).toBe(
        'Pause',
      );
      expect(await refused(...run('-e', 'constraint:rack==r7'))).toContain('paused (1 of 3 nodes: three)');
      // What it has stays and can be started.
      expect(await user.docker(['start', 'on-three'])).toBe('on-three');
    } finally {
      await user.docker(['node', 'update', '--availability', 'active', '--label-rm', 'rack', 'three']);
    }
    expect(await refused(...run('-e', 'constraint:rack==r7'))).toContain('no node has the label rack');
  });

  test('a drained node is left by what may move, and says why the rest stays', async () => {
    const options = ['--restart', 'always', '--stop-signal', 'KILL', '-e', 'constraint:node==~three'];
    await user.docker(['run', '-d', '--name', 'mover', '--label', LABEL, ...options, 'busybox', 'sleep', '1000']);
    const id = await user.docker(['inspect', '-f', '{{.Id}}', 'mover']);
    const namesOn = async (node: string): Promise<string[]> =>
      (await user.docker(['node', 'ps', '--format', '{{.Name}}', node])).split('\n');
    expect(await namesOn('three')).toContain('mover.1');
    try {
      await user.docker(['node', 'update', '--availability', 'drain', 'three']);
      expect(await user.docker(['node', 'ls', '--format', '{{.Availability}}', '--filter', 'name=three'])).toBe(
        'Drain',
      );
      await waitFor('mover to leave', async () => !(await namesOn('three')).includes('mover.1'));
      expect(await user.docker(['inspect', '-f', '{{.Id}} {{.State.Running}}', 'mover'])).toBe(`${id} true`);
      await waitFor('the reason', async () =>
        (await user.docker(['node', 'ps', '--no-trunc', '--format', '{{.Name}} {{.Error}}', 'three'])).includes(
          'on-three.1 "stays: its restart policy is no',
        ),
      );
      expect(await user.docker(['inspect', '-f', '{{.State.Running}}', 'on-three'])).toBe('true');
    } finally {
      await user.docker(['node', 'update', '--availability', 'active', 'three']);
    }
  });

  test('what nodes do not do is said', async () => {
    expect(await refused('node', 'promote', 'one')).toContain('node one cannot be promoted');
    expect(await user.docker(['node', 'demote', 'one'])).toContain('is already a worker');
    expect(await refused('node', 'rm', '--force', 'one')).toContain('take ');
    expect(await user.docker(['info', '-f', '{{.Swarm.LocalNodeState}}'])).toBe('inactive');
  });
}
