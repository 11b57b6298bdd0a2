import { nearest } from '../common/nearest.ts';
import { clip } from './expression.ts';
import { fieldsOf, textOf } from './json.ts';

/** The words before `:` in the environment, and what people write for them. */
const WORDS: ReadonlyMap<string, string> = new Map([
  ['constraint', 'constraint'],
  ['constraints', 'constraint'],
  ['affinity', 'affinity'],
  ['affinities', 'affinity'],
  ['reschedule', 'reschedule'],
  ['rescheduling', 'reschedule'],
  ['whitelist', 'whitelist'],
  ['whitelists', 'whitelist'],
]);
const LABEL_PREFIX = 'com.docker.swarm.';
const LABELS = ['constraints', 'affinities', 'reschedule-policies', 'whitelists'] as const;
/** `key==value` and `key!=value`: no text in base64 ends like that. */
const EXPRESSION = /^\s*[\w.-]+\s*[=!]=\s*[^\s=]/;
/** A warning is for people: more than these are not read. */
const MAX_WARNINGS = 8;
/** Longer than any of the words with a slip in it. */
const MAX_WORD = 24;

/**
 * Warnings for environment entries and labels that resemble scheduling expressions without being any. A real environment variable
 * is not taken for one: its name has no colon, or its value is no expression.
 */
export function mistypedDirectives(env: unknown, labels: unknown): readonly string[] {
  const warnings: string[] = [];
  for (const entry of Array.isArray(env) ? env : []) {
    const meant = typeof entry === 'string' ? meantByEntry(entry) : undefined;
    if (meant !== undefined)
      warnings.push(`'${clip(entry)}' in the environment is no scheduling expression: did you mean '${clip(meant)}'?`);
    if (warnings.length === MAX_WARNINGS) return warnings;
  }
  for (const [key, value] of Object.entries(fieldsOf(labels))) {
    const meant = meantByLabel(key, textOf(value));
    if (meant !== undefined) warnings.push(`label '${clip(key)}' is no scheduling label: did you mean ${clip(meant)}?`);
    if (warnings.length === MAX_WARNINGS) return warnings;
  }
  return warnings;
}

function meantByEntry(entry: string): string | undefined {
  const equals = entry.indexOf('=');
  const name = equals < 0 ? entry : entry.slice(0, equals);
  const colon = name.indexOf(':');
  if (colon >= 0) {
    const word = wordFor(name.slice(0, colon));
    return word === undefined ? undefined : `${word}:${entry.slice(colon + 1).trim()}`;
  }
  if (equals < 0) return undefined;
  const value = entry.slice(equals + 1);
  const word = EXPRESSION.test(value) ? wordFor(name) : undefined;
  if (word !== undefined) return `${word}:${value.trim()}`;
  // `constraint.node==a`: another sign where the colon belongs.
  const [, exact = '', rest = ''] = /^(constraint|affinity|whitelist)[._/-]([\w.-]+[=!]=.*)$/s.exec(entry) ?? [];
  return exact === '' ? undefined : `${exact}:${rest}`;
}

function meantByLabel(key: string, value: string): string | undefined {
  const kind = labelKind(key);
  if (kind !== undefined) return `${LABEL_PREFIX}${kind}`;
  const colon = key.indexOf(':');
  if (colon < 0 && !EXPRESSION.test(value)) return undefined;
  const word = wordFor(colon < 0 ? key : key.slice(0, colon));
  if (word === undefined) return undefined;
  const text = colon < 0 ? value : `${key.slice(colon + 1)}${value === '' ? '' : `=${value}`}`;
  const label = { constraint: 0, affinity: 1, reschedule: 2, whitelist: 3 }[word] ?? 0;
  return `${LABEL_PREFIX}${LABELS[label]}=${JSON.stringify([text.trim()])}`;
}

/** The label a key with the field's prefix is near to; undefined for the labels themselves and for others of swarm mode. */
function labelKind(key: string): string | undefined {
  const lower = key.toLowerCase();
  if (!lower.startsWith(LABEL_PREFIX)) return undefined;
  const last = lower.slice(LABEL_PREFIX.length);
  if (key === lower && LABELS.some((each) => each === last)) return undefined;
  return last.length > MAX_WORD ? undefined : (SINGULAR.get(last) ?? closest(last, LABELS));
}

const SINGULAR: ReadonlyMap<string, string> = new Map([
  ['constraint', 'constraints'],
  ['affinity', 'affinities'],
  ['reschedule', 'reschedule-policies'],
  ['reschedule-policy', 'reschedule-policies'],
  ['whitelist', 'whitelists'],
]);

function wordFor(text: string): string | undefined {
  const word = text.trim().toLowerCase();
  if (word.length > MAX_WORD) return undefined;
  return WORDS.get(word) ?? WORDS.get(closest(word, [...WORDS.keys()]) ?? '');
}

/** Of the names that share the first letter and most of the length: `task.id` is no `whitelists`. */
function closest(word: string, names: readonly string[]): string | undefined {
  return nearest(
    word,
    names.filter((name) => Math.abs(name.length - word.length) <= 2 && word.length > 4),
  );
}
