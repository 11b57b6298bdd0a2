/** How to run one script. */
export interface RunOptions {
  /** Standard input of the script; default nothing. For what must not be seen in a list of processes. */
  readonly input?: string | undefined;
  readonly onOutput?: ((text: string) => void) | undefined;
  readonly signal: AbortSignal;
}

/** How a script ended. Standard error is part of the output only where the script says so. */
export interface RunResult {
  /** Exit code, or the name of the signal that ended it. */
  readonly exit: number | string;
  readonly output: string;
}

/** A machine that runs scripts for us, all over one connection. */
export interface Remote {
  /** `user@host:port` or the like, for messages. */
  readonly name: string;
  /** Runs a script of POSIX shell to its end. Rejects when the machine cannot be reached (any more) or the wait was aborted. */
  run(script: string, options: RunOptions): Promise<RunResult>;
  /** Frees the connection. Idempotent. */
  close(): Promise<void>;
}

/** The same machine, where every script runs behind `prefix` (`sudo -n`). Closing it closes the machine. */
export function behind(remote: Remote, prefix: string): Remote {
  if (prefix === '') return remote;
  return { ...remote, run: (script, options) => remote.run(`exec ${prefix} ${asShell(script)}`, options) };
}

/** A command that runs the script whatever the login shell is: single quotes mean the same to all of them. */
export function asShell(script: string): string {
  return `/bin/sh -c ${quoted(script)}`;
}

/** One word for a shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
