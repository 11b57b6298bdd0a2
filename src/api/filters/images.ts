import { RE2JS } from 're2js';
import type { Cluster } from '../../cluster/cluster.ts';
import { parseDuration } from '../../common/duration.ts';
import { BadRequestError } from '../../common/errors.ts';
import { parseReference } from '../../common/image-reference.ts';
import { noSuchImage } from '../../images/distribution.ts';
import type { ImageEntry } from '../views/image-list.ts';
import { type Filters, flagFilter, matchesLabels } from './query.ts';

/** Filters of `GET /images/json`, those of the engine and our own `node`. */
export const IMAGE_FILTERS: ReadonlySet<string> = new Set([
  'before',
  'dangling',
  'label',
  'node',
  'reference',
  'since',
  'until',
]);

/** Passes an entry, changed or not, or drops it. */
type Step = (entry: ImageEntry) => ImageEntry | undefined;

/** The entries that pass all filters; with `reference`, only with the names that match it, as engines list them. */
export function filterImages(
  cluster: Cluster,
  entries: readonly ImageEntry[],
  filters: Filters,
  nowMs: number,
): ImageEntry[] {
  let left: ImageEntry[] = [...entries];
  for (const [name, values] of filters) {
    const compile = STEPS[name];
    if (!compile || values.length === 0) continue;
    const step = compile(values, cluster, nowMs);
    left = left.flatMap((entry) => step(entry) ?? []);
  }
  return left;
}

const STEPS: Readonly<Record<string, (values: readonly string[], cluster: Cluster, nowMs: number) => Step>> = {
  dangling: (values) => {
    const isWanted = flagFilter(new Map([['dangling', values]]), 'dangling');
    return keepIf((entry) => (entry.RepoTags.length === 0) === isWanted);
  },
  label: (values) => keepIf((entry) => matchesLabels(entry.Labels, values)),
  reference: (values) => {
    const matchers = values.map(referenceMatcher);
    const matches = (name: string): boolean => matchers.some((matcher) => matcher(name));
    return (entry) => {
      const named = {
        ...entry,
        RepoTags: entry.RepoTags.filter(matches),
        RepoDigests: entry.RepoDigests.filter(matches),
      };
      return named.RepoTags.length > 0 || named.RepoDigests.length > 0 ? named : undefined;
    };
  },
  before: (values, cluster) => {
    const marks = values.map((value) => createdOf(cluster, value));
    return keepIf((entry) => marks.every((created) => entry.Created < created));
  },
  since: (values, cluster) => {
    const marks = values.map((value) => createdOf(cluster, value));
    return keepIf((entry) => marks.every((created) => entry.Created > created));
  },
  until: (values, _cluster, nowMs) => {
    const marks = values.map((value) => parseTime(value, nowMs));
    return keepIf((entry) => marks.every((seconds) => entry.Created < seconds));
  },
  node: (values, cluster) => {
    const nodes = cluster.nodes.filter(({ name, id }) => values.includes(name) || values.includes(id));
    return keepIf((entry) => nodes.some((node) => cluster.images.of(node).has(entry.Id)));
  },
};

function keepIf(test: (entry: ImageEntry) => boolean): Step {
  return (entry) => (test(entry) ? entry : undefined);
}

/** Seconds since the epoch of a time as engines take it: a duration ago, seconds, or a date. */
function parseTime(text: string, nowMs: number): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  if (/^\d{4}-/.test(text) && Number.isFinite(Date.parse(text))) return Date.parse(text) / 1000;
  try {
    return (nowMs - parseDuration(text)) / 1000;
  } catch (error) {
    const message = `invalid filter 'until=${text.slice(0, 60)}': use a duration (24h), seconds or a date`;
    throw new BadRequestError(message, 'BAD_FILTER', error);
  }
}

function createdOf(cluster: Cluster, reference: string): number {
  const [summary] = cluster.images.find(reference)?.holders.values() ?? [];
  if (!summary) throw noSuchImage(reference);
  return summary.Created;
}

/** A glob over the familiar name, with or without the tag, as engines match (Go's path.Match: `*` stops at slashes). */
function referenceMatcher(pattern: string): (name: string) => boolean {
  const glob = compileGlob(pattern);
  return (name) => glob(name) || glob(parseReference(name).repository);
}

const MAX_PATTERN_CHARS = 512;

function compileGlob(pattern: string): (text: string) => boolean {
  if (!/[*?[\\]/.test(pattern)) return (text) => text === pattern;
  if (pattern.length > MAX_PATTERN_CHARS) throw badPattern(pattern);
  const tokens = pattern.match(/\*|\?|\[\^?(?:\\.|[^\]\\])+\]|\\.|[^*?[\\]/gs) ?? [];
  if (tokens.join('') !== pattern) throw badPattern(pattern);
  try {
    const regex = RE2JS.compile(`^(?:${tokens.map(toRegex).join('')})$`);
    return (text) => regex.matcher(text).find();
  } catch {
    throw badPattern(pattern);
  }
}

function toRegex(token: string): string {
  if (token === '*') return '[^/]*';
  if (token === '?') return '[^/]';
  if (token.startsWith('[') && token.length > 1) return token;
  const literal = token.startsWith('\\') ? token.slice(1) : token;
  return literal.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

function badPattern(pattern: string): BadRequestError {
  return new BadRequestError(
    `invalid filter 'reference=${pattern.slice(0, 60)}': syntax error in pattern`,
    'BAD_FILTER',
  );
}
