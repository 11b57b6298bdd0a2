import { ExitStatus } from '../common/errors.ts';
import type { SshShell } from '../provision/shell.ts';
import { loginTo } from '../provision/ssh-remote.ts';
import type { ClientTerminal } from '../ssh/connection.ts';

/** The terminal, or the pipes, of this process. */
export interface Stdio {
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/**
 * Runs a command on a host, or its shell when there is none, with our own SSH: for computers without an `ssh` program. Its exit code
 * becomes ours.
 */
export async function runNatively(
  target: SshShell,
  command: readonly string[],
  stdio: Stdio,
  signal: AbortSignal,
): Promise<void> {
  const connection = await loginTo(target, signal);
  try {
    const isTerminal = command.length === 0 && stdio.stdin.isTTY === true && stdio.stdout.isTTY === true;
    const terminal = isTerminal ? sizeOf(stdio.stdout) : undefined;
    const channel = await connection.terminal(command.length === 0 ? undefined : command.join(' '), terminal);
    const code = await joined(channel, stdio, isTerminal);
    if (code !== 0) throw new ExitStatus(`exit status ${code}`, code);
  } finally {
    await connection.close();
  }
}

function sizeOf({ columns, rows }: NodeJS.WriteStream): { readonly columns: number; readonly rows: number } {
  return { columns: columns || 80, rows: rows || 24 };
}

/**
 * Resolves with the exit code when the command has ended; 255, as with ssh, when the connection did. The code comes with the
 * channel's close: `exit` may have been emitted before a caller that awaits the channel could listen.
 */
export async function joined(
  channel: ClientTerminal,
  { stdin, stdout, stderr }: Stdio,
  isTerminal: boolean,
): Promise<number> {
  const onResize = (): void => {
    const { columns, rows } = sizeOf(stdout);
    channel.setWindow(rows, columns, 0, 0);
  };
  if (isTerminal) {
    stdin.setRawMode(true);
    stdout.on('resize', onResize);
  }
  stdin.pipe(channel);
  channel.pipe(stdout, { end: false });
  channel.stderr.pipe(stderr, { end: false });
  try {
    return await new Promise<number>((resolve) => {
      channel.on('error', () => undefined); // The close follows.
      channel.on('close', (code?: number | null) => resolve(code ?? 255));
    });
  } finally {
    stdin.unpipe(channel);
    stdin.pause();
    stdout.off('resize', onResize);
    if (isTerminal) stdin.setRawMode(false);
  }
}
