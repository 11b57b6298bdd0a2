import { BadRequestError } from '../common/errors.ts';

/** `POST /build` as the cluster reads it. */
export interface BuildRequest {
  /** For the engine: without what is meant for the scheduler. */
  readonly query: URLSearchParams;
  /** What the scheduler needs to know, as members of a create body. */
  readonly placementBody: unknown;
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
  if (directives.length > 0) {
    const rest = args.filter(([name]) => !DIRECTIVE.test(name));
    passed.set('buildargs', JSON.stringify(Object.fromEntries(rest)));
  }
  return {
    query: passed,
    placementBody: {
      Env: directives.map(([name, value]) => (value === null ? name : `${name}=${value}`)),
      HostConfig: { Memory: numberOf(query, 'memory'), CpuShares: numberOf(query, 'cpushares') },
    },
    platform: query.get('platform') || undefined,
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
