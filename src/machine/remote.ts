import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve } from 'node:path';
import { ClusterError, DriverError, ExitStatus, UsageError } from '../common/errors.ts';
import { writePrivate } from '../common/private-file.ts';
import type { Shell, SshShell } from '../provision/shell.ts';
import { type MachineDeps, openByName } from './machine.ts';
import { quoted, sshConfig, sshConfigFile } from './ssh-config.ts';

const LOGIN_WITHIN_MS = 60_000;

/** Runs a command on the machine, or a shell when there is none, on our own terminal. Its exit code becomes ours. */
export async function runOn(
  name: string,
  command: readonly string[],
  context: MachineDeps,
  options: { readonly isNative: boolean } = { isNative: false },
): Promise<void> {
  const shell = await shellOf(name, context);
  if (shell.kind === 'command') {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: for the shell to fill in.
    const login = ['sh', '-c', 'cd; exec "${SHELL:-sh}"'];
    const words = command.length === 0 ? login : ['sh', '-c', command.join(' ')];
    return await onTerminal(shell.prefix[0] ?? '', [...shell.prefix.slice(1), ...words]);
  }
  if (options.isNative) {
    const { runNatively } = await import('./native-ssh.ts');
    return await runNatively(shell, command, process, AbortSignal.timeout(LOGIN_WITHIN_MS));
  }
  await withSshConfig(new Map([[name, shell]]), context, (file) => onTerminal('ssh', ['-F', file, name, ...command]));
}

/** Copies between here and machines, or between machines; places are written `[machine:]path`. */
export async function copyFiles(
  from: string,
  to: string,
  flags: { readonly recursive?: boolean; readonly delta?: boolean; readonly quiet?: boolean },
  context: MachineDeps,
): Promise<void> {
  const places = [readPlace(from), readPlace(to)];
  const names = [...new Set(places.flatMap(({ machine }) => machine ?? []))];
  if (names.length === 0) throw new UsageError(`neither "${from}" nor "${to}" is on a machine: write machine:path`);
  const shells = new Map<string, Shell>();
  for (const name of names) shells.set(name, await shellOf(name, context));
  const targets = [...shells].flatMap(([name, shell]): [string, SshShell][] =>
    shell.kind === 'ssh' ? [[name, shell]] : [],
  );
  // A machine without SSH shares this host's files: its paths are as seen from its home, ours from where the person is.
  const words = places.map(({ machine, path }) => {
    if (machine === undefined) return absolute(process.cwd(), path);
    return shells.get(machine)?.kind === 'ssh' ? `${machine}:${path}` : absolute(homedir(), path);
  });
  const local = [...shells.values()].find((shell) => shell.kind === 'command');
  // Such a machine shares this host's files; a copy made inside sees what it has of its own too.
  const prefix = local?.kind === 'command' && targets.length === 0 ? local.prefix : [];
  const recursive = flags.recursive ? ['-r'] : [];
  const quiet = flags.quiet ? ['-q'] : [];
  await withSshConfig(new Map(targets), context, async (file) => {
    if (targets.length === 0) await onTerminal(...split([...prefix, 'cp', ...recursive, ...words]));
    else if (flags.delta)
      await onTerminal('rsync', ['--progress', '-a', ...quiet, '-e', `ssh -F ${quoted(file)}`, ...words]);
    else await onTerminal('scp', ['-F', file, '-3', ...recursive, ...quiet, ...words]);
  });
}

/** Mounts a machine's folder at the same path here, or at `folder`. */
export async function mountFolder(from: string, folder: string | undefined, context: MachineDeps): Promise<void> {
  const { machine, path } = readPlace(from);
  if (machine === undefined) throw new UsageError(`"${from}" is on no machine: write machine:path`);
  const shell = await shellOf(machine, context);
  if (shell.kind === 'command') throw new UsageError(`the files of "${machine}" are this host's: nothing to mount`);
  // sshfs reads its configuration again whenever it connects: the file stays with the machine.
  const file = await sshConfigFile(machine, shell, context);
  await onTerminal('sshfs', ['-F', file, `${machine}:${path}`, folder ?? path]);
}

/** Undoes {@link mountFolder}. */
export async function unmountFolder(from: string, folder: string | undefined): Promise<void> {
  await onTerminal('fusermount', ['-u', folder ?? readPlace(from).path]);
}

async function shellOf(name: string, context: MachineDeps): Promise<Shell> {
  const machine = await openByName(name, context);
  try {
    const signal = AbortSignal.timeout(30_000);
    const state = await machine.driver.state(signal);
    if (state !== 'Running' && state !== '')
      throw new DriverError(
        `Host "${name}" is not running: start it with "enxame machine start ${name}"`,
        'NOT_RUNNING',
      );
    const shell = await machine.driver.shell(signal);
    if (shell === undefined)
      throw new DriverError(`there is no way to log in to "${name}": it is only known by its URL`, 'NO_SHELL');
    return shell;
  } finally {
    await machine.close();
  }
}

/** Programs inside a machine start in its root. A slash at the end means a folder. */
function absolute(folder: string, path: string): string {
  return `${resolve(folder, path)}${/[^/]\/$/.test(path) ? '/' : ''}`;
}

/** `machine:path` or a path; one character before the colon is a Windows drive. */
function readPlace(text: string): { readonly machine: string | undefined; readonly path: string } {
  const match = /^([a-zA-Z0-9][a-zA-Z0-9.-]+):(.*)$/s.exec(text);
  if (match === null) return { machine: undefined, path: text };
  return { machine: match[1], path: match[2] || '.' };
}

async function withSshConfig(
  targets: ReadonlyMap<string, SshShell>,
  { store, env }: MachineDeps,
  work: (file: string) => Promise<void>,
): Promise<void> {
  const file = join(await store.folder('cache'), `ssh-config-${randomBytes(4).toString('hex')}`);
  await writePrivate(file, await sshConfig(targets, env));
  try {
    await work(file);
  } finally {
    await rm(file, { force: true });
  }
}

function split(words: readonly string[]): [string, string[]] {
  return [words[0] ?? '', words.slice(1)];
}

/** Runs a program with our own input and output. Ctrl-C reaches it by itself. */
async function onTerminal(program: string, args: readonly string[]): Promise<void> {
  const ignore = (): void => undefined;
  process.on('SIGINT', ignore);
  try {
    const code = await new Promise<number>((resolve, reject) => {
      const child = spawn(program, args, { stdio: 'inherit' });
      child.once('error', (error: NodeJS.ErrnoException) => reject(cannotRun(program, error)));
      child.once('close', (status, signal) => resolve(status ?? (signal === null ? 1 : 130)));
    });
    if (code !== 0) throw new ExitStatus(`${program}: exit status ${code}`, code);
  } finally {
    process.off('SIGINT', ignore);
  }
}

function cannotRun(program: string, error: NodeJS.ErrnoException): ClusterError {
  const hint = program === 'ssh' ? ': "enxame machine --native-ssh ssh" needs none' : '';
  const why = error.code === 'ENOENT' ? `${program} is not installed here${hint}` : error.message;
  return new ClusterError(`cannot run ${program}: ${why}`, { code: 'MISSING_TOOL', status: 500, cause: error });
}
