import { DriverError } from '../common/errors.ts';
import { printable } from '../common/printable.ts';
import type { Task } from './provisioner.ts';
import type { Remote } from './remote.ts';

/** Something to do on a machine. Its script is POSIX shell and safe to run again. */
export interface Step {
  /** What is being done, as it is reported: `installing the engine`. */
  readonly title: string;
  readonly script: string;
  /** Standard input of the script. */
  readonly input?: string;
  /** Bound on the whole step in milliseconds; default two minutes. */
  readonly timeoutMs?: number;
}

/** A step of provisioning failed. The message is one line; `output` is the end of what the machine said. */
export class ProvisionError extends DriverError {
  /** The step's title. */
  readonly step: string;
  readonly output: readonly string[];

  constructor(message: string, code: string, { step, output }: { step: string; output: readonly string[] }) {
    super(message, code);
    this.step = step;
    this.output = output;
  }

  override get details(): readonly string[] {
    return this.output;
  }
}

const DEFAULT_TIMEOUT_MS = 120_000;
const KEPT_LINES = 20;
const SHOWN_LINES = 3;

/**
 * What every script begins with. Errors come with the output, in order. `say` reports progress: its lines do not count as output.
 * A PATH of its own: sudo and sshd may leave out where the system's programs are.
 */
const PRELUDE = `exec 2>&1
set -eu
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin
LC_ALL=C DEBIAN_FRONTEND=noninteractive
export PATH LC_ALL DEBIAN_FRONTEND
unset DOCKER_HOST DOCKER_CONTEXT DOCKER_TLS_VERIFY
say() { printf '@@ %s\\n' "$*"; }
`;

/** Runs one step and answers what it printed. Rejects with a {@link ProvisionError} that names the step. */
export async function runStep(remote: Remote, step: Step, task: Task): Promise<string> {
  const timeoutMs = step.timeoutMs ?? DEFAULT_TIMEOUT_MS;
  const late = AbortSignal.timeout(timeoutMs);
  const lines = new Lines(task.report);
  const signal = AbortSignal.any([task.signal, late]);
  const options = { input: step.input, signal, onOutput: (text: string) => lines.add(text) };
  const result = await remote.run(PRELUDE + step.script, options).catch((error: unknown) => {
    if (!late.aborted || task.signal.aborted) throw error;
    throw failure(remote, step, lines.kept, `no end after ${Math.round(timeoutMs / 60_000)} minutes`);
  });
  lines.end();
  if (result.exit === 0) return lines.text;
  throw failure(remote, step, lines.kept, `exit code ${result.exit}`);
}

function failure(remote: Remote, step: Step, output: readonly string[], how: string): ProvisionError {
  const diagnosis = diagnose(output.join('\n'), remote.name);
  const said = output.slice(-SHOWN_LINES).join(' | ');
  const why = diagnosis?.text ?? (said === '' ? 'it said nothing' : said);
  const message = `${step.title} on ${remote.name} failed (${how}): ${why}`;
  const details = { step: step.title, output };
  return new ProvisionError(message, diagnosis?.code ?? 'PROVISION', details);
}

interface Diagnosis {
  readonly code: string;
  readonly text: string;
}

/** What is wrong, where the output shows it plainly. */
function diagnose(output: string, name: string): Diagnosis | undefined {
  if (/No space left on device|not enough free space|ENOSPC/i.test(output))
    return { code: 'DISK_FULL', text: `the disk of ${name} is full: make room there and run it again` };
  if (/Could not get lock|Unable to lock|locked by another process|System management is locked/i.test(output))
    return { code: 'PACKAGES_LOCKED', text: 'another package manager is still at work there: run it again later' };
  if (/Temporary failure resolving|Could not resolve|bad address|Name or service not known/i.test(output))
    return {
      code: 'REMOTE_DNS',
      text: `${name} cannot resolve names: check its DNS servers and its way to the Internet`,
    };
  return undefined;
}

/** Splits output into lines: progress to `report`, the rest kept. */
class Lines {
  readonly #report: (text: string) => void;
  readonly #all: string[] = [];
  #rest = '';

  constructor(report: (text: string) => void) {
    this.#report = report;
  }

  /** The last lines that say something. */
  get kept(): readonly string[] {
    return this.#all.filter((line) => line.trim() !== '').slice(-KEPT_LINES);
  }

  get text(): string {
    return this.#all.join('\n');
  }

  add(text: string): void {
    const parts = (this.#rest + text).split(/\r?\n/);
    this.#rest = parts.pop() ?? '';
    for (const line of parts) this.#take(line);
  }

  end(): void {
    if (this.#rest !== '') this.#take(this.#rest);
    this.#rest = '';
  }

  #take(line: string): void {
    if (line.startsWith('@@ ')) this.#report(line.slice(3));
    // Control characters of a remote program have no business on our terminal.
    else this.#all.push(printable(line));
  }
}
