import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { ConflictError } from '../../common/errors.ts';
import type { Endpoint } from '../endpoint.ts';
import { privateFolder, writePrivate } from '../files.ts';
import type { StoredMachine } from '../store.ts';
import { clientFiles } from '../trust.ts';

const MARK = 'enxame machine';

/** The docker CLI's settings folder: `$DOCKER_CONFIG`, else `~/.docker`. */
export function dockerConfigFolder(env: Readonly<Record<string, string | undefined>>): string {
  return env.DOCKER_CONFIG || join(env.HOME || homedir(), '.docker');
}

/**
 * Writes a docker context of that name as the CLI stores one: contexts/meta/ID/meta.json, and contexts/tls/ID/docker/*.pem, where ID
 * is the SHA-256 of the name. One of ours is replaced, another's is an error.
 */
export async function writeDockerContext(
  name: string,
  machine: StoredMachine,
  endpoint: Endpoint,
  env: Readonly<Record<string, string | undefined>>,
): Promise<void> {
  const id = createHash('sha256').update(name).digest('hex');
  const contexts = join(dockerConfigFolder(env), 'contexts');
  const meta = join(contexts, 'meta', id, 'meta.json');
  await assertOurs(meta, name);
  const files = await clientFiles(machine);
  const tls = join(await privateFolder(contexts, 'tls', id), 'docker');
  if (files !== undefined) {
    await writePrivate(join(tls, 'ca.pem'), files.ca);
    await writePrivate(join(tls, 'cert.pem'), files.cert);
    await writePrivate(join(tls, 'key.pem'), files.key);
  }
  const content = {
    Name: name,
    Metadata: { Description: `${MARK} ${machine.record.name}` },
    Endpoints: { docker: { Host: endpoint.url, SkipTLSVerify: false } },
  };
  await writePrivate(meta, JSON.stringify(content));
}

async function assertOurs(meta: string, name: string): Promise<void> {
  const text = await readFile(meta, 'utf8').catch(() => undefined);
  if (text === undefined || text.includes(`"Description":"${MARK}`)) return;
  throw new ConflictError(
    `docker has a context "${name}" that is not of a machine: choose another name with --name, or remove it with "docker context rm ${name}"`,
    'CONTEXT_EXISTS',
  );
}
