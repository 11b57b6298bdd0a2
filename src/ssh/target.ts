import { appendFileSync, mkdirSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import type { ParsedKey } from 'ssh2';
// A default import: Node cannot tell all names that this CommonJS module exports.
import ssh2 from 'ssh2';
import { reasonOf } from '../common/errors.ts';
import { SshError } from './errors.ts';
import { readText, type SshEnvironment, type SshFiles, sshFilesFor } from './files.ts';
import {
  fingerprint,
  judgeHostKey,
  type KnownHost,
  keyTypeOf,
  knownHostName,
  knownKeyTypes,
  parseKnownHosts,
} from './known-hosts.ts';

/** A destination for SSH. */
export interface SshDestination {
  readonly host: string;
  /** 22 also means: what the configuration says. */
  readonly port: number;
  /** Absent: what the configuration says, else the user who runs this process. */
  readonly user?: string | undefined;
  /** A private key file to log in with, instead of the configured and usual ones. */
  readonly keyPath?: string | undefined;
  /** A file of accepted host keys, instead of the configured and usual ones. */
  readonly knownHostsPath?: string | undefined;
  /** Accepts the key of a host that is not known yet and adds it to that file; one that has changed is refused all the same. */
  readonly acceptsNewHost?: boolean | undefined;
}

/** Everything needed to open one connection. */
export interface SshTarget {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly keys: readonly ParsedKey[];
  readonly agent: string | undefined;
  /** Remarks on keys that could not be used, for the message when login fails. */
  readonly remarks: readonly string[];
  /** Key types to ask the host for first. */
  readonly hostKeyTypes: readonly string[];
  /** Undefined when the key is the host's; else what to tell. */
  readonly checkHostKey: (key: Buffer) => SshError | undefined;
}

const SYSTEM_KNOWN_HOSTS = '/etc/ssh/ssh_known_hosts';

/** Reads configuration, keys and known hosts, all anew. Rejects with an {@link SshError} when the host is behind a proxy. */
export async function resolveTarget(destination: SshDestination, environment: SshEnvironment): Promise<SshTarget> {
  const files = await sshFilesFor(destination, environment);
  const { config, configPath, knownHostsFiles } = files;
  if (config.proxy !== undefined)
    throw new SshError(
      `${destination.host} is behind ${config.proxy} in ${configPath}: jump hosts are not supported. Forward the engine's port with ssh -L and give that address instead`,
      'SSH_CONFIG',
    );
  const host = config.hostName ?? destination.host;
  const port = destination.port === 22 ? (config.port ?? 22) : destination.port;
  const { keyPath, knownHostsPath } = destination;
  const { keys, remarks } = await readKeys(files);
  const known = await readKnownHosts([...knownHostsFiles, ...(knownHostsPath ? [] : [SYSTEM_KNOWN_HOSTS])]);
  const hostKeys = { host, port, file: knownHostsFiles[0], acceptsNew: destination.acceptsNewHost ?? false };
  // A key file with a passphrase may be in the agent.
  const usesAgent = keyPath === undefined ? !config.identitiesOnly : keys.length === 0;
  return {
    host,
    port,
    user: destination.user ?? config.user ?? userInfo().username,
    keys,
    agent: usesAgent ? environment.agent : undefined,
    remarks,
    hostKeyTypes: knownKeyTypes(known, knownHostName(host, port)),
    checkHostKey: (key) => checkHostKey(known, hostKeys, key),
  };
}

interface HostKeyPlace {
  readonly host: string;
  readonly port: number;
  readonly file: string;
  readonly acceptsNew: boolean;
}

function checkHostKey(
  known: readonly KnownHost[],
  { host, port, file, acceptsNew }: HostKeyPlace,
  key: Buffer,
): SshError | undefined {
  const name = knownHostName(host, port);
  const verdict = judgeHostKey(known, name, key);
  const shown = `${keyTypeOf(key)} ${fingerprint(key)}`;
  const scan = `ssh-keyscan -p ${port} ${host} >> ${file}`;
  switch (verdict.kind) {
    case 'known':
      return undefined;
    case 'unknown':
      if (acceptsNew) return remember(file, `${name} ${keyTypeOf(key)} ${key.toString('base64')}\n`);
      return new SshError(
        `the host key of ${name} (${shown}) is not in ${file}. Check the fingerprint on the machine, then: ${scan}`,
        'SSH_HOST_KEY',
      );
    case 'changed':
      return new SshError(
        `the host key of ${name} is not the one in ${verdict.where} (it shows ${shown}): possibly a man-in-the-middle attack. If the machine was reinstalled: ssh-keygen -f ${file} -R '${name}', then ${scan}`,
        'SSH_HOST_KEY',
      );
    case 'revoked':
      return new SshError(
        `the host key of ${name} (${shown}) is revoked in ${verdict.where}: give the host a new key`,
        'SSH_HOST_KEY',
      );
  }
}

/** At once: the key is asked for in the middle of the handshake. */
function remember(file: string, line: string): SshError | undefined {
  try {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    appendFileSync(file, line, { mode: 0o600 });
    return undefined;
  } catch (error) {
    return new SshError(`cannot write the host key into ${file}: ${reasonOf(error)}`, 'SSH_CONFIG', error);
  }
}

async function readKeys({
  identityFiles,
  areExpected,
}: SshFiles): Promise<{ readonly keys: ParsedKey[]; readonly remarks: string[] }> {
  const keys: ParsedKey[] = [];
  const remarks: string[] = [];
  for (const file of identityFiles) {
    const text = await readText(file);
    if (text === '') {
      if (areExpected) remarks.push(`${file} cannot be read`);
      continue;
    }
    const key = ssh2.utils.parseKey(text);
    if (!(key instanceof Error)) keys.push(...[key].flat());
    else if (/passphrase|encrypted/i.test(key.message))
      remarks.push(`${file} has a passphrase: ssh-add it to an agent`);
    else remarks.push(`${file}: ${key.message}`);
  }
  return { keys, remarks };
}

async function readKnownHosts(files: readonly string[]): Promise<KnownHost[]> {
  const texts = await Promise.all(files.map(async (file) => parseKnownHosts(await readText(file), file)));
  return texts.flat();
}
