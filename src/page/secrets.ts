import type { EnvVariable } from './protocol.ts';

/**
 * What names say that their values are for nobody's eyes. Too much is masked rather than too little: who must know a value can use
 * `docker inspect`.
 */
const SECRET_NAME =
  /pass(?:w(?:or)?d|phrase)?(?:$|[^a-z])|passwd|pwd|secret|token|credential|private|bearer|(?:^|[^a-z])auth(?:$|[^a-z]|orization)|api[_.-]?key|access[_.-]?key|(?:^|[_.-])keys?$|encryption|signing|salt|cookie|session|jwt|dsn|connection[_.-]?string|webhook|license/i;

/** Values that are secrets whatever they are called: passwords in URLs, keys in PEM, tokens of known forms. */
const SECRET_VALUE =
  /:\/\/[^\s/@:]*:[^\s/@]+@|-----BEGIN [A-Z ]*(?:PRIVATE KEY|CERTIFICATE)|\beyJ[\w-]{8,}\.[\w-]{8,}\.|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b|\bgh[pousr]_\w{20,}|\bxox[abprs]-[\w-]{10,}|\bsk-[\w-]{16,}/;

/** Long and without words: what is random. */
const RANDOM = /^(?=.*\d)(?=.*[A-Za-z])[A-Za-z0-9+/_=-]{32,}$/;

const MASK = '(masked)';

/** In the midst of a text: `password=x`, `"token": "x"`; `--password x`; `Bearer x`; passwords in URLs. All bounded, so that no text costs much. */
const ASSIGNED = /([\w.-]{1,80})(["']?\s{0,3}[=:]\s{0,3})("[^"]{0,1000}"|'[^']{0,1000}'|[^\s;,&"']{1,1000})/g;
const OPTION = /(--?[\w-]{1,80})(\s{1,3})("[^"]{0,1000}"|'[^']{0,1000}'|[^\s;"'-][^\s;"']{0,1000})/g;
const CREDENTIALS = /\b(Bearer|Basic)\s{1,3}[\w.~+/=-]{1,1000}/gi;
const IN_URL = /:\/\/[^\s/@:]{0,200}:[^\s/@]{1,1000}@/g;

/** A text without the secrets in it, as far as they can be told from it. */
export function shownText(text: string): string {
  const mask = (whole: string, name: string, between: string): string =>
    SECRET_NAME.test(name) ? `${name}${between}${MASK}` : whole;
  const rest = text
    .replace(IN_URL, `://${MASK}@`)
    .replace(CREDENTIALS, `$1 ${MASK}`)
    .replace(OPTION, mask)
    .replace(ASSIGNED, mask);
  return SECRET_VALUE.test(rest) ? MASK : rest;
}

export function isSecret(name: string, value: string): boolean {
  return SECRET_NAME.test(name) || SECRET_VALUE.test(value) || RANDOM.test(value);
}

/** `NAME=value` as a page may see it. */
export function shownEnv(env: readonly string[]): readonly EnvVariable[] {
  return env.map((each) => {
    const equals = each.indexOf('=');
    const [name, value] = equals < 0 ? [each, ''] : [each.slice(0, equals), each.slice(equals + 1)];
    return { name, value: value !== '' && isSecret(name, value) ? null : shownText(value) };
  });
}

export function shownLabels(labels: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(labels).map(([name, value]) => [
      name,
      value !== '' && isSecret(name, value) ? MASK : shownText(value),
    ]),
  );
}

/** A command line without what stands in options for secrets: `--password=x` and `--password x`. */
export function shownCommand(words: readonly string[]): readonly string[] {
  return words.map((word, at) => {
    const before = words[at - 1] ?? '';
    if (/^--?[\w-]+$/.test(before) && SECRET_NAME.test(before) && !word.startsWith('-')) return MASK;
    const [option = '', value] = word.split('=', 2);
    if (value !== undefined && !/\s/.test(option) && isSecret(option, word.slice(option.length + 1)))
      return `${option}=${MASK}`;
    return SECRET_VALUE.test(word) || RANDOM.test(word) ? MASK : shownText(word);
  });
}
