import { expect } from 'vitest';
import { waitFor } from '../../../src/namespaces/processes.ts';
import { NODES } from '../swarm.ts';
import type { User } from '../user.ts';
import { ids, projectTest, reaches } from './compose-project.ts';

/** Replicas over the nodes. */
export function scaleScenario(user: User): void {
  projectTest(user, 'scale', 'scale up spreads over the nodes, scale down takes the last ones', async (project) => {
    await project.compose(['up', '-d', '--scale', 'bee=2']);
    const first = await ids(project);
    await project.compose(['up', '-d', '--scale', 'bee=6']);
    const all = await project.containers();
    const perNode = NODES.map((name) => all.filter(({ node }) => node === name).length);
    expect([all.length, perNode]).toEqual([6, [2, 2, 2]]);
    expect(await ids(project)).toEqual(expect.arrayContaining(first));
    expect(new Set(all.map(({ ports }) => ports)).size).toBe(6);
    await waitFor('all six to hum', async () => {
      const logs = await project.compose(['logs', '--no-color']);
      return logs.match(/\| hum from [0-9a-f]{12}$/gm)?.length === 6;
    });
    await project.compose(['up', '-d', '--scale', 'bee=3']);
    const names = [1, 2, 3].map((number) => project.nameOf('bee', number));
    expect((await project.containers()).map(({ shown }) => shown.split('/')[1])).toEqual(names);
  });
}

/** Services that belong together or apart, and a service without a place. */
export function placementScenario(user: User): void {
  projectTest(
    user,
    'local',
    'services of a bridge share a node; affinities bring together and keep apart',
    async (project) => {
      await project.compose(['up', '-d']);
      const nodes = Object.fromEntries((await project.containers()).map(({ service, node }) => [service, node]));
      expect(nodes.right).toBe(nodes.left);
      expect(nodes.near).toBe(nodes.left);
      expect(nodes.far).not.toBe(nodes.left);
      await reaches(project, 'left', 'right');
      await project.compose(['up', '-d']);
    },
  );

  projectTest(user, 'nowhere', 'what cannot be placed is told in the scheduler’s words', async (project) => {
    const { exitCode, stdout, stderr } = await project.try(['up', '-d']);
    expect(exitCode).not.toBe(0);
    expect(`${stdout}${stderr}`).toContain(
      'constraint storage==tape is not met: no node has storage=tape (3 of 3 nodes: one, two, three)',
    );
  });
}

/** Services that share volumes, networks or namespaces: as Compose 2 asks for them. */
export function tiedScenario(user: User): void {
  projectTest(user, 'tied', 'services that share something come up on one node, the others spread', async (project) => {
    await project.compose(['up', '-d']);
    const nodeOf = Object.fromEntries((await project.containers()).map(({ service, node }) => [service, node]));
    expect([nodeOf.left, nodeOf.right]).toEqual([nodeOf.both, nodeOf.both]);
    expect([nodeOf.net, nodeOf.pid]).toEqual([nodeOf.guest, nodeOf.guest]);
    expect(nodeOf.source).toEqual(nodeOf.heir);
    expect(new Set(Object.values(nodeOf)).size).toBeGreaterThan(1);
    const before = await ids(project);
    expect(await project.compose(['up', '-d'])).not.toMatch(/recreat/i);
    expect(await ids(project)).toEqual(before);
    await project.exec('left', 'sh', '-c', 'echo shared > /left/file');
    expect((await project.exec('both', 'cat', '/left/file')).stdout).toBe('shared\n');
    await reaches(project, 'both', 'guest-alias');
    const shown = await user.docker(['inspect', '-f', '{{.Id}}', ...before]);
    expect(shown.split('\n')).toEqual(before);
    await project.compose(['up', '-d', '--force-recreate']);
    expect((await project.containers()).map(({ status }) => status.split(' ')[0])).toEqual(before.map(() => 'Up'));
  });
}
