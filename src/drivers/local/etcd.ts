import { chmod, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { must } from '../../common/command.ts';
import { writePrivate } from '../../common/private-file.ts';
import type { Host } from '../../namespaces/host.ts';
import type { ProcessIdentity } from '../../namespaces/processes.ts';
import { openCommandRemote } from '../../provision/command-remote.ts';
import { etcdLauncher, leaveData, prepareEtcd } from '../../provision/etcd.ts';
import type { EtcdSpec, Task } from '../../provision/provisioner.ts';
import { quoted } from '../../provision/remote.ts';
import { runStep } from '../../provision/step.ts';
import { startService, stopService } from './service.ts';

/** These machines share this host's files, and so its programs. */
const OBTAIN = `obtain() {
  echo 'etcd is not on this host: run "apt-get install --no-install-recommends etcd-server" (its own service need not run), then repeat'
  exit 1
}
`;
const POLITE_MS = 10_000;

/** Checks what a server needs, with the machine's own ports, and keeps how it is started. Answers whether that is another way than before. */
export async function keepEtcd(
  folder: string,
  host: Host,
  { spec, isRunning }: { readonly spec: EtcdSpec; readonly isRunning: boolean },
  task: Task,
): Promise<boolean> {
  const into = ['nsenter', '--target', String(host.init.pid), '--net', '--mount', '--uts', '--pid'];
  const root = { ...openCommandRemote({ kind: 'command', prefix: into }), name: 'this host' };
  await runStep(root, prepareEtcd({ folder: dataFolder(folder), spec, obtain: OBTAIN, isRunning }), task);
  const content = etcdLauncher(dataFolder(folder), spec);
  const before = await readFile(launcher(folder), 'utf8').catch(() => '');
  if (content === before) return false;
  await writePrivate(launcher(folder), content);
  await chmod(launcher(folder), 0o700);
  return true;
}

/** Starts the server in the host, if the machine has one; resolves with the shell that keeps it running. */
export async function startEtcd(folder: string, host: Host): Promise<ProcessIdentity | undefined> {
  if ((await readFile(launcher(folder), 'utf8').catch(() => '')) === '') return undefined;
  return await startService(folder, host, { script: 'etcd-loop', log: 'etcd.log', command: quoted(launcher(folder)) });
}

/** Lets the server end; one that does not is killed. */
export function stopEtcd(etcd: ProcessIdentity): Promise<void> {
  return stopService('etcd', etcd, POLITE_MS);
}

/** Forgets how it is started, and its data unless that is to be kept. */
export async function forgetEtcd(folder: string, name: string, keepsData: boolean): Promise<void> {
  await rm(launcher(folder), { force: true });
  await must('sh', ['-c', leaveData(dataFolder(folder), name, keepsData)]);
}

function dataFolder(folder: string): string {
  return join(folder, 'etcd');
}

function launcher(folder: string): string {
  return join(folder, 'etcd-server');
}
