import findMyWay from 'find-my-way';
import { BadRequestError } from '../common/errors.ts';
import { type ApiVersion, compareApi, OLDEST_API, parseApiVersion } from '../engine/api-version.ts';
import { MethodNotAllowedError, PageNotFoundError } from './errors.ts';
import type { Method, Route } from './operations.ts';

/** A request's target, taken apart. */
export interface Target {
  /** The version in the path, if any. */
  readonly api: ApiVersion | undefined;
  /** Without version and query. */
  readonly path: string;
  /** With its `?`, or empty. */
  readonly search: string;
}

/** A route and the values of its path parameters. */
export interface Match {
  readonly route: Route;
  readonly params: Readonly<Record<string, string>>;
}

/** Finds the route of a request. */
export interface Router {
  /** Throws {@link PageNotFoundError} or {@link MethodNotAllowedError} when there is none. */
  match(method: string, path: string): Match;
}

const VERSIONED = /^\/v(\d[^/]*)(\/.*)$/s;

/** Splits a request target. Throws a BadRequestError in Docker's words for a version we do not speak. */
export function parseTarget(url: string): Target {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const search = mark < 0 ? '' : url.slice(mark);
  const versioned = VERSIONED.exec(path);
  if (!versioned) return { api: undefined, path, search };
  return { api: acceptVersion(versioned[1] ?? ''), path: versioned[2] ?? '', search };
}

function acceptVersion(text: string): ApiVersion {
  const api = parseApiVersion(text);
  if (api === undefined) throw new BadRequestError(`invalid API version "${text}": write it like v1.41`, 'BAD_VERSION');
  if (compareApi(api, OLDEST_API) < 0) {
    throw new BadRequestError(
      `client version ${api} is too old. Minimum supported API version is ${OLDEST_API}, please upgrade your client to a newer version`,
      'CLIENT_TOO_OLD',
    );
  }
  return api;
}

/** Routes that share a wildcard (`/images/*`) and differ by what follows the name. */
interface Suffix {
  readonly name: string;
  readonly suffix: string;
  readonly route: Route;
}

/** Builds a router over a table of routes. */
export function createRouter(routes: readonly Route[]): Router {
  const tree = findMyWay({ maxParamLength: 8192, caseSensitive: true });
  const methods = [...new Set(routes.map((route) => route.method))];
  for (const [key, suffixes] of groupByPattern(routes)) {
    const [method, pattern] = key.split(' ') as [Method, string];
    tree.on(method, pattern, () => undefined, suffixes);
  }
  const find = (method: Method, path: string): Match | undefined => {
    const found = tree.find(method, path);
    return found ? pick(found.store as readonly Suffix[], found.params) : undefined;
  };
  return {
    match(method, path) {
      const match = find(method as Method, path);
      if (match) return match;
      const allow = methods.filter((other) => find(other, path));
      throw allow.length > 0 ? new MethodNotAllowedError(method, allow) : new PageNotFoundError();
    },
  };
}

/** Areas whose names contain slashes: images, plugins, `node/name` for what lives on a node, IDs of cloned nodes. */
const SLASHED = /^(\/(?:containers|images|plugins|distribution|networks|volumes|nodes)\/)\{(\w+)\}(.*)$/;

/**
 * find-my-way matches a parameter within one segment and a wildcard only at the end. Routes whose names may contain
 * slashes (`/images/docker.io/library/redis/json`) share one wildcard and are told apart by their end.
 */
function groupByPattern(routes: readonly Route[]): Map<string, Suffix[]> {
  const groups = new Map<string, Suffix[]>();
  for (const route of routes) {
    const [, prefix, name = '', suffix = ''] = SLASHED.exec(route.path) ?? [];
    const pattern = prefix === undefined ? route.path.replace(/\{(\w+)\}/g, ':$1') : `${prefix}*`;
    const key = `${route.method} ${pattern}`;
    const group = groups.get(key);
    if (group) group.push({ name, suffix, route });
    else groups.set(key, [{ name, suffix, route }]);
  }
  for (const group of groups.values()) group.sort((a, b) => b.suffix.length - a.suffix.length);
  return groups;
}

function pick(suffixes: readonly Suffix[], params: Readonly<Record<string, string | undefined>>): Match | undefined {
  const rest = params['*'];
  if (rest === undefined) {
    const [only] = suffixes;
    return only ? { route: only.route, params: params as Record<string, string> } : undefined;
  }
  for (const { name, suffix, route } of suffixes) {
    if (rest.length > suffix.length && rest.endsWith(suffix)) {
      return { route, params: { [name]: rest.slice(0, rest.length - suffix.length) } };
    }
  }
  return undefined;
}
