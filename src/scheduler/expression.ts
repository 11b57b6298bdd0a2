import { BadRequestError } from '../common/errors.ts';
import type { Pattern, PatternCache } from './pattern.ts';
import { compilePattern } from './pattern.ts';

/** `key(==|!=)[~]value`, parsed: what a constraint or an affinity says. */
export interface Expression {
  /** As written, for messages and labels. */
  readonly text: string;
  readonly key: string;
  readonly operator: '==' | '!=';
  /** `~`: preferred, given up when no node meets it. */
  readonly isSoft: boolean;
  readonly pattern: Pattern;
}

/** The field's rule: a letter or underscore and at least one more character. */
const KEY = /^[a-z_][a-z0-9\-_.]+$/i;
/** The field's characters, and `@ , =` so that digests and label values can be written. */
const VALUE = /^[a-z0-9:\-_\s.*/()?+[\]\\^$|@,=]+$/i;
const MAX_LENGTH = 1024;

/** Parses one expression. Throws {@link BadRequestError} in the field's words when it cannot be read. */
export function parseExpression(text: string, cache?: PatternCache): Expression {
  const at = /[=!]=/.exec(text);
  if (at === null) throw invalid(`One of operator ==, != is expected in '${clip(text)}'`);
  if (text.length > MAX_LENGTH) throw invalid(`Expression '${clip(text)}' is longer than ${MAX_LENGTH} characters`);
  const key = text.slice(0, at.index).trim();
  const rest = text.slice(at.index + 2).trim();
  const isSoft = rest.startsWith('~');
  const value = isSoft ? rest.slice(1) : rest;
  if (!KEY.test(key)) {
    throw invalid(`Key '${clip(key)}' is invalid: a letter or _, then at least one letter, digit, - _ or .`);
  }
  if (!VALUE.test(value)) {
    throw invalid(`Value '${clip(value)}' is invalid: use letters, digits, : - _ . @ , =, a glob with *, or /regex/`);
  }
  const operator = at[0] === '==' ? '==' : '!=';
  return { text, key, operator, isSoft, pattern: compilePattern(value, cache) };
}

/** Keeps an error message readable whatever the client sent. */
export function clip(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`;
}

function invalid(message: string): BadRequestError {
  return new BadRequestError(message, 'BAD_EXPRESSION');
}
