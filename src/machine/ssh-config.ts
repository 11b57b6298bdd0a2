import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { UsageError } from '../common/errors.ts';
import { isPrintable } from '../common/printable.ts';
import { writePrivate } from '../common/private-file.ts';
import type { SshShell } from '../provision/shell.ts';
import type { Machine, MachineDeps } from './machine.ts';
import type { MachineStore } from './store.ts';

/**
 * Keeps how `ssh` logs in to the machine in a file of its folder, for the docker CLI, which runs `ssh` and can be given no key. Answers what the person
 * has to do once, for all machines of the store; undefined: it is done, or the user's own keys are used.
 */
export async function keepSshConfig(
  { stored, driver }: Machine,
  { store, env }: MachineDeps,
  signal: AbortSignal,
): Promise<string | undefined> {
  const shell = await driver.shell(signal);
  if (shell?.kind !== 'ssh') return undefined;
  await sshConfigFile(stored.record.name, shell, store);
  if (shell.keyPath === undefined && shell.knownHostsPath === undefined) return undefined;
  const line = `Include ${quoted(join(store.root, 'machines', '*', 'ssh_config'))}`;
  const file = join(env.HOME || homedir(), '.ssh', 'config');
  const lines = (await readFile(file, 'utf8').catch(() => '')).split('\n');
  if (lines.some((each) => each.trim() === line)) return undefined;
  return `docker reaches it through ssh, which finds its key once ${file} begins with this line: ${line}`;
}

/** Writes the file that has the machine by its name and by its address; answers its path. */
export async function sshConfigFile(name: string, shell: SshShell, store: MachineStore): Promise<string> {
  const file = join(await store.folder('machines', name), 'ssh_config');
  const names = name === shell.host ? name : `${name} ${shell.host}`;
  await writePrivate(file, sshConfig(new Map([[names, shell]])));
  return file;
}

/** What ssh, scp, rsync and sshfs need to reach the machines by their names. */
export function sshConfig(targets: ReadonlyMap<string, SshShell>): string {
  const hosts = [...targets].map(([name, { host, port, user, keyPath, knownHostsPath }]) => {
    // A record may come from another person's export: a line more would be an option more.
    for (const word of [host, user, keyPath ?? '', knownHostsPath ?? ''])
      if (word.includes('"') || !isPrintable(word))
        throw new UsageError(`"${name}" cannot be reached: ${JSON.stringify(word)} in its record`);
    const key = keyPath === undefined ? [] : [`IdentityFile ${quoted(keyPath)}`, 'IdentitiesOnly yes'];
    const known =
      knownHostsPath === undefined
        ? ['StrictHostKeyChecking accept-new']
        : [`UserKnownHostsFile ${quoted(knownHostsPath)}`, 'StrictHostKeyChecking accept-new'];
    const lines = [
      `HostName ${host}`,
      `Port ${port}`,
      `User ${user}`,
      ...key,
      ...known,
      'ServerAliveInterval 60',
      'LogLevel ERROR',
    ];
    return [`Host ${name}`, ...lines.map((line) => `  ${line}`)].join('\n');
  });
  return `${hosts.join('\n')}\n`;
}

/** A path as ssh's configuration has it. */
export function quoted(path: string): string {
  return `"${path}"`;
}
