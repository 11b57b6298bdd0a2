import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { parseSshConfig, type SshConfig } from './config.ts';

/** The user whose keys, configuration and known hosts are used. */
export interface SshEnvironment {
  /** Holds `.ssh`. OpenSSH takes the home of the account instead, whatever `$HOME` says. */
  readonly home: string;
  /** Path of the agent's socket, `$SSH_AUTH_SOCK`. */
  readonly agent?: string | undefined;
}

/** The files with which to log in to a host. */
export interface SshFiles {
  /** Path of the configuration. */
  readonly configPath: string;
  /** What it says about the host. */
  readonly config: SshConfig;
  /** Private keys to try: the given one, else the configured ones, else the usual ones. */
  readonly identityFiles: readonly string[];
  /** Whether each of them has to be there; of the usual ones some are not. */
  readonly areExpected: boolean;
  /** Accepted host keys; new ones are added to the first. */
  readonly knownHostsFiles: readonly [string, ...string[]];
}

/** Names of the usual private keys in `~/.ssh`. */
export const DEFAULT_KEYS: readonly string[] = ['id_ed25519', 'id_ecdsa', 'id_rsa'];

/** The environment of this process. */
export function processSshEnvironment(env: Readonly<Record<string, string | undefined>> = process.env): SshEnvironment {
  return { home: env.HOME || homedir(), agent: env.SSH_AUTH_SOCK || undefined };
}

/** Reads the user's configuration for `host`; `keyPath` and `knownHostsPath` come before what it says. */
export async function sshFilesFor(
  destination: {
    readonly host: string;
    readonly keyPath?: string | undefined;
    readonly knownHostsPath?: string | undefined;
  },
  { home }: SshEnvironment,
): Promise<SshFiles> {
  const { host, keyPath, knownHostsPath } = destination;
  const folder = join(home, '.ssh');
  const configPath = join(folder, 'config');
  const config = parseSshConfig(await readText(configPath), host, home);
  const identityFiles = keyPath === undefined ? config.identityFiles : [keyPath];
  const [knownHosts = join(folder, 'known_hosts'), ...more] =
    knownHostsPath === undefined ? config.knownHostsFiles : [knownHostsPath];
  return {
    configPath,
    config,
    identityFiles: identityFiles.length > 0 ? identityFiles : DEFAULT_KEYS.map((name) => join(folder, name)),
    areExpected: identityFiles.length > 0,
    knownHostsFiles: [knownHosts, ...more],
  };
}

/** A file's text; empty when it cannot be read, as ssh treats a missing one. */
export async function readText(path: string): Promise<string> {
  return readFile(path, 'utf8').catch(() => '');
}
