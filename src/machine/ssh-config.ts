import { readFile } from 'node:fs/promises';
import { homedir, userInfo } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../common/errors.ts';
import { isPrintable } from '../common/printable.ts';
import { writePrivate } from '../common/private-file.ts';
import type { SshShell } from '../provision/shell.ts';
import { processSshEnvironment, sshFilesFor } from '../ssh/files.ts';
import type { Machine, MachineDeps } from './machine.ts';

/**
 * Keeps how `ssh` logs in to the machine in a file of its folder, for the docker CLI, which runs `ssh` and can be given no key. Answers what the person
 * has to do once, for all machines of the store; nothing when it is done, or the user's own keys are used.
 */
export async function sshHints(
  { stored, driver }: Machine,
  { store, env }: MachineDeps,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const shell = await driver.shell(signal);
  if (shell?.kind !== 'ssh') return [];
  await sshConfigFile(stored.record.name, shell, { store, env });
  if (shell.keyPath === undefined && shell.knownHostsPath === undefined) return [];
  const line = `Include ${quoted(join(store.root, 'machines', '*', 'ssh_config'))}`;
  const file = join(env.HOME || homedir(), '.ssh', 'config');
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n').map((each) => each.trim());
  const firstBlock = lines.findIndex((each) => /^(Host|Match)\b/i.test(each));
  const at = lines.indexOf(line);
  // Within a block it would hold for the hosts of that block only.
  if (at !== -1 && (firstBlock === -1 || at < firstBlock)) return [];
  return [`docker reaches it through ssh, which finds its key once ${file} begins with this line: ${line}`];
}

/** Writes the file that has the machine by its name and by its address; answers its path. */
export async function sshConfigFile(
  name: string,
  shell: SshShell,
  { store, env }: Pick<MachineDeps, 'store' | 'env'>,
): Promise<string> {
  const file = join(await store.folder('machines', name), 'ssh_config');
  const names = name === shell.host ? name : `${name} ${shell.host}`;
  await writePrivate(file, await sshConfig(new Map([[names, shell]]), env));
  return file;
}

/** What ssh, scp, rsync and sshfs need to reach the machines by their names, with the files that our own SSH takes. */
export async function sshConfig(targets: ReadonlyMap<string, SshShell>, env: MachineDeps['env']): Promise<string> {
  const hosts = [...targets].map(async ([name, shell]) => {
    const lines = [
      ...(await loginLines(name, shell, env)),
      'StrictHostKeyChecking accept-new',
      'ServerAliveInterval 60',
    ];
    return [`Host ${name}`, ...[...lines, 'LogLevel ERROR'].map((line) => `  ${line}`)].join('\n');
  });
  return `${(await Promise.all(hosts)).join('\n')}\n`;
}

async function loginLines(name: string, shell: SshShell, env: MachineDeps['env']): Promise<readonly string[]> {
  const { home } = processSshEnvironment(env);
  const { config, areExpected, identityFiles, knownHostsFiles } = await sshFilesFor(shell, { home });
  const host = config.hostName ?? shell.host;
  const port = shell.port === 22 ? (config.port ?? 22) : shell.port;
  // A record may come from another person's export: a line more would be an option more.
  for (const word of [host, shell.user, ...identityFiles, ...knownHostsFiles])
    if (word.includes('"') || !isPrintable(word))
      throw new UsageError(`"${name}" cannot be reached: ${JSON.stringify(word)} in its record`);
  // ssh knows more names of usual keys than we do, but looks for them in the home of the account.
  const keys = areExpected || home !== userInfo().homedir ? identityFiles : [];
  return [
    `HostName ${host}`,
    `Port ${port}`,
    `User ${shell.user}`,
    ...keys.map((path) => `IdentityFile ${literally(path)}`),
    ...(shell.keyPath === undefined && !config.identitiesOnly ? [] : ['IdentitiesOnly yes']),
    `UserKnownHostsFile ${knownHostsFiles.map(literally).join(' ')}`,
  ];
}

/** A path where ssh puts values for what begins with a percent sign (`ssh_config(5)`, "TOKENS"). */
function literally(path: string): string {
  return quoted(path.replaceAll('%', '%%'));
}

/** A path as ssh's configuration has it. */
export function quoted(path: string): string {
  return `"${path}"`;
}
