import { PATHS } from './daemon-settings.ts';
import { type EngineState, json } from './engine-files.ts';
import type { InitSystem } from './init/init-system.ts';
import { contentOf, PAIRS, readPairs } from './pairs.ts';
import type { Task } from './provisioner.ts';
import type { Remote } from './remote.ts';
import { runStep } from './step.ts';
import { upload } from './upload.ts';

const LOOK = `${PAIRS}
pair live "$(docker info --format '{{.LiveRestoreEnabled}}' 2>/dev/null || :)"
pair swarm "$(docker info --format '{{.Swarm.LocalNodeState}}' 2>/dev/null || :)"
`;

/**
 * Restarts the engine and lets its containers run on: dockerd reads its certificates at its start only. live-restore is on for that
 * long and no longer, because an engine with it cannot take part in swarm mode, which cluster networks are made of. One that takes
 * part already has to restart its containers.
 */
export async function restartAroundContainers(
  remote: Remote,
  init: InitSystem,
  state: EngineState,
  task: Task,
): Promise<void> {
  const restart = { title: 'restarting the engine', script: init.restart };
  const now = await look(remote, task);
  const takesPart = isPart(now);
  if (takesPart) task.report('restarting the engine; its containers too, because it carries cluster networks');
  if (takesPart || now.get('live') === 'true' || now.get('live') === '') {
    await runStep(remote, restart, task);
    return;
  }
  const put = (content: string): Promise<boolean> =>
    upload(remote, { path: PATHS.settings, content, mode: '644' }, task);
  await put(json({ ...state.settings, 'live-restore': true }));
  try {
    await runStep(remote, liveRestoreIs(true), task);
    await runStep(remote, restart, task);
  } finally {
    // Said aloud: what is only missing from the file an engine does not take back while it runs.
    await put(json({ ...state.settings, 'live-restore': false }));
  }
  await runStep(remote, liveRestoreIs(false), task);
  await put(contentOf(state.seen, 'settings') ?? json({}));
}

/** Whether the engine carries cluster networks, and so cannot be restarted around its containers. */
export async function takesPartInSwarmMode(remote: Remote, task: Task): Promise<boolean> {
  return isPart(await look(remote, task));
}

async function look(remote: Remote, task: Task): Promise<ReadonlyMap<string, string>> {
  return readPairs(await runStep(remote, { title: 'looking at the engine', script: LOOK }, task));
}

function isPart(now: ReadonlyMap<string, string>): boolean {
  return !['inactive', ''].includes(now.get('swarm') ?? '');
}

/** Lets the engine read its settings again and waits until it has. */
function liveRestoreIs(isOn: boolean): { readonly title: string; readonly script: string } {
  return {
    title: 'letting the engine read its settings',
    script: `kill -HUP "$(cat /var/run/docker.pid)"
i=0
until [ "$(docker info --format '{{.LiveRestoreEnabled}}' 2>/dev/null)" = ${isOn} ]; do
  [ $i -lt 100 ] || { echo "it did not"; exit 1; }
  sleep 0.2
  i=$((i + 1))
done
`,
  };
}
