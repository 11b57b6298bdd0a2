import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';

/** A call to a child process and its answer, as they travel over the IPC channel. */
interface Call {
  readonly call: number;
  readonly command: unknown;
}
type Answer = { readonly call: number; readonly result: unknown } | { readonly call: number; readonly error: string };

/** How long a child may take to leave by itself. */
const EXIT_DEADLINE_MS = 3000;

/** A child process of the benchmark that answers typed commands; it ends with us, however we end. */
export class BenchChild<Command> implements AsyncDisposable {
  readonly #process: ChildProcess;
  readonly #pending = new Map<number, { resolve: (result: unknown) => void; reject: (error: Error) => void }>();
  #serial = 0;

  /** @param module file URL of a module that calls {@link serveParent} */
  constructor(module: URL) {
    this.#process = fork(module, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'], serialization: 'advanced' });
    this.#process.on('message', (answer) => this.#settle(answer as Answer));
    this.#process.on('exit', (code) => this.#failAll(new Error(`benchmark process ended early with code ${code}`)));
    this.#process.on('error', (error) => this.#failAll(error));
  }

  get pid(): number {
    return this.#process.pid ?? 0;
  }

  /** Sends one command; commands may overlap. */
  call<Result>(command: Command): Promise<Result> {
    this.#serial += 1;
    const call: Call = { call: this.#serial, command };
    return new Promise<Result>((resolve, reject) => {
      this.#pending.set(call.call, { resolve: resolve as (result: unknown) => void, reject });
      this.#process.send(call, (error) => error !== null && reject(error));
    });
  }

  /** Lets the child leave, or ends it after a deadline; may be called twice. */
  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    if (this.#process.connected) this.#process.disconnect();
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), EXIT_DEADLINE_MS);
    await exited;
    clearTimeout(timer);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #settle(answer: Answer): void {
    const pending = this.#pending.get(answer.call);
    this.#pending.delete(answer.call);
    if ('error' in answer) pending?.reject(new Error(answer.error));
    else pending?.resolve(answer.result);
  }

  #failAll(error: Error): void {
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
  }
}

/** In a child: answers the parent's commands until the parent goes away, then leaves. */
export function serveParent<Command>(handle: (command: Command) => unknown): void {
  process.on('message', (message) => {
    const { call, command } = message as { call: number; command: Command };
    Promise.resolve()
      .then(() => handle(command))
      .then(
        (result) => process.send?.({ call, result }),
        (error: unknown) => process.send?.({ call, error: error instanceof Error ? error.message : String(error) }),
      );
  });
  process.on('disconnect', () => process.exit(0));
  // Ctrl-C reaches the whole process group; the parent decides when a child leaves.
  process.on('SIGINT', () => undefined);
}
