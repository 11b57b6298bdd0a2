import { expect } from 'vitest';
import type { User } from '../user.ts';
import { projectTest, reaches } from './compose-project.ts';

/** A service recreated with its volume. */
export function recreateScenario(user: User): void {
  projectTest(
    user,
    'recreate',
    'a service made anew keeps the data of its volume, and others are left alone',
    async (project) => {
      await project.compose(['up', '-d']);
      const before = await project.only('store');
      const other = await project.only('other');
      await project.exec('store', 'sh', '-c', 'echo kept > /data/file');
      const changed = { env: { REVISION: 'second' } };
      const said = await project.compose(['up', '-d'], changed);
      expect(said).toMatch(/recreat/i);
      const after = await project.only('store');
      expect(after.id).not.toBe(before.id);
      expect(after.node).toBe(before.node);
      expect(after.shown).toBe(before.shown);
      expect((await project.exec('store', 'sh', '-c', 'cat /data/file; echo $REVISION')).stdout).toBe('kept\nsecond\n');
      expect((await project.only('other')).id).toBe(other.id);
      await project.compose(['up', '-d', '--force-recreate'], changed);
      expect((await project.only('other')).id).not.toBe(other.id);
      expect((await project.exec('store', 'cat', '/data/file')).stdout).toBe('kept\n');
      await project.compose(['down']);
      await project.compose(['up', '-d'], changed);
      expect((await project.exec('store', 'cat', '/data/file')).stdout).toBe('kept\n');
    },
  );
}

/** Containers that take the room of their predecessors. */
export function replaceScenario(user: User): void {
  projectTest(
    user,
    'replace',
    'containers are recreated where only their predecessors’ leaving makes room',
    async (project) => {
      await project.compose(['up', '-d']);
      await project.exec('alone', 'sh', '-c', 'echo kept > /data/file; echo too > /anonymous/file');
      const before = await project.containers();
      expect(before.filter(({ service }) => service === 'everywhere').map(({ node }) => node)).toHaveLength(3);
      for (const args of [
        ['up', '-d'],
        ['up', '-d', '--force-recreate'],
      ]) {
        await project.compose(args, { env: { REVISION: 'second' } });
        const after = await project.containers();
        expect(after.map(({ shown, status }) => [shown, status.split(' ')[0]])).toEqual(
          before.map(({ shown }) => [shown, 'Up']),
        );
        expect(after.some(({ id }) => before.some((old) => old.id === id))).toBe(false);
      }
      const { stdout } = await project.exec('alone', 'sh', '-c', 'cat /data/file /anonymous/file; echo $REVISION');
      expect(stdout).toBe('kept\ntoo\nsecond\n');
    },
  );

  projectTest(user, 'links', 'links in a project’s network tie nothing to a node', async (project) => {
    await project.compose(['up', '-d']);
    expect((await project.containers()).slice(0, 2).map(({ node }) => node)).toEqual(['one', 'two']);
    // 1.29 loses the other names of a link on engines from 25 on, also when there is only one engine.
    const names = [user.hasOldCompose ? 'one' : 'first', 'two'];
    for (const name of names) await reaches(project, 'user', name);
    await project.compose(['up', '-d', '--force-recreate']);
    for (const name of names) await reaches(project, 'user', name);
  });
}
