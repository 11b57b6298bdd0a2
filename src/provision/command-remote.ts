import { spawn } from 'node:child_process';
import { StringDecoder } from 'node:string_decoder';
import { DriverError } from '../common/errors.ts';
import type { Remote, RunOptions, RunResult } from './remote.ts';
import type { CommandShell } from './shell.ts';

/** A machine that a program of this host runs commands on. */
export function openCommandRemote(target: CommandShell): Remote {
  return {
    name: target.prefix.join(' '),
    run: (script, options) => runBehind(target.prefix, script, options),
    close: async () => undefined,
  };
}

function runBehind(prefix: readonly string[], script: string, options: RunOptions): Promise<RunResult> {
  const [program = '', ...args] = [...prefix, '/bin/sh', '-c', script];
  const { input, onOutput, signal } = options;
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'ignore'], signal });
    const decoder = new StringDecoder('utf8');
    let output = '';
    child.stdout.on('data', (bytes: Buffer) => {
      const text = decoder.write(bytes);
      output += text;
      onOutput?.(text);
    });
    child.stdin.on('error', () => undefined); // It may end without reading its input; its exit code tells.
    child.stdin.end(input);
    child.once('error', (error) => {
      reject(signal.aborted ? signal.reason : new DriverError(`cannot run ${program}: ${error.message}`, 'NO_SHELL'));
    });
    child.once('close', (code, by) => resolve({ exit: code ?? by ?? 'SIGKILL', output }));
  });
}
