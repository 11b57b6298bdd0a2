import { AGENT_FOLDER, LAUNCHER, MESH_LAUNCHER } from './init/launcher.ts';
import { quoted } from './remote.ts';

/**
 * Removes the programs of earlier agents from a machine, but for the one in the folder `kept`. One that something is mounted in, or that another agent
 * is started from, is left alone.
 */
export function removePrograms(kept: string): string {
  return `for each in ${AGENT_FOLDER}/agent-*; do
  if [ "$each" = ${quoted(kept)} ] || grep -q " $each/" /proc/mounts; then continue; fi
  if grep -qsF "root='$each'" ${LAUNCHER} ${MESH_LAUNCHER}; then continue; fi
  rm -rf "$each"
done
`;
}
