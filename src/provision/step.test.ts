import { afterEach, describe, expect, it } from 'vitest';
import { openCommandRemote } from './command-remote.ts';
import { contentOf, PAIRS, readPairs } from './pairs.ts';
import { asShell, behind, quoted } from './remote.ts';
import { ProvisionError, runStep, type Step } from './step.ts';

/** This computer, as a machine. */
const remote = openCommandRemote({ kind: 'command', prefix: ['env', 'DOCKER_HOST=tcp://elsewhere'] });
const said: string[] = [];
afterEach(() => void said.splice(0));

async function run(script: string, more: Partial<Step> & { readonly signal?: AbortSignal } = {}): Promise<string> {
  const { signal = new AbortController().signal, ...rest } = more;
  return await runStep(
    remote,
    { title: 'trying', script, ...rest },
    { signal, report: (text) => void said.push(text) },
  );
}

async function failure(script: string, more: Partial<Step> = {}): Promise<ProvisionError> {
  const error: unknown = await run(script, more).catch((thrown: unknown) => thrown);
  if (!(error instanceof ProvisionError)) throw new Error(`no ProvisionError: ${error}`);
  return error;
}

describe('a step', () => {
  it('answers what it printed, and reports what it says', async () => {
    expect(await run('echo one; say half way; echo two >&2')).toBe('one\ntwo');
    expect(said).toEqual(['half way']);
  });

  it('reads its input, and nothing of ours', async () => {
    expect(await run(`cat; echo "\${DOCKER_HOST-none}"`, { input: 'secret\n' })).toBe('secret\nnone');
  });

  it('fails at the first command that fails, with its name and the last lines', async () => {
    const error = await failure('for i in 1 2 3 4 5; do echo line $i; done; echo; false; echo not reached');
    expect(error.message).toBe(
      'trying on env DOCKER_HOST=tcp://elsewhere failed (exit code 1): line 3 | line 4 | line 5',
    );
    expect(error.step).toBe('trying');
    expect(error.output).toEqual(['line 1', 'line 2', 'line 3', 'line 4', 'line 5']);
  });

  it('keeps no more than twenty lines, and no control characters', async () => {
    const error = await failure(
      'i=0; while [ $i -lt 500 ]; do i=$((i + 1)); echo $i; done; printf "a\\033[31mb\\n"; exit 3',
    );
    expect(error.output).toHaveLength(20);
    expect(error.output.at(-1)).toBe('a\ufffd[31mb');
  });

  it.each([
    {
      words: 'cp: error writing x: No space left on device',
      code: 'DISK_FULL',
      message: /disk of .* is full: make room/,
    },
    { words: 'E: Could not get lock /var/lib/dpkg/lock', code: 'PACKAGES_LOCKED', message: /run it again later/ },
    { words: "Temporary failure resolving 'deb.example'", code: 'REMOTE_DNS', message: /cannot resolve names/ },
    { words: 'something else', code: 'PROVISION', message: /: something else$/ },
    { words: '', code: 'PROVISION', message: /: it said nothing$/ },
  ])('knows what "$words" means', async ({ words, code, message }) => {
    expect(await failure(`echo ${quoted(words)}; exit 1`)).toMatchObject({
      code,
      message: expect.stringMatching(message),
    });
  });

  it('has a bound', async () => {
    const error = await failure('echo begun; exec sleep 100', { timeoutMs: 300 });
    // On a busy machine the time is over before the shell says a word.
    expect(error.message).toMatch(/no end after 0 minutes\): (begun|it said nothing)$/);
  });

  it('ends when told to', async () => {
    await expect(run('exec sleep 100', { signal: AbortSignal.abort(new Error('enough')) })).rejects.toThrow('enough');
    await expect(run('exec sleep 100', { signal: AbortSignal.timeout(100) })).rejects.toThrow(/timeout/);
  });
});

describe('scripts', () => {
  it('survive every quote, twice', async () => {
    const text = `it's "a" \\ $x \`y\` %s\nnew line`;
    const script = `printf %s ${quoted(text)}`;
    const { output } = await remote.run(asShell(asShell(script)), { signal: new AbortController().signal });
    expect(output).toBe(text);
    const root = behind(remote, 'env X=1');
    expect((await root.run(`${script}; printf %s $X`, { signal: new AbortController().signal })).output).toBe(
      `${text}1`,
    );
  });

  it('hand over files whole', async () => {
    const pairs = readPairs(
      await run(`${PAIRS}pair a "b=c"; file this /etc/hostname; file none /nonexistent; echo plain`),
    );
    expect(pairs.get('a')).toBe('b=c');
    expect(contentOf(pairs, 'this')).toMatch(/^\S+\n?$/);
    expect(contentOf(pairs, 'none')).toBeUndefined();
  });
});

it('says that the program of a machine is missing', async () => {
  const missing = openCommandRemote({ kind: 'command', prefix: ['/nonexistent/program'] });
  await expect(missing.run('true', { signal: new AbortController().signal })).rejects.toMatchObject({
    code: 'NO_SHELL',
  });
});
