import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { detectShell, SHELL_NAMES, shellText } from './shells.ts';

/** A shell that is here, and how it is made to evaluate a text and print two variables, each followed by a zero. */
const REAL: readonly {
  readonly shell: string;
  readonly program: string;
  readonly print: string;
  readonly flag: string[];
}[] = [
  { shell: 'sh', program: 'sh', flag: ['-c'], print: 'eval "$T"; printf "%s\\0" "$A" "$B"' },
  { shell: 'bash', program: 'bash', flag: ['-c'], print: 'eval "$T"; printf "%s\\0" "$A" "$B"' },
  { shell: 'zsh', program: 'zsh', flag: ['-c'], print: 'eval "$T"; printf "%s\\0" "$A" "$B"' },
  { shell: 'fish', program: 'fish', flag: ['-c'], print: 'eval $T; printf "%s\\0" "$A" "$B"' },
];

function isHere(program: string): boolean {
  return spawnSync(program, ['-c', 'true']).status === 0;
}

describe.each(REAL)('shellText in $shell', ({ shell, program, flag, print }) => {
  it.skipIf(!isHere(program))('sets any value, and removes it (skipped where the shell is not installed)', () => {
    const evaluate = (text: string, env: Record<string, string>): string[] =>
      execFileSync(program, [...flag, print], { env: { ...process.env, ...env, T: text } })
        .toString()
        .split('\0');
    const value = fc.string({ unit: 'grapheme' }).filter((text) => !/[\0\n\r]/.test(text));
    fc.assert(
      fc.property(value, (text) => {
        const settings = new Map([
          ['A', text],
          ['B', undefined],
        ]);
        expect(evaluate(shellText(shell, settings, 'enxame x'), { B: 'old' }).slice(0, 2)).toEqual([text, '']);
      }),
      { numRuns: 40 },
    );
  });
});

describe('shellText', () => {
  const settings = new Map([
    ['A', 'a "b" $c `d`'],
    ['B', undefined],
  ]);
  it.each([
    [
      'powershell',
      [
        '$Env:A = "a `"b`" `$c ``d``"',
        'Remove-Item Env:\\\\B -ErrorAction SilentlyContinue',
        '# Run this command to configure your shell: ',
        '# & enxame machine env x | Invoke-Expression',
      ],
    ],
    [
      'cmd',
      [
        'SET A=a "b" $c `d`',
        'SET B=',
        'REM Run this command to configure your shell: ',
        'REM \t@FOR /f "tokens=*" %i IN (\'enxame machine env x\') DO @%i',
      ],
    ],
    [
      'tcsh',
      [
        'setenv A \'a "b" $c `d`\';',
        'unsetenv B;',
        ": 'Run this command to configure your shell: eval `enxame machine env x`'",
      ],
    ],
    [
      'fish',
      [
        'set -gx A "a \\"b\\" \\$c `d`";',
        'set -e B;',
        '# Run this command to configure your shell: ',
        '# eval (enxame machine env x)',
      ],
    ],
    [
      'emacs',
      [
        '(setenv "A" "a \\"b\\" $c `d`")',
        '(setenv "B" nil)',
        ';; Run this command to configure your shell: ',
        ';; (with-temp-buffer (shell-command "enxame machine env x" (current-buffer)) (eval-buffer))',
      ],
    ],
  ])('writes %s', (shell, lines) => {
    expect(shellText(shell, settings, 'enxame machine env x').split('\n')).toEqual([...lines, '']);
  });
});

describe('detectShell', () => {
  it.each([
    { asked: 'fish', env: {}, platform: 'linux', shell: 'fish' },
    { asked: 'pwsh', env: {}, platform: 'linux', shell: 'powershell' },
    { asked: undefined, env: { SHELL: '/usr/bin/zsh' }, platform: 'darwin', shell: 'zsh' },
    { asked: undefined, env: { SHELL: '/bin/dash' }, platform: 'linux', shell: 'sh' },
    { asked: undefined, env: { SHELL: '/opt/strange' }, platform: 'linux', shell: 'sh' },
    { asked: undefined, env: { SHELL: '' }, platform: 'linux', shell: 'sh' },
    { asked: undefined, env: {}, platform: 'linux', shell: 'sh' },
    { asked: undefined, env: { PSModulePath: 'x' }, platform: 'win32', shell: 'powershell' },
    { asked: undefined, env: {}, platform: 'win32', shell: 'cmd' },
    { asked: undefined, env: { SHELL: '/usr/bin/bash' }, platform: 'win32', shell: 'bash' },
  ] as const)('is $shell for $asked and $env', ({ asked, env, platform, shell }) => {
    expect(detectShell(asked, env, platform)).toBe(shell);
  });

  it('refuses what it does not know', () => {
    expect(() => detectShell('korn', {}, 'linux')).toThrow(`--shell "korn" is none of ${SHELL_NAMES.join(', ')}`);
  });
});
