import { UsageError } from '../../../common/errors.ts';

/** Variables to set, or to remove (undefined), in their order. */
export type Settings = ReadonlyMap<string, string | undefined>;

/** How one shell is told to set and remove variables, and to run what a command prints. */
interface Shell {
  readonly set: (name: string, value: string) => string;
  readonly unset: (name: string) => string;
  readonly comment: string;
  readonly evaluate: (command: string) => string;
}

const POSIX: Shell = {
  set: (name, value) => `export ${name}="${value.replace(/["\\$`]/g, '\\$&')}"`,
  unset: (name) => `unset ${name}`,
  comment: '# ',
  evaluate: (command) => `eval $(${command})`,
};

const SHELLS: Readonly<Record<string, Shell>> = {
  bash: POSIX,
  zsh: POSIX,
  sh: POSIX,
  fish: {
    set: (name, value) => `set -gx ${name} "${value.replace(/["\\$]/g, '\\$&')}";`,
    unset: (name) => `set -e ${name};`,
    comment: '# ',
    evaluate: (command) => `eval (${command})`,
  },
  powershell: {
    set: (name, value) => `$Env:${name} = "${value.replace(/["`$]/g, '`$&')}"`,
    unset: (name) => `Remove-Item Env:\\\\${name} -ErrorAction SilentlyContinue`,
    comment: '# ',
    evaluate: (command) => `& ${command} | Invoke-Expression`,
  },
  cmd: {
    set: (name, value) => `SET ${name}=${value}`,
    unset: (name) => `SET ${name}=`,
    comment: 'REM ',
    evaluate: (command) => `\t@FOR /f "tokens=*" %i IN ('${command}') DO @%i`,
  },
  tcsh: {
    // In a C shell's double quotes an exclamation mark is history even with a backslash; in single ones only the mark needs it.
    set: (name, value) => `setenv ${name} '${value.replace(/'/g, `'\\''`).replace(/!/g, '\\!')}';`,
    unset: (name) => `unsetenv ${name};`,
    comment: ': ',
    evaluate: (command) => `eval \`${command}\``,
  },
  emacs: {
    set: (name, value) => `(setenv "${name}" "${value.replace(/["\\]/g, '\\$&')}")`,
    unset: (name) => `(setenv "${name}" nil)`,
    comment: ';; ',
    evaluate: (command) => `(with-temp-buffer (shell-command "${command}" (current-buffer)) (eval-buffer))`,
  },
};

/** Shells that speak the language of another. */
const ALIASES: ReadonlyMap<string, string> = new Map([
  ['pwsh', 'powershell'],
  ['csh', 'tcsh'],
  ['dash', 'sh'],
  ['ash', 'sh'],
  ['ksh', 'sh'],
  ['busybox', 'sh'],
]);

/** Names of the shells, for `--shell`. */
export const SHELL_NAMES: readonly string[] = [...Object.keys(SHELLS), 'pwsh', 'csh'];

/**
 * The shell that runs us: `--shell`, else by the environment. Without `$SHELL` (cron, CI, containers) that is a POSIX shell
 * outside Windows. Throws a UsageError for an asked shell we do not know.
 */
export function detectShell(
  asked: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
  platform: NodeJS.Platform,
): string {
  const fromEnv = env.SHELL?.slice(env.SHELL.lastIndexOf('/') + 1);
  const name = asked ?? (platform === 'win32' && !env.SHELL ? (env.PSModulePath ? 'powershell' : 'cmd') : fromEnv);
  const known = ALIASES.get(name ?? 'sh') ?? name ?? 'sh';
  if (Object.hasOwn(SHELLS, known)) return known;
  if (asked === undefined) return 'sh';
  throw new UsageError(`--shell "${asked}" is none of ${SHELL_NAMES.join(', ')}`);
}

/** What the shell has to evaluate to get the settings, and last the hint how to do that. */
export function shellText(shell: string, settings: Settings, command: string): string {
  const { set, unset, comment, evaluate } = SHELLS[shell] ?? POSIX;
  const lines = [...settings].map(([name, value]) => (value === undefined ? unset(name) : set(name, value)));
  // tcsh's eval joins lines: the hint has to be a command of its own that does nothing.
  const hint = shell === 'tcsh' ? [] : [`${comment}Run this command to configure your shell: `];
  const last =
    shell === 'tcsh'
      ? `: 'Run this command to configure your shell: ${evaluate(command)}'`
      : `${comment}${evaluate(command)}`;
  return `${[...lines, ...hint, last].join('\n')}\n`;
}
