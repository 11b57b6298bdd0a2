import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type FileEntry, tar } from '../../../src/common/tar.ts';
import { imageFiles, programs } from '../../../src/lab/image-files.ts';
import type { LabNode } from '../../../src/lab/lab.ts';

/** Listens for clients. Ends, and its container with it, when a session has removed what it was told of. */
const SERVER = `#!/bin/sh
trap 'exit 0' TERM
nc -ll -p 8080 -e /session &
echo Started
while :; do wait; done
`;

/**
 * One client: a filter on each line, answered with ACK; when it has gone, all that the filters name is removed, but for reapers. The protocol is that of
 * https://github.com/testcontainers/moby-ryuk.
 */
const SESSION = `#!/bin/sh
api() { curl -s --unix-socket /var/run/docker.sock "$@"; }
ids() { api -G --data-urlencode "filters={\\"label\\":[\\"$2\\"]}" "http://docker/$1" | grep -o "\\"$3\\":\\"[^\\"]*\\"" | cut -d'"' -f4; }
remove() { api -o /dev/null -X DELETE "http://docker/$1"; }
sweep() {
  reapers=$(ids 'containers/json?all=1' org.testcontainers.ryuk=true Id)
  for id in $(ids 'containers/json?all=1' "$1" Id); do
    case "$reapers" in *$id*) ;; *) remove "containers/$id?force=1&v=1" ;; esac
  done
  for id in $(ids networks "$1" Id); do remove "networks/$id"; done
  for id in $(ids volumes "$1" Name); do remove "volumes/$id?force=1"; done
  for id in $(ids images/json "$1" Id); do remove "images/$id?force=1"; done
}
labels=
while read -r line; do
  label=$(echo "$line" | tr -d '\\r')
  labels="$labels \${label#label=}"
  echo ACK
done
for label in $labels; do sweep "$label"; done
[ -z "$labels" ] || kill 1
`;

/** A stand-in for Testcontainers' reaper, made of this machine's busybox and curl, as an image on one node. */
export async function loadReaper(node: LabNode, image: string, folder: string): Promise<void> {
  const scripts: FileEntry[] = Object.entries({ server: SERVER, session: SESSION }).map(([path, text]) => ({
    path,
    mode: 0o755,
    content: Buffer.from(text),
  }));
  const files = [...(await imageFiles('busybox')), ...(await programs(['/usr/bin/curl'])), ...scripts];
  const archive = join(folder, 'reaper.tar');
  await writeFile(archive, await tar(files));
  // By the label of its image clients and reapers know one.
  const changes = ['-c', 'CMD ["/server"]', '-c', 'LABEL org.testcontainers.ryuk=true'];
  const done = await node.docker(['import', ...changes, archive, image]);
  if (done.exitCode !== 0) throw new Error(`docker import: ${done.stderr}`);
}
