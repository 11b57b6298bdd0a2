import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { ConflictError } from '../../common/errors.ts';
import { privateFolder, writePrivate } from '../../common/private-file.ts';
import type { Endpoint } from '../endpoint.ts';
import type { MachineRecord } from '../record.ts';
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
  const files = endpoint.certPath === undefined ? undefined : await clientFiles(machine);
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

/** Removes the contexts made of a machine that is gone, and answers their names; others of that name, elsewhere, stay. */
export async function removeDockerContexts(
  { name, address }: Pick<MachineRecord, 'name' | 'address'>,
  env: Readonly<Record<string, string | undefined>>,
): Promise<readonly string[]> {
  const contexts = join(dockerConfigFolder(env), 'contexts');
  const ids = await readdir(join(contexts, 'meta')).catch(() => []);
  const removed: string[] = [];
  for (const id of ids) {
    const text = await readFile(join(contexts, 'meta', id, 'meta.json'), 'utf8').catch(() => '');
    const found = contextMeta.safeParse(parsed(text)).data;
    if (found?.Metadata.Description !== `${MARK} ${name}`) continue;
    if (hostOf(found.Endpoints.docker.Host) !== hostOf(address?.url ?? '')) continue;
    for (const part of ['meta', 'tls']) await rm(join(contexts, part, id), { recursive: true, force: true });
    removed.push(found.Name);
  }
  return removed;
}

const contextMeta = z.object({
  Name: z.string(),
  Metadata: z.object({ Description: z.string() }),
  Endpoints: z.object({ docker: z.object({ Host: z.string() }) }),
});

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Without the port: the context may be of the swarm. */
function hostOf(url: string): string {
  return url.replace(/:\d+\/?$/, '');
}

async function assertOurs(meta: string, name: string): Promise<void> {
  const text = await readFile(meta, 'utf8').catch(() => undefined);
  if (text === undefined || text.includes(`"Description":"${MARK}`)) return;
  throw new ConflictError(
    `docker has a context "${name}" that is not of a machine: choose another name with --name, or remove it with "docker context rm ${name}"`,
    'CONTEXT_EXISTS',
  );
}
