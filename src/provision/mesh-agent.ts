import type { HostFacts } from './facts.ts';
import { openPort } from './firewall.ts';
import type { InitSystem } from './init/init-system.ts';
import { AGENT_FOLDER, MESH_FOLDER, MESH_LAUNCHER } from './init/launcher.ts';
import { familyOf } from './os/families.ts';
import type { OsFamily } from './os/family.ts';
import { removePrograms } from './programs.ts';
import type { InstalledProgram, MeshAgentSpec, Task } from './provisioner.ts';
import { quoted, type Remote } from './remote.ts';
import { runStep, type Step } from './step.ts';
import { upload } from './upload.ts';

const INSTALL_TIMEOUT_MS = 15 * 60_000;

interface Host {
  readonly root: Remote;
  readonly init: InitSystem;
  readonly facts: HostFacts;
}

/**
 * Installs what the mesh needs of the machine, and the agent that keeps it as a service: at a start of the machine the engine waits until the mesh is
 * up. The agent brings its own Node and libraries; the programs that it calls are the machine's.
 */
export async function keepMeshAgent({ root, init, facts }: Host, agent: MeshAgentSpec, task: Task): Promise<void> {
  await runStep(root, prepareMesh(familyOf(facts.os, root.name)), task);
  const program = await agent.install();
  const files = [{ path: MESH_LAUNCHER, content: meshLauncher(agent, program), mode: '755' }, ...init.mesh.files];
  let isChanged = false;
  for (const file of files) if (await upload(root, file, task)) isChanged = true;
  await runStep(root, openPort(agent.port, 'udp'), task);
  const script = isChanged ? init.mesh.restart : `if ! { ${init.mesh.isRunning}; }; then\n${init.mesh.restart}fi\n`;
  await runStep(
    root,
    { title: 'starting the agent of the mesh', script: script + removePrograms(program.folder) },
    task,
  );
}

/** Ends the agent, and takes it, its tunnels, its rules and its key off the machine. The packages stay. */
export async function removeMeshAgent({ root, init }: Pick<Host, 'root' | 'init'>, task: Task): Promise<void> {
  const files = init.mesh.files.map(({ path }) => quoted(path)).join(' ');
  const script = `[ -e ${MESH_LAUNCHER} ] || exit 0
${init.mesh.stop}name=$(sed -n 's/.*"name":"\\(enxame-[0-9a-f]*\\)".*/\\1/p' ${MESH_FOLDER}/node.json 2>/dev/null || :)
[ -z "$name" ] || ip link delete "$name" 2>/dev/null || :
for tables in iptables ip6tables; do
  command -v $tables >/dev/null || continue
  for chain in INPUT:ENXAME-MESH FORWARD:ENXAME-MESH-FORWARD; do
    $tables -w 5 -D "\${chain%:*}" -j "\${chain#*:}" 2>/dev/null || :
    $tables -w 5 -F "\${chain#*:}" 2>/dev/null || :
    $tables -w 5 -X "\${chain#*:}" 2>/dev/null || :
  done
done
rm -rf ${MESH_FOLDER}
rm -f ${MESH_LAUNCHER} ${files}
rmdir /var/lib/enxame 2>/dev/null || :
${removePrograms('')}rmdir ${AGENT_FOLDER} 2>/dev/null || :
`;
  await runStep(root, { title: 'removing the agent of the mesh', script }, task);
}

/** WireGuard of the kernel where that has it, else the program; and what sets it up. */
export function prepareMesh({ functions, mesh }: Pick<OsFamily, 'functions' | 'mesh'>): Step {
  const { tools, program } = mesh;
  const script = `${functions}lacks() { ! command -v "$1" >/dev/null; }
if lacks wg || lacks ip || lacks iptables; then
  say 'installing WireGuard'
  install ${tools}
fi
if ip link add enxame-try type wireguard 2>/dev/null; then
  ip link delete enxame-try
elif lacks wireguard-go; then
  ${program === undefined ? noWireGuard : `say 'installing wireguard-go: its kernel has no WireGuard'\n  install ${program}`}
fi
[ -e /dev/net/tun ] || modprobe tun 2>/dev/null || :
`;
  return { title: 'preparing the mesh', script, timeoutMs: INSTALL_TIMEOUT_MS };
}

const noWireGuard =
  'echo "its kernel has no WireGuard, and its system has no package of wireguard-go: use a kernel from 5.6 on, or install wireguard-go there by hand, then repeat"; exit 1';

/** Node is started by the loader that came with it: the machine's own C library may be older. What the agent starts uses the machine's. */
function meshLauncher({ args, edition }: MeshAgentSpec, { folder, command }: InstalledProgram): string {
  const [node = '', ...rest] = command;
  const words = [`${folder}${node}`, ...rest.map((path) => `${folder}${path}`), ...args];
  return `#!/bin/sh
# Written by enxame, which replaces it: runs the agent that keeps this machine in the mesh. ${edition}
set -e
root=${quoted(folder)}
PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
HOME=/root
export PATH HOME
modprobe tun 2>/dev/null || :
libraries=
for file in $(find "$root" -path "$root/opt" -prune -o \\( -name 'libc.so.6' -o -name 'libstdc++.so.6*' -o -name 'libgcc_s.so.1' -o -name 'libc.musl-*' \\) -print); do
  folder=\${file%/*}
  case ":$libraries:" in *":$folder:"*) ;; *) libraries=\${libraries:+$libraries:}$folder ;; esac
done
for loader in "$root"/lib64/ld-linux-*.so.* "$root"/lib/ld-linux-*.so.* "$root"/lib/ld-musl-*.so.1; do
  if [ -e "$loader" ]; then exec "$loader" --library-path "$libraries" ${words.map(quoted).join(' ')}; fi
done
exec ${words.map(quoted).join(' ')}
`;
}
