import type { SshEnvironment } from '../ssh/files.ts';
import { openCommandRemote } from './command-remote.ts';
import type { Remote } from './remote.ts';
import type { Shell } from './shell.ts';
import { openSshRemote } from './ssh-remote.ts';

/** Connects to a machine. Rejects with one line that says what to do. */
export async function openRemote(shell: Shell, signal: AbortSignal, environment?: SshEnvironment): Promise<Remote> {
  return shell.kind === 'ssh' ? await openSshRemote(shell, signal, environment) : openCommandRemote(shell);
}
