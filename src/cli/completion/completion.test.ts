import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Argument, Command, Option } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fakeIo } from '../../../test/fakes/fake-io.ts';
import { run } from '../program.ts';
import { bashCompletion } from './bash.ts';
import { fishCompletion } from './fish.ts';
import { type CommandNode, commandTree } from './tree.ts';
import { zshCompletion } from './zsh.ts';

/** A small program with everything completion knows: nesting, aliases, choices, files, folders, quotes in summaries. */
function sample(): CommandNode {
  const program = new Command('sample').option('--debug', "say everything, it's long").version('1');
  program.addOption(new Option('-l, --log-level <level>', 'how much').choices(['info', 'error']));
  program.command('list').alias('ls').summary('show: all').option('--timeout <duration>').option('--tlscert <file>');
  program.command('info').addArgument(new Argument('<part>').choices(['cpu', 'memory']));
  const machine = program.command('machine').option('--store <folder>');
  machine
    .command('create')
    .alias('c')
    .addOption(new Option('-d, --driver <driver>').choices(['generic', 'local']));
  machine.command('rm').argument('<file>');
  return commandTree(program);
}

// The words typed so far, the last one unfinished, and what is offered.
const CASES: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ['', ['help', 'info', 'list', 'machine']],
  ['li', ['list']],
  ['--log-level info li', ['list']],
  ['--d', ['--debug']],
  ['list --t', ['--timeout', '--tlscert']],
  ['ls --t', ['--timeout', '--tlscert']],
  ['list --deb', ['--debug']],
  ['--log-level ', ['error', 'info']],
  ['list --log-level e', ['error']],
  ['list --timeout ', []],
  ['list --tlscert ./alpha', ['./alpha.pem', './alphabet']],
  ['list ', []],
  ['info ', ['cpu', 'memory']],
  ['machine ', ['create', 'help', 'rm']],
  ['machine --store ./alphab', ['./alphabet']],
  ['machine c --driver l', ['local']],
  ['machine create -d ', ['generic', 'local']],
  ['machine --store list create --dr', ['--driver']],
  ['machine rm ./alpha.', ['./alpha.pem']],
];

function has(shell: string): boolean {
  return spawnSync(shell, ['--version']).status === 0;
}

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'enxame-completion-'));
  writeFileSync(join(folder, 'alpha.pem'), '');
  writeFileSync(join(folder, 'my key.pem'), '');
  mkdirSync(join(folder, 'alphabet'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function shell(program: string, args: readonly string[], script: string): readonly string[] {
  const text = execFileSync(program, [...args, script], { cwd: folder, encoding: 'utf8' });
  return [...new Set(text.split('\n').filter((line) => line !== ''))].sort();
}

const quotedWords = (line: string): string =>
  `sample ${line}`
    .split(' ')
    .map((word) => `'${word}'`)
    .join(' ');

describe('bash', () => {
  it.each(CASES)('"sample %s" offers %j', (line, offered) => {
    const words = quotedWords(line);
    const script = `${bashCompletion('sample', sample())}
COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _sample; printf '%s\\n' "\${COMPREPLY[@]}"`;
    expect(shell('bash', ['--norc', '-u', '-c'], script)).toEqual(offered);
  });

  it('keeps names with spaces whole', () => {
    const script = `${bashCompletion('sample', sample())}
COMP_WORDS=(sample list --tlscert ./my); COMP_CWORD=3; _sample; printf '%s\\n' "\${COMPREPLY[@]}"`;
    expect(shell('bash', ['--norc', '-u', '-c'], script)).toEqual(['./my key.pem']);
  });

  it('is registered', () => {
    const script = `${bashCompletion('sample', sample())}\ncomplete -p sample`;
    expect(shell('bash', ['--norc', '-c'], script)).toEqual(['complete -F _sample sample']);
  });
});

describe.skipIf(!has('zsh'))('zsh (skipped where it is not installed)', () => {
  it.each(CASES)('"sample %s" offers %j', (line, offered) => {
    // The completion system's own functions need a terminal; these show what they were given.
    const script = `
compdef() { :; }
offer() { local word; for word in "$@"; do [[ $word == "\${words[CURRENT]}"* ]] && print -r -- "$word"; done; true; }
compadd() { [[ $1 == -- ]] && shift; offer "$@"; }
_describe() { local -a list=("\${(@P)2}"); offer "\${(@)list%%:*}"; }
_files() { local dirs='N'; [[ $1 == -/ ]] && dirs='/N'; eval "offer \${words[CURRENT]}*($dirs)"; }
${zshCompletion('sample', sample())}
words=(${quotedWords(line)}); CURRENT=\${#words}; _sample`;
    expect(shell('zsh', ['-f', '-c'], script)).toEqual(offered);
  });
});

describe.skipIf(!has('fish'))('fish (skipped where it is not installed)', () => {
  it.each(CASES)('"sample %s" offers %j', (line, offered) => {
    const script = `${fishCompletion('sample', sample())}\ncomplete -C 'sample ${line}'`;
    const words = shell('fish', ['-N', '-c'], script).map((word) => (word.split('\t')[0] ?? '').replace(/\/$/, ''));
    expect(words.filter((word) => !word.startsWith('-') || line.split(' ').at(-1)?.startsWith('-'))).toEqual(offered);
  });
});

describe('enxame completion', () => {
  const files = { bash: 'enxame.bash', zsh: '_enxame', fish: 'enxame.fish' } as const;
  it.each(['bash', 'zsh', 'fish'] as const)('%s: what the package ships is what the command prints', async (name) => {
    const io = fakeIo();
    expect(await run(['completion', name], io)).toBe(0);
    // Write it anew after a change of flags: npx vitest run --project unit src/cli/completion --update
    await expect(io.stdout()).toMatchFileSnapshot(`../../../completions/${files[name]}`);
  });

  it('knows the real flags', async () => {
    const io = fakeIo();
    await run(['completion', 'bash'], io);
    const script = `${io.stdout()}\nCOMP_WORDS=(enxame j --adv); COMP_CWORD=2; _enxame; echo "\${COMPREPLY[@]}"`;
    expect(shell('bash', ['--norc', '-c'], script)).toEqual(['--advertise']);
  });
});
