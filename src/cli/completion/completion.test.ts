import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Argument, Command, Option } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fakeIo } from '../../../test/fakes/fake-io.ts';
import { run } from '../program.ts';
import { completeLine, type NameSource } from './complete.ts';
import { COMPLETION_SHELLS, completionScript } from './scripts.ts';
import { type CommandNode, commandTree } from './tree.ts';

/** A small program with everything completion knows: nesting, aliases, choices, files, folders, names, quotes in summaries. */
function sample(): CommandNode {
  const program = new Command('sample').option('--debug', "verbose: it's long").version('1');
  program.addOption(new Option('-l, --log-level <level>', 'how much').choices(['info', 'error']));
  program
    .command('list')
    .alias('ls')
    .summary('show: all')
    .option('--timeout <duration>')
    .option('--tlscert <file>')
    .option('--filter <filter>');
  program.command('info').addArgument(new Argument('<part>').choices(['cpu', 'memory']));
  const machine = program.command('machine').option('--store <folder>');
  machine
    .command('create')
    .alias('c')
    .addOption(new Option('-d, --driver <name>').choices(['generic', 'local']));
  machine.command('rm').argument('<file>');
  machine.command('stop').argument('[machine...]');
  machine.command('ssh').argument('[machine]').argument('[words...]');
  machine.command('scp').argument('<from>').argument('<to>');
  return commandTree(program);
}

const NAMES: NameSource = async (of) => {
  const machines = ['queen', 'worker-1', 'worker-2', 'two words', 'bad\u001b[2Jname'];
  if (of === 'machines') return machines;
  if (of === 'machine-paths') return machines.map((name) => `${name}:`);
  return of === 'container-filters' ? ['name=', 'node='] : [];
};

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
  ['info cpu ', []],
  ['machine ', ['create', 'help', 'rm', 'scp', 'ssh', 'stop']],
  ['machine --store ./alphab', ['./alphabet']],
  ['machine c --driver l', ['local']],
  ['machine create -d ', ['generic', 'local']],
  ['machine --store list create --dr', ['--driver']],
  ['machine rm ./alpha.', ['./alpha.pem']],
  ['machine stop w', ['worker-1', 'worker-2']],
  ['machine stop queen ', ['queen', 'worker-1', 'worker-2']],
  ['machine ssh queen ', []],
  ['machine scp q', ['queen:']],
  ['machine scp queen:/etc/hosts ./alpha.', ['./alpha.pem']],
  ['list --filter n', ['name=', 'node=']],
];

// In one word with their flag: shells differ in what part of the word they replace.
const JOINED: readonly (readonly [line: string, offered: readonly string[]])[] = [
  ['list --log-level=', ['--log-level=error', '--log-level=info']],
  ['list --filter=na', ['--filter=name=']],
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
  mkdirSync(join(folder, 'bin'));
  // Answers as recorded below, and only to exactly those words.
  const program = `#!/bin/sh\ncat "${folder}/answers/$(printf '%s|' "$@" | tr / _)"\n`;
  writeFileSync(join(folder, 'bin', 'sample'), program, { mode: 0o755 });
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a shell's script for `line`, with the program's real answer to the words of that line. */
async function shell(
  program: string,
  args: readonly string[],
  script: string,
  line: string,
): Promise<readonly string[]> {
  const words = line.split(' ');
  const answers = join(folder, 'answers');
  rmSync(answers, { recursive: true, force: true });
  mkdirSync(answers);
  const file = join(answers, ['__complete', ...words, ''].join('|').replaceAll('/', '_'));
  writeFileSync(file, await completeLine(sample(), words, NAMES));
  const env = { ...process.env, PATH: `${join(folder, 'bin')}:${process.env.PATH}` };
  const text = execFileSync(program, [...args, script], { cwd: folder, encoding: 'utf8', env });
  return [...new Set(text.split('\n').filter((each) => each !== ''))].sort();
}

const quotedWords = (line: string): string =>
  `sample ${line}`
    .split(' ')
    .map((word) => `'${word}'`)
    .join(' ');

/** As readline breaks a line: also before and after each `:` and `=`. */
const brokenWords = (line: string): string =>
  `sample ${line}`
    .split(' ')
    .flatMap((word) => (word === '' ? [''] : word.split(/(?=[:=])|(?<=[:=])/)))
    .map((word) => `'${word}'`)
    .join(' ');

describe('bash', () => {
  const offers = (line: string, words: string): Promise<readonly string[]> => {
    const script = `${completionScript('bash', 'sample')}
COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'; COMP_LINE='sample ${line}'; COMP_POINT=\${#COMP_LINE}
COMP_WORDS=(${words}); COMP_CWORD=$((\${#COMP_WORDS[@]} - 1)); _sample; printf '%s\\n' "\${COMPREPLY[@]-}"`;
    return shell('bash', ['--norc', '-u', '-c'], script, line);
  };

  it.each(CASES)('"sample %s" offers %j', async (line, offered) => {
    expect(await offers(line, brokenWords(line))).toEqual(offered);
  });

  it.each(JOINED)('"sample %s" offers %j, each from its last break on', async (line, offered) => {
    const cut = `sample ${line}`.split(' ').at(-1)?.lastIndexOf('=') ?? 0;
    expect(await offers(line, brokenWords(line))).toEqual(offered.map((word) => word.slice(cut + 1)));
  });

  it('keeps names with spaces whole', async () => {
    expect(await offers('list --tlscert ./my', brokenWords('list --tlscert ./my'))).toEqual(['./my key.pem']);
  });

  it('completes the word at the cursor', async () => {
    const script = `${completionScript('bash', 'sample')}
COMP_LINE='sample inxx cpu'; COMP_POINT=9; COMP_WORDS=(sample inxx cpu); COMP_CWORD=1; _sample; echo "\${COMPREPLY[@]}"`;
    expect(await shell('bash', ['--norc', '-c'], script, 'in')).toEqual(['info']);
  });

  it('is registered', async () => {
    const script = `${completionScript('bash', 'sample')}\ncomplete -p sample`;
    expect(await shell('bash', ['--norc', '-c'], script, '')).toEqual(['complete -F _sample sample']);
  });
});

describe.skipIf(!has('zsh'))('zsh (skipped where it is not installed)', () => {
  it.each([...CASES, ...JOINED])('"sample %s" offers %j', async (line, offered) => {
    // The completion system's own functions need a terminal; these show what they were given.
    const script = `
compdef() { :; }
offer() { local word; for word in "$@"; do [[ $word == "\${words[CURRENT]}"* ]] && print -r -- "$word"; done; true; }
_describe() { local -a list=("\${(@P)2}"); list=("\${(@)list//\\\\:/@}"); list=("\${(@)list%%:*}"); offer "\${(@)list//@/:}"; }
_files() { local dirs='N'; [[ $1 == -/ ]] && dirs='/N'; eval "offer \${words[CURRENT]}*($dirs)"; }
${completionScript('zsh', 'sample')}
words=(${quotedWords(line)}); CURRENT=\${#words}; _sample`;
    expect(await shell('zsh', ['-f', '-c'], script, line)).toEqual(offered);
  });
});

describe.skipIf(!has('fish'))('fish (skipped where it is not installed)', () => {
  it.each([...CASES, ...JOINED])('"sample %s" offers %j', async (line, offered) => {
    const script = `${completionScript('fish', 'sample')}\ncomplete -C 'sample ${line}'`;
    const lines = await shell('fish', ['-N', '-c'], script, line);
    const words = lines.map((each) => (each.split('\t')[0] ?? '').replace(/\/$/, ''));
    expect(words).toEqual(offered);
  });
});

describe('enxame completion', () => {
  const files = { bash: 'enxame.bash', zsh: '_enxame', fish: 'enxame.fish' } as const;
  it.each(COMPLETION_SHELLS)('%s: what the package ships is what the command prints', async (name) => {
    const io = fakeIo();
    expect(await run(['completion', name], io)).toBe(0);
    // Write it anew after a change: npx vitest run --project unit src/cli/completion --update
    await expect(io.stdout()).toMatchFileSnapshot(`../../../completions/${files[name]}`);
  });
});
