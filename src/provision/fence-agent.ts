import { openPort } from './firewall.ts';
import type { InitSystem } from './init/init-system.ts';
import { AGENT_FOLDER, LAUNCHER } from './init/launcher.ts';
import { removePrograms } from './programs.ts';
import type { FenceAgentSpec, InstalledProgram, Task } from './provisioner.ts';
import { quoted, type Remote } from './remote.ts';
import { runStep } from './step.ts';
import { upload } from './upload.ts';

/**
 * Installs the agent as a service of the machine: it must live on when the engine does not. It brings its own Node and libraries, in a
 * folder that becomes its root, with the machine's own processes, devices, sockets and settings.
 */
export async function keepFenceAgent(root: Remote, init: InitSystem, agent: FenceAgentSpec, task: Task): Promise<void> {
  const program = await agent.install();
  const files = [{ path: LAUNCHER, content: launcher(agent, program), mode: '755' }, ...init.agent.files];
  let isChanged = false;
  for (const file of files) if (await upload(root, file, task)) isChanged = true;
  if (agent.port !== undefined) await runStep(root, openPort(agent.port), task);
  const script = isChanged ? init.agent.restart : `if ! { ${init.agent.isRunning}; }; then\n${init.agent.restart}fi\n`;
  await runStep(root, { title: 'starting the fencing agent', script: script + removePrograms(program.folder) }, task);
}

/** Ends the agent, which hands its containers back, and takes it off the machine. */
export async function removeFenceAgent(root: Remote, init: InitSystem, task: Task): Promise<void> {
  const files = init.agent.files.map(({ path }) => quoted(path)).join(' ');
  const script = `[ -e ${LAUNCHER} ] || exit 0
${init.agent.stop}rm -f ${LAUNCHER} ${files}
${removePrograms('')}rmdir ${AGENT_FOLDER} 2>/dev/null || :
`;
  await runStep(root, { title: 'removing the fencing agent', script }, task);
}

/** Started once more behind `unshare`, so that its mounts are its own and end with it. */
function launcher({ args, edition }: FenceAgentSpec, { folder, command }: InstalledProgram): string {
  return `#!/bin/sh
# Written by enxame, which replaces it: runs the agent that ends this machine's strict containers. ${edition}
set -e
root=${quoted(folder)}
if [ "\${1:-}" != inside ]; then exec unshare -m /bin/sh "$0" inside; fi
for each in proc dev run etc; do
  mkdir -p "$root/$each"
  mount -o rbind "/$each" "$root/$each"
done
export HOME=/root
exec chroot "$root" ${[...command, ...args].map(quoted).join(' ')}
`;
}
