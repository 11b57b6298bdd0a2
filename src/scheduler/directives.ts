import { BadRequestError } from '../common/errors.ts';
import { clip } from './expression.ts';
import { fieldsOf } from './json.ts';

/** What people write in `-e kind:…`, and the label each kind is kept in (Docker Swarm's own, as a JSON array). */
const LABELS = {
  constraint: 'com.docker.swarm.constraints',
  affinity: 'com.docker.swarm.affinities',
  reschedule: 'com.docker.swarm.reschedule-policies',
  whitelist: 'com.docker.swarm.whitelists',
} as const;

/** The label that says when a container moves by itself. */
export const POLICY_LABEL: string = LABELS.reschedule;

type Kind = keyof typeof LABELS;

const KINDS = Object.keys(LABELS) as readonly Kind[];
const MAX_PER_KIND = 64;

/** The scheduling words of a container, taken out of its environment and labels. */
export interface Directives {
  /** Texts in the order written: labels first, then the environment; each once. */
  readonly texts: Readonly<Record<Kind, readonly string[]>>;
  /** The environment without them; undefined when there were none in it. */
  readonly strippedEnv: readonly string[] | undefined;
  /** Labels that keep them from now on; only those that change. */
  readonly labelsToAdd: Readonly<Record<string, string>>;
}

/** Labels that say where a container may be; a rescheduling policy holds wherever it is. */
export const PLACEMENT_LABELS: readonly string[] = [LABELS.constraint, LABELS.affinity, LABELS.whitelist];

/** Reads the directives of a create body's `Env` and `Labels`. Throws {@link BadRequestError} for unreadable labels. */
export function readDirectives(env: unknown, labels: unknown): Directives {
  const { found, rest } = splitEnv(env);
  const texts: Record<Kind, readonly string[]> = { constraint: [], affinity: [], reschedule: [], whitelist: [] };
  const labelsToAdd: Record<string, string> = {};
  for (const kind of KINDS) {
    texts[kind] = [...new Set([...fromLabel(LABELS[kind], fieldsOf(labels)[LABELS[kind]]), ...found[kind]])];
    if (texts[kind].length > MAX_PER_KIND) {
      throw new BadRequestError(`More than ${MAX_PER_KIND} ${kind} expressions`, 'BAD_EXPRESSION');
    }
    if (found[kind].length > 0) labelsToAdd[LABELS[kind]] = JSON.stringify(texts[kind]);
  }
  const isUnchanged = KINDS.every((kind) => found[kind].length === 0);
  return { texts, strippedEnv: isUnchanged ? undefined : rest, labelsToAdd };
}

function splitEnv(env: unknown): { found: Record<Kind, string[]>; rest: string[] } {
  const found: Record<Kind, string[]> = { constraint: [], affinity: [], reschedule: [], whitelist: [] };
  const rest: string[] = [];
  for (const entry of Array.isArray(env) ? env : []) {
    const kind = KINDS.find((name) => typeof entry === 'string' && entry.startsWith(`${name}:`));
    if (kind === undefined) rest.push(entry);
    else found[kind].push(entry.slice(kind.length + 1));
  }
  return { found, rest };
}

function fromLabel(label: string, value: unknown): readonly string[] {
  if (value === undefined || value === '') return [];
  const texts = typeof value === 'string' ? parseJson(value) : undefined;
  if (!Array.isArray(texts) || !texts.every((text) => typeof text === 'string')) {
    const example = label === LABELS.reschedule ? '["on-node-failure"]' : '["key==value"]';
    throw new BadRequestError(
      `Label ${label} must be a JSON array of texts such as ${example}, not '${clip(String(value))}'`,
      'BAD_EXPRESSION',
    );
  }
  return texts;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
