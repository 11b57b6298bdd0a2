import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileProblem, UsageError } from '../common/errors.ts';
import { dockerConfigFolder } from '../machine/share/docker-context.ts';
import type { Io } from './io.ts';

/** The endpoint of a docker context. */
export interface DockerEndpoint {
  /** Name of the context. */
  readonly context: string;
  readonly host: string;
  readonly skipsVerification: boolean;
  /** PEM files of the context store; a file that is not there is undefined. */
  readonly tls: { readonly ca?: Buffer; readonly cert?: Buffer; readonly key?: Buffer } | undefined;
}

/** docker's name for "no context": `$DOCKER_HOST`, or where its engine is by default. */
const DEFAULT_CONTEXT = 'default';

/**
 * The context docker's client would use when neither its flags nor `$DOCKER_HOST` say where to go: `--context`, else `$DOCKER_CONTEXT`, else
 * the one of `docker context use` (`currentContext` in config.json). Undefined for none of them. Throws a {@link UsageError} for one that is
 * not there or cannot be read.
 */
export async function contextEndpoint(flag: string | undefined, env: Io['env']): Promise<DockerEndpoint | undefined> {
  const folder = dockerConfigFolder(env);
  const name = flag || env.DOCKER_CONTEXT || (await currentContext(join(folder, 'config.json')));
  if (name === undefined || name === DEFAULT_CONTEXT) return undefined;
  const id = createHash('sha256').update(name).digest('hex');
  const endpoint = await readMeta(join(folder, 'contexts', 'meta', id, 'meta.json'), name);
  return { context: name, ...endpoint, tls: await readTls(join(folder, 'contexts', 'tls', id, 'docker')) };
}

async function currentContext(file: string): Promise<string | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return '{}';
    throw new UsageError(`cannot read ${file}: ${fileProblem(error)}`, 'BAD_CONTEXT');
  });
  const { currentContext: name } = (parsed(text) ?? {}) as { readonly currentContext?: unknown };
  return typeof name === 'string' && name !== '' ? name : undefined;
}

async function readMeta(
  file: string,
  name: string,
): Promise<{ readonly host: string; readonly skipsVerification: boolean }> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new UsageError(
      `docker's context "${name}" cannot be read (${fileProblem(error)}): see "docker context ls", or use -H`,
      'BAD_CONTEXT',
    );
  });
  const meta = parsed(text) as {
    readonly Endpoints?: { readonly docker?: { readonly Host?: unknown; readonly SkipTLSVerify?: unknown } };
  } | null;
  const { Host: host, SkipTLSVerify: skips } = meta?.Endpoints?.docker ?? {};
  if (typeof host !== 'string' || host === '')
    throw new UsageError(`docker's context "${name}" has no host: ${file} is damaged. Use -H`, 'BAD_CONTEXT');
  return { host, skipsVerification: skips === true };
}

async function readTls(folder: string): Promise<DockerEndpoint['tls']> {
  const read = (file: string): Promise<Buffer | undefined> =>
    readFile(join(folder, file)).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT' || error.code === 'ENOTDIR') return undefined;
      throw new UsageError(`cannot read ${join(folder, file)}: ${fileProblem(error)}`, 'BAD_CONTEXT');
    });
  const [ca, cert, key] = await Promise.all(['ca.pem', 'cert.pem', 'key.pem'].map(read));
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  return { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
