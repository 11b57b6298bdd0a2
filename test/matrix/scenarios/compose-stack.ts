import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { waitFor } from '../../../src/namespaces/processes.ts';
import type { User } from '../user.ts';
import { ids, reaches } from './compose-project.ts';

/** One project from `up` to `down -v`, with every command in between. */
export function stackScenario(user: User): void {
  describe('a project over three nodes', () => {
    const project = user.project('stack', 'stack');

    beforeAll(async () => {
      await user.docker(['network', 'create', 'outside']);
      await project.compose(['up', '-d']);
    });

    afterAll(async () => {
      await project.try(['down', '-v']);
      await user.try(['network', 'rm', 'outside']);
    });

    test('starts where its constraints say, and docker ps shows nodes and addresses', async () => {
      const listed = await project.containers();
      expect(listed.map(({ shown }) => shown)).toEqual([
        `two/${project.nameOf('api')}`,
        `one/${project.nameOf('front')}`,
        `three/${project.nameOf('store')}`,
      ]);
      await expect.poll(async () => (await project.only('api')).status).toMatch(/^Up .*\(healthy\)$/);
      const address = await user.docker(['port', project.nameOf('front'), '8080']);
      expect(listed[1]?.ports).toBe(`${address}->8080/tcp`);
      expect((await project.compose(['port', 'front', '8080'])).trim()).toBe(address);
      const page = async (): Promise<string> => await (await fetch(`http://${address}`)).text();
      await expect.poll(() => page().catch(String)).toMatch(/^[0-9a-f]{12}\n$/);
      const shown = await project.compose(['ps']);
      for (const service of ['api', 'front', 'store']) expect(shown).toContain(project.nameOf(service));
    });

    test('scheduling expressions stay out of the containers', async () => {
      const { stdout } = await project.exec('front', 'env');
      expect(stdout).toContain('MODE=fast');
      expect(stdout).not.toContain('constraint');
    });

    test('services reach each other by name and alias, in every network they share', async () => {
      await reaches(project, 'front', 'api');
      await reaches(project, 'api', 'front');
      await reaches(project, 'api', 'database');
      await reaches(project, 'store', 'api');
      const format = '{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}';
      expect(await user.docker(['inspect', '-f', format, project.nameOf('front')])).toBe(`${project.name}_default`);
      const guest = ['run', '--rm', '--network', 'outside', 'busybox', 'ping', '-c', '1', '-W', '2', 'api.outside'];
      await waitFor('a guest to reach it', async () => (await user.try(guest)).stdout.includes('1 packets received'));
    });

    test('limits are given to the engine and counted for the node', async () => {
      const format = '{{.HostConfig.NanoCpus}} {{.HostConfig.Memory}}';
      expect(await user.docker(['inspect', '-f', format, project.nameOf('front')])).toBe('250000000 67108864');
      expect(await user.docker(['info'])).toMatch(/Reserved CPUs: 0\.25 \/ \d+\n.*Reserved Memory: 64 MiB/);
    });

    test('logs of all containers come together', async () => {
      await waitFor('all to speak', async () => {
        const text = await project.compose(['logs', '--no-color']);
        return ['front', 'api', 'store'].every((service) =>
          new RegExp(`^${service}[-_]1 +\\| ${service} is up$`, 'm').test(text),
        );
      });
    });

    test('a second up changes nothing', async () => {
      const before = await ids(project);
      const said = await project.compose(['up', '-d']);
      expect(said).toMatch(user.hasOldCompose ? /front_1 is up-to-date/ : /front-1 +Running/);
      expect(said).not.toMatch(/recreat/i);
      expect(await ids(project)).toEqual(before);
    });

    test('exec, top, restart, stop, start, pause and kill', async () => {
      const before = await ids(project);
      const failed = await project.exec('store', 'sh', '-c', 'echo in store; exit 5');
      expect([failed.exitCode, failed.stdout.trim()]).toEqual([5, 'in store']);
      expect(await project.compose(['top'])).toContain('httpd -f -p 8080');
      await project.compose(['restart', 'store']);
      await project.compose(['stop', 'api']);
      expect((await project.only('api')).status).toMatch(/^Exited \(137\)/);
      await project.compose(['start']);
      await project.compose(['pause', 'store']);
      expect((await project.only('store')).status).toMatch(/Paused/);
      await project.compose(['unpause', 'store']);
      await project.compose(['kill', 'front']);
      expect((await project.only('front')).status).toMatch(/^Exited \(137\)/);
      await project.compose(['up', '-d']);
      expect(await ids(project)).toEqual(before);
      await reaches(project, 'front', 'api');
      expect(await project.compose(['images'])).toContain('busybox');
    });

    test('run --rm is one more container of the project, and leaves none', async () => {
      const before = await ids(project);
      const { stdout } = await project.try([
        'run',
        '--rm',
        '-T',
        '-e',
        'WHO=me',
        'api',
        'sh',
        '-c',
        'echo one off $WHO',
      ]);
      expect(stdout.trim()).toBe('one off me');
      const failed = await project.try(['run', '--rm', '--no-deps', '-T', 'api', 'sh', '-c', 'exit 9']);
      expect(failed.exitCode).toBe(9);
      expect(await ids(project)).toEqual(before);
    });

    test('down -v takes everything but what is external', async () => {
      await project.compose(['down', '-v']);
      expect(await ids(project)).toEqual([]);
      expect(await user.docker(['network', 'ls', '--filter', 'type=custom', '--format', '{{.Name}}'])).toBe('outside');
      expect(await user.docker(['volume', 'ls', '-q'])).toBe('');
    });
  });
}
