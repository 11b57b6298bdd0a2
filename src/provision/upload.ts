import type { RemoteFile } from './init/init-system.ts';
import type { Task } from './provisioner.ts';
import { quoted, type Remote } from './remote.ts';
import { runStep } from './step.ts';

/**
 * Puts a file on the machine, all at once and never readable by other users. Its content goes through standard input, never
 * through a command line. Answers whether it was another one before.
 */
export async function upload(remote: Remote, file: RemoteFile, task: Task): Promise<boolean> {
  const bytes = Buffer.byteLength(file.content);
  const script = `f=${quoted(file.path)} t=${quoted(`${file.path}.enxame-new`)}
mkdir -p "$(dirname "$f")"
(umask 077; cat >"$t")
[ "$(wc -c <"$t")" -eq ${bytes} ] || { rm -f "$t"; echo "the upload was cut off"; exit 1; }
chmod ${file.mode} "$t"
if [ -f "$f" ] && [ "$(sha256sum <"$t")" = "$(sha256sum <"$f")" ]; then
  rm -f "$t"
  chmod ${file.mode} "$f"
else
  mv -f "$t" "$f"
  echo changed
fi
`;
  const output = await runStep(remote, { title: `writing ${file.path}`, script, input: file.content }, task);
  return output.includes('changed');
}
