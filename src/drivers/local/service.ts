import { chmod } from 'node:fs/promises';
import { join } from 'node:path';
import { systemPath } from '../../common/command.ts';
import { writePrivate } from '../../common/private-file.ts';
import { type Host, spawnInHost } from '../../namespaces/host.ts';
import {
  childrenOf,
  identify,
  isAlive,
  type ProcessIdentity,
  signalProcess,
  waitFor,
} from '../../namespaces/processes.ts';
import { loop } from '../../provision/init/loop.ts';

/** A program that runs in a machine beside its engine, and is started again when it ends. */
export interface LocalService {
  /** Of the script that keeps it running, in the machine's folder. */
  readonly script: string;
  /** What it says is in that file of the folder. */
  readonly log: string;
  /** A shell command. */
  readonly command: string;
}

/** Starts a service in the host; resolves with the shell that keeps it running. */
export async function startService(
  folder: string,
  host: Host,
  { script, log, command }: LocalService,
): Promise<ProcessIdentity> {
  const path = join(folder, script);
  await writePrivate(path, loop(command));
  await chmod(path, 0o700);
  return await spawnInHost(host, [path], { logPath: join(folder, log), path: systemPath });
}

/** Lets a service end; one that does not within `politeMs` is killed. */
export async function stopService(what: string, shell: ProcessIdentity, politeMs: number): Promise<void> {
  const programs = childrenOf(shell.pid).flatMap((pid) => identify(pid) ?? []);
  signalProcess(shell, 'SIGTERM');
  const hasEnded = (): boolean => !isAlive(shell);
  await waitFor(`end of ${what}`, hasEnded, { timeoutMs: politeMs }).catch(() => {
    for (const each of [shell, ...programs]) signalProcess(each, 'SIGKILL');
  });
}
