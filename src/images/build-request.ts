import { BadRequestError } from '../common/errors.ts';

/** `POST /build` as the cluster reads it. */
export interface BuildRequest {
  /** For the engine: without what is meant for the scheduler. */
  readonly query: URLSearchParams;
  /** What the scheduler needs to know, as members of a create body; undefined when any node will do. */
  readonly placementBody: unknown;
  /** Build arguments without those meant for the scheduler. */
  readonly args: ReadonlyMap<string, string | null>;
  /** Path of the Dockerfile in the context; undefined when there is none to read (a remote context, or `--pull`). */
  readonly dockerfile: string | undefined;
  readonly platform: string | undefined;
  /** Names the image gets. */
  readonly tags: readonly string[];
  readonly buildId: string | undefined;
  /** BuildKit: the client serves its files through `/session`, on the same node. */
  readonly needsSession: boolean;
}

const DIRECTIVE = /^(?:constraint|affinity|whitelist):/;

/**
 * Reads a build's query. Build arguments that are scheduling expressions (`constraint:node==n1`, which the CLI splits into
 * `constraint:node` and `=n1`) are for us and not passed on: the engine would complain that nothing uses them.
 */
export function readBuild(query: URLSearchParams): BuildRequest {
  const passed = new URLSearchParams(query);
  const args = readArguments(query.get('buildargs'));
  const directives = args.filter(([name]) => DIRECTIVE.test(name));
  const rest = args.filter(([name]) => !DIRECTIVE.test(name));
  if (directives.length > 0) {
    passed.set('buildargs', JSON.stringify(Object.fromEntries(rest)));
  }
  const platform = query.get('platform') || undefined;
  const HostConfig = { Memory: numberOf(query, 'memory'), CpuShares: numberOf(query, 'cpushares') };
  const Env = directives.map(([name, value]) => (value === null ? name : `${name}=${value}`));
  const isAnyNode = Env.length === 0 && HostConfig.Memory === 0 && HostConfig.CpuShares === 0 && !platform;
  const isReadable = !query.get('remote') && ['', '0', 'false'].includes(query.get('pull') ?? '');
  return {
    query: passed,
    placementBody: isAnyNode ? undefined : { Env, HostConfig },
    args: new Map(rest),
    dockerfile: isReadable ? query.get('dockerfile') || 'Dockerfile' : undefined,
    platform,
    tags: query.getAll('t').filter((tag) => tag !== ''),
    buildId: query.get('buildid') || undefined,
    needsSession: query.get('version') === '2' || Boolean(query.get('session')),
  };
}

function readArguments(text: string | null): [name: string, value: string | null][] {
  if (!text) return [];
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return Object.entries(value);
  } catch {
    // Reported below.
  }
  throw new BadRequestError('build: buildargs must be a JSON object of names and values', 'BAD_BUILD_ARGS');
}

function numberOf(query: URLSearchParams, name: string): number {
  const value = Number(query.get(name) ?? 0);
  return Number.isFinite(value) && value > 0 ? value : 0;
}
