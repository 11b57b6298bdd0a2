import { Duplex } from 'node:stream';
import { EngineStream } from '../api/engine-stream.ts';
import { isRawStream } from '../api/hijack.ts';
import type { Container } from '../cluster/container.ts';
import { EngineError } from '../common/errors.ts';
import { latest } from '../common/latest.ts';
import { fieldsOf } from '../scheduler/json.ts';
import type { ServerWebSocket } from '../web/web-socket.ts';
import type { ExecEnd } from './protocol.ts';
import type { Pulse } from './pulse.ts';
import type { Session } from './sessions.ts';

/** What a shell gets to end in, once nobody looks. */
const LEAVE_MS = 1_000;
const CALL_MS = 10_000;
/** Ctrl-C and Ctrl-D: what runs is interrupted, and the shell ends. Engines leave it running else. */
const LEAVE = '\u0003\u0004';

/** What is to run in a terminal. */
export interface Wanted extends Size {
  readonly command: readonly string[];
}

/** A terminal that is open. */
export interface Open {
  readonly session: Session;
  readonly pulse: Pulse;
  /** Aborted when the page left. */
  readonly left: AbortController;
  onInput: (data: Buffer) => void;
  onSize: (size: Size) => void;
}

/** An open one with its connection. */
export interface Terminal {
  readonly socket: ServerWebSocket;
  readonly open: Open;
}

/** In characters. */
export interface Size {
  readonly cols: number;
  readonly rows: number;
}

/** Resolves when the command has ended. Rejects when it cannot be run. */
export async function runInTerminal(
  { socket, open }: Terminal,
  container: Container,
  wanted: Wanted,
): Promise<ExecEnd> {
  const { signal } = open.left;
  const { client } = container.node;
  const { command, cols, rows } = wanted;
  const body = JSON.stringify({
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: true,
    Env: ['TERM=xterm-256color'],
    Cmd: command,
  });
  const path = `/containers/${container.engineId}/exec`;
  const headers = { 'Content-Type': 'application/json' };
  const made = await client.json<unknown>({ method: 'POST', path, headers, body, signal, timeoutMs: CALL_MS });
  const id = String(fieldsOf(made).Id);
  if (!/^[0-9a-f]{64}$/.test(id)) throw new EngineError('the engine made an exec without an ID');
  const stream = await startExec(container, id, signal);
  const resize = latest(async (to: Size) => {
    const target = `/exec/${id}/resize?h=${to.rows}&w=${to.cols}`;
    await client.request({ method: 'POST', path: target, timeoutMs: CALL_MS }).catch(() => undefined);
  });
  const goOn = (): void => {
    open.pulse.release();
    socket.resume();
  };
  try {
    open.onSize = (size) => void resize(size);
    open.onInput = (data) => {
      // What was read already is written all the same: it is bounded, and more is not read.
      if (stream.socket.write(data) || open.pulse.isHeld) return;
      open.pulse.hold();
      socket.pause();
      stream.socket.once('drain', goOn);
    };
    goOn();
    await resize({ cols, rows });
    const how = await stream.relayTo(new TerminalOutput(socket, open));
    if (how === 'receiver left') await leave(stream);
    return { exitCode: await askExitCode(container, id) };
  } finally {
    stream.destroy();
  }
}

/** Null when it is not known. */
async function askExitCode({ node }: Container, id: string): Promise<number | null> {
  const asked = node.client.json<unknown>({ method: 'GET', path: `/exec/${id}/json`, timeoutMs: CALL_MS });
  const code = fieldsOf(await asked.catch(() => undefined)).ExitCode;
  return typeof code === 'number' ? code : null;
}

async function startExec({ node, name }: Container, id: string, signal: AbortSignal): Promise<EngineStream> {
  const body = JSON.stringify({ Detach: false, Tty: true });
  const headers = {
    'Content-Type': 'application/json',
    'Content-Length': String(Buffer.byteLength(body)),
    Connection: 'Upgrade',
    Upgrade: 'tcp',
  };
  const stream = await EngineStream.send(node.client, {
    method: 'POST',
    path: `/exec/${id}/start`,
    headers,
    body,
    signal,
  });
  try {
    const head = await stream.head(signal);
    if (isRawStream(head)) return stream;
    throw new EngineError(`the engine of ${node.name} starts no terminal in ${name} (status ${head.statusCode})`);
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

/** Resolves when the shell had its time to end. */
function leave(stream: EngineStream): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, LEAVE_MS);
    stream.socket.once('close', () => {
      clearTimeout(timer);
      resolve();
    });
    stream.socket.end(LEAVE);
  });
}

/** What is shown, as fast as the browser takes it. */
class TerminalOutput extends Duplex {
  readonly #terminal: ServerWebSocket;
  readonly #open: Open;

  constructor(terminal: ServerWebSocket, open: Open) {
    super();
    this.#terminal = terminal;
    this.#open = open;
    const left = open.left.signal;
    if (left.aborted) this.destroy();
    else left.addEventListener('abort', () => this.destroy(), { once: true });
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#terminal.sendBinary(chunk, () => {
      this.#open.pulse.heard();
      done();
    });
  }

  override _read(): void {
    // What is typed goes straight to the engine.
  }
}
