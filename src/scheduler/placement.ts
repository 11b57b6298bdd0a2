import { BadRequestError } from '../common/errors.ts';
import { readDirectives } from './directives.ts';
import type { Expression } from './expression.ts';
import { clip, parseExpression } from './expression.ts';
import { groupOf } from './groups.ts';
import { dependenciesOf, memoryOf, nanoCpusOf, wholeCpuShares } from './host-config.ts';
import { fieldsOf, textOf } from './json.ts';
import { mistypedDirectives } from './mistyped.ts';
import type { PatternCache } from './pattern.ts';
import { assertBounded, portRequestsOf } from './port-requests.ts';
import { spotRuleOf } from './spot-rule.ts';
import type { PlacementRequest, Platform, ReschedulePolicy, Whitelist } from './types.ts';

/** What a create request says beside its body. */
export interface PlacementOptions {
  /** The `name` query. */
  readonly name?: string;
  /** The `platform` query, `os[/arch[/variant]]`. */
  readonly platform?: string;
  /** CPUs of the largest node: CPU shares up to this number mean whole CPUs (see {@link wholeCpuShares}). */
  readonly largestNodeCpus?: number;
  readonly cache?: PatternCache;
}

/** A create body read for scheduling, and what to change in it before it goes to an engine. */
export interface ParsedPlacement {
  readonly request: PlacementRequest;
  /** Replaces `Env`; undefined = leave it. */
  readonly strippedEnv: readonly string[] | undefined;
  /** To merge into `Labels`. */
  readonly labelsToAdd: Readonly<Record<string, string>>;
  /** Replaces `HostConfig.CpuShares`; undefined = leave it. */
  readonly engineCpuShares: number | undefined;
  /** For the client: what looks like a scheduling expression and is none. */
  readonly warnings: readonly string[];
}

/**
 * Reads what scheduling needs from a Docker create body (parsed JSON; unreadable fields are left to the engine's
 * judgement). Throws `BadRequestError` for an expression that cannot be read. For a build, give its arguments as `Env`.
 */
export function parsePlacement(body: unknown, options: PlacementOptions = {}): ParsedPlacement {
  const { Env, Labels, Image, HostConfig, ExposedPorts } = fieldsOf(body);
  const { texts, strippedEnv, labelsToAdd } = readDirectives(Env, Labels);
  const engineCpuShares = wholeCpuShares(HostConfig, options.largestNodeCpus ?? 0);
  const cpuConfig = engineCpuShares === undefined ? HostConfig : { CpuShares: engineCpuShares };
  const group = groupOf(fieldsOf(Labels));
  const spot = spotRuleOf(fieldsOf(Labels));
  const reschedule = parseReschedule(texts.reschedule);
  const request: PlacementRequest = {
    ...(options.name === undefined ? {} : { name: options.name }),
    ...(options.platform ? { platform: parsePlatform(options.platform) } : {}),
    image: textOf(Image),
    memoryBytes: memoryOf(HostConfig),
    nanoCpus: nanoCpusOf(cpuConfig),
    ports: portRequestsOf(HostConfig, ExposedPorts),
    constraints: texts.constraint.map((text) => parseExpression(text, options.cache)),
    affinities: texts.affinity.map((text) => parseExpression(text, options.cache)),
    whitelists: texts.whitelist.map(parseWhitelist),
    dependencies: dependenciesOf(HostConfig),
    ...(reschedule && { reschedule }),
    ...(group === undefined ? {} : { group }),
    ...(spot && { spot }),
  };
  assertBounded(request.ports);
  assertFewPatterns(request.affinities);
  const warnings = mistypedDirectives(strippedEnv ?? Env, Labels);
  return { request, strippedEnv, labelsToAdd, engineCpuShares, warnings };
}

/** A pattern in an affinity is compared with every container, or every image. */
const MAX_PATTERNS = 16;

function assertFewPatterns(affinities: readonly Expression[]): void {
  const patterns = affinities.filter(({ pattern }) => pattern.kind === 'test');
  if (patterns.length > MAX_PATTERNS)
    throw new BadRequestError(
      `More than ${MAX_PATTERNS} affinity expressions with a glob or /regex/`,
      'BAD_EXPRESSION',
    );
}

/** `linux/arm64/v8` → os and architecture. A single word that is no system's name is an architecture on Linux. */
function parsePlatform(text: string): Platform {
  const [first = '', second] = text.toLowerCase().split('/');
  if (second !== undefined && second !== '') return { os: first, architecture: second };
  return first === 'linux' || first === 'windows' ? { os: first } : { os: 'linux', architecture: first };
}

/** `node==a|b|c`: names, nothing else. */
function parseWhitelist(text: string): Whitelist {
  const match = /^node==([\w.\-|]+)$/.exec(text.trim());
  const names = (match?.[1] ?? '').split('|').filter((name) => name !== '');
  if (names.length === 0) {
    throw new BadRequestError(
      `Whitelist '${clip(text)}' is invalid: write node==name or node==a|b|c`,
      'BAD_EXPRESSION',
    );
  }
  return { text, names: new Set(names) };
}

const POLICIES: readonly ReschedulePolicy[] = ['auto', 'on-node-failure', 'off'];

/** Compose writes a name without value as `reschedule:on-node-failure=`. */
function parseReschedule(texts: readonly string[]): ReschedulePolicy | undefined {
  const [text, other] = new Set(texts.map((each) => each.replace(/=$/, '')));
  if (other !== undefined)
    throw new BadRequestError(
      `too many reschedule policies: '${clip(String(text))}' and '${clip(other)}'. Give one`,
      'BAD_EXPRESSION',
    );
  const policy = POLICIES.find((each) => each === text);
  if (text === undefined || policy) return policy;
  throw new BadRequestError(`Unknown reschedule policy '${clip(text)}': use ${POLICIES.join(', ')}`, 'BAD_EXPRESSION');
}
