import { test } from 'vitest';
import { waitFor } from '../../../src/namespaces/processes.ts';
import type { Project, User } from '../user.ts';

/** A test with a project of its own, which is taken down in any case. */
export function projectTest(
  user: User,
  fixture: string,
  name: string,
  body: (project: Project) => Promise<void>,
): void {
  test(name, async () => {
    const project = user.project(fixture, fixture);
    try {
      await body(project);
    } finally {
      await project.try(['down', '-v']);
      // Compose hands anonymous volumes on by name, so that an engine keeps them: one engine alone has them left, too.
      const left = (await user.docker(['volume', 'ls', '-q'])).split('\n').filter(Boolean);
      if (left.length > 0) await user.try(['volume', 'rm', ...left]);
    }
  });
}

/** Waits until one container reaches another by name: names in a network take a moment to be known on every node. */
export function reaches(project: Project, from: string, to: string): Promise<true> {
  return waitFor(
    `${from} to reach ${to}`,
    async () => (await project.exec(from, 'ping', '-c', '1', '-W', '1', to)).exitCode === 0,
  );
}

/** The IDs of a project’s containers. */
export async function ids(project: Project): Promise<string[]> {
  return (await project.containers()).map(({ id }) => id);
}
