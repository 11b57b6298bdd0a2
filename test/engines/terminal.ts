import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { stripVTControlCharacters } from 'node:util';
import { waitFor } from '../../src/namespaces/processes.ts';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

/** The built `enxame` in a terminal of 80 columns and 24 rows: `script` of util-linux makes one. */
export class Terminal implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #said = '';

  constructor(args: readonly string[]) {
    const words = [process.execPath, MAIN, ...args].map((word) => `'${word}'`).join(' ');
    this.#child = spawn('script', ['-qefc', `stty cols 80 rows 24; exec ${words}`, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, TERM: 'xterm' },
    });
    this.#child.stdout?.on('data', (bytes: Buffer) => {
      this.#said += bytes.toString();
    });
    this.#ended = once(this.#child, 'close').then(([code]) => code as number | null);
  }

  /** The lines of the screen as it was drawn last. */
  lines(): readonly string[] {
    const [, ...screens] = this.#said.split('\u001b[H');
    return stripVTControlCharacters(screens.at(-1) ?? '').split(/\r*\n/);
  }

  /** Resolves when the screen has it. */
  async shows(pattern: RegExp): Promise<void> {
    await waitFor(`${pattern} on the screen`, () => pattern.test(this.lines().join('\n')));
  }

  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  ended(): Promise<number | null> {
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}
