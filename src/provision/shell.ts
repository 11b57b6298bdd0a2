/** How to run commands on a machine. */
export type Shell = SshShell | CommandShell;

/** A host to log in to with SSH. */
export interface SshShell {
  readonly kind: 'ssh';
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Absolute path of a private key; absent: the agent's keys and the user's own. */
  readonly keyPath?: string;
  /** Accepted host keys as `known_hosts` lines; absent: the user's known_hosts, new keys accepted at first use. */
  readonly knownHostsPath?: string;
}

/** A program on this computer that runs the command behind it on the machine: `nsenter …`. */
export interface CommandShell {
  readonly kind: 'command';
  readonly prefix: readonly string[];
}

/** A machine to provision. */
export interface Reachable {
  /** Undefined when there is no way to run commands on it. */
  shell(signal: AbortSignal): Promise<Shell | undefined>;
  /** The engine's address. */
  url(signal: AbortSignal): Promise<string>;
}
