import { waitFor } from '../../../src/namespaces/processes.ts';
import { NODES } from '../swarm.ts';
import type { User } from '../user.ts';

/** No listing is to be taken for another's: every container here carries it. */
export const LABEL = 'scenario=cli';
/** Published on each node. */
export const PORTS = { one: 8081, two: 8082, three: 8083 } as const;

/** Starts a container on each node, `on-NODE`, that sleeps until it is killed. */
export async function startSleepers(user: User): Promise<void> {
  await Promise.all(
    NODES.map((node) => sleeper(user, `on-${node}`, node, '-p', `${PORTS[node]}:80`, '--label', `at=${node}`)),
  );
}

/** Removes every container of these scenarios. */
export async function removeLabelled(user: User): Promise<void> {
  const left = await user.docker(['ps', '-aq', '--filter', `label=${LABEL}`]);
  if (left) await user.docker(['rm', '-f', ...left.split('\n')]);
}

/** Removes what a test has left beside the sleepers; what goes by itself may do so meanwhile. */
export async function removeGuests(user: User): Promise<void> {
  const format = ['--filter', `label=${LABEL}`, '--format', '{{.ID}} {{.Label "at"}}'];
  await waitFor('the sleepers to be alone', async () => {
    const listed = await user.docker(['ps', '-a', ...format]);
    const guests = listed.split('\n').flatMap((line) => /^(\w+) ?$/.exec(line)?.[1] ?? []);
    if (guests.length > 0) await user.try(['rm', '-f', ...guests]);
    return guests.length === 0;
  });
}

function sleeper(user: User, name: string, node: string, ...more: string[]): Promise<string> {
  const where = ['-e', `constraint:node==${node}`, '--label', LABEL, '--stop-signal', 'KILL'];
  return user.docker(['run', '-d', '--name', name, ...where, ...more, 'busybox', 'sleep', '1000']);
}
