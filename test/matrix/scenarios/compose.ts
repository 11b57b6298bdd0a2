import { describe, expect, test } from 'vitest';
import type { Generation } from '../../../src/lab/lab.ts';
import { waitFor } from '../../../src/namespaces/processes.ts';
import type { Swarm } from '../swarm.ts';
import { User } from '../user.ts';
import { placementScenario, scaleScenario, tiedScenario } from './compose-placement.ts';
import { ids, projectTest } from './compose-project.ts';
import { recreateScenario, replaceScenario } from './compose-recreate.ts';
import { stackScenario } from './compose-stack.ts';

/** Compose in daily use, with the compose of one generation. */
export function composeScenarios(generation: Generation, swarm: () => Swarm): void {
  const user = new User(generation, swarm);
  describe(`compose of ${generation}`, () => {
    stackScenario(user);
    scaleScenario(user);
    recreateScenario(user);
    replaceScenario(user);
    placementScenario(user);
    jobScenario(user);
    buildScenario(user);
    // 1.29 does not know these.
    if (!user.hasOldCompose) {
      tiedScenario(user);
      configScenario(user);
    }
    test('leaves nothing behind', async () => {
      for (const args of [
        ['ps', '-aq'],
        ['network', 'ls', '-q', '--filter', 'type=custom'],
        ['volume', 'ls', '-q'],
      ])
        await waitFor(`no line of docker ${args.join(' ')}`, async () => (await user.docker(args)) === '');
    });
  });
}

function jobScenario(user: User): void {
  projectTest(user, 'job', 'up in the foreground ends with the exit code of the job', async (project) => {
    const { exitCode, stdout } = await project.try(['up', '--exit-code-from', 'job']);
    expect([exitCode, stdout]).toEqual([3, expect.stringMatching(/job[-_]1.* the job is done/)]);
  });
}

function buildScenario(user: User): void {
  projectTest(user, 'build', 'an image built on one node runs on others', async (project) => {
    await project.compose(['build']);
    await project.compose(['up', '-d']);
    expect((await project.containers()).map(({ node }) => node)).toEqual(['one', 'three']);
    const logs = await waitFor('both to speak', async () => {
      const text = await project.compose(['logs', '--no-color']);
      return text.split('built once').length === 3 && text;
    });
    expect(logs).toMatch(/^there[-_]1 +\| built once$/m);
    const before = await ids(project);
    await project.compose(['up', '-d']);
    expect(await ids(project)).toEqual(before);
    await project.compose(['down', '--rmi', 'all']);
    expect(await user.docker(['images', '-q', 'made-here'])).toBe('');
  });
}

function configScenario(user: User): void {
  projectTest(
    user,
    'configs',
    'configs with content are copied into the container, wherever it is',
    async (project) => {
      await project.compose(['up', '-d', '--wait'], { env: { WORD: 'honey' } });
      expect((await project.only('reader')).node).toBe('three');
      expect((await project.exec('reader', 'cat', '/etc/site.conf', '/run/secrets/word')).stdout).toBe(
        'listen 80\nhoney',
      );
      const format = '{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}} {{.HostConfig.MemoryReservation}}';
      expect(await user.docker(['inspect', '-f', format, project.nameOf('reader')])).toBe(
        '500000000 33554432 16777216',
      );
      await project.compose(['cp', 'reader:/etc/site.conf', '-']);
    },
  );
}
