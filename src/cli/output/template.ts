import { UsageError } from '../../common/errors.ts';
import { printable, printableJson } from '../../common/printable.ts';

/** Turns one row into text. */
export type Template = (row: unknown) => string;

const FUNCTIONS: ReadonlyMap<string, (value: unknown) => unknown> = new Map([
  ['json', (value) => printableJson(JSON.stringify(value) ?? 'null')],
  ['upper', (value) => textOf(value).toUpperCase()],
  ['lower', (value) => textOf(value).toLowerCase()],
]);

const SUPPORTED = 'Fields ({{.Name}}), json, upper and lower ({{json .Labels}}, {{.Name | upper}}) are';
const ESCAPES: Readonly<Record<string, string>> = { '\\t': '\t', '\\n': '\n', '\\\\': '\\' };
const FIELD = /^(\.|(\.[A-Za-z_][A-Za-z0-9_]*)+)$/;

/**
 * Compiles the part of Go's templates that docker's `--format` is mostly used with: text, `\t` and `\n`, fields, and the functions
 * `json`, `upper`, `lower`, before a field or after a pipe. Throws a {@link UsageError} naming what it cannot do; rendering throws
 * one for a field the row does not have.
 */
export function compileTemplate(text: string): Template {
  const parts: Template[] = [];
  let rest = text;
  while (rest !== '') {
    const open = rest.indexOf('{{');
    if (open !== 0) parts.push(literal(open === -1 ? rest : rest.slice(0, open)));
    if (open === -1) break;
    const close = rest.indexOf('}}', open);
    if (close === -1) throw bad(text, 'a {{ is not closed');
    parts.push(action(rest.slice(open + 2, close), text));
    rest = rest.slice(close + 2);
  }
  return (row) => parts.map((part) => part(row)).join('');
}

/** The fields a template shows, in order, as titles: what `--format 'table …'` puts into its first line. */
export function templateTitles(text: string): string {
  const unescaped = literal(text)(undefined);
  return unescaped.replace(/\{\{(.*?)\}\}/g, (_, inside: string) => titleOf(inside));
}

function titleOf(inside: string): string {
  const field = /\.([A-Za-z_][A-Za-z0-9_.]*)/.exec(inside)?.[1] ?? '';
  const name = field.split('.').at(-1) ?? '';
  return name.replace(/([a-z0-9])([A-Z])/g, '$1 $2').toUpperCase();
}

function literal(text: string): Template {
  const unescaped = text.replace(/\\[tn\\]/g, (written) => ESCAPES[written] ?? written);
  return () => unescaped;
}

function action(inside: string, whole: string): Template {
  const [first = '', ...piped] = inside.split('|').map((step) => step.trim());
  const words = first.split(/\s+/);
  const field = words.pop() ?? '';
  if (!FIELD.test(field)) throw bad(whole, `{{${inside}}} is not supported. ${SUPPORTED}`);
  const functions = [...words.reverse(), ...piped].map((name) => {
    const known = FUNCTIONS.get(name);
    if (known === undefined) throw bad(whole, `the function "${name}" is not supported. ${SUPPORTED}`);
    return known;
  });
  const path = field === '.' ? [] : field.slice(1).split('.');
  return (row) => textOf(functions.reduce((value, apply) => apply(value), fieldOf(row, path, whole)));
}

function fieldOf(row: unknown, path: readonly string[], whole: string): unknown {
  let value = row;
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) {
      throw bad(whole, `unknown field .${path.join('.')}${knownFields(value)}`);
    }
    value = (value as Readonly<Record<string, unknown>>)[name];
  }
  return value;
}

function knownFields(value: unknown): string {
  if (typeof value !== 'object' || value === null) return '';
  const names = Object.keys(value).slice(0, 30);
  return names.length === 0 ? '' : `. Known fields: .${names.join(', .')}`;
}

function textOf(value: unknown): string {
  if (value === undefined || value === null) return '<no value>';
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}

function bad(text: string, why: string): UsageError {
  return new UsageError(`--format "${printable(text)}": ${why}`, 'BAD_FORMAT');
}
