import { FitAddon } from '@xterm/addon-fit';
import { Terminal } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import type { ExecEnd, ExecResize } from '../../../src/page/protocol.ts';
import { addressOf, token } from '../model/session.ts';
import { styleLawfully } from './lawful-styles.ts';

export interface TerminalOptions {
  readonly container: string;
  /** Words of a command; none for a shell. */
  readonly command: readonly string[];
  readonly isDark: boolean;
  readonly label: string;
  /** The exit code where it is known; or why the connection broke off. */
  readonly ended: (end: ExecEnd | { readonly why: string }) => void;
}

const DARK = { background: '#120e08', foreground: '#f6eedd', cursor: '#f5b50a', selectionBackground: '#6b4a0899' };
const LIGHT = { background: '#fffaf0', foreground: '#2b2110', cursor: '#a36b00', selectionBackground: '#ffc53d88' };
const FONT = 'ui-monospace, "SF Mono", "Cascadia Code", "DejaVu Sans Mono", Menlo, monospace';

/** Opens a terminal in a container; returns what closes it. */
export function openTerminal(box: HTMLElement, options: TerminalOptions): () => void {
  const endStyles = styleLawfully();
  const terminal = new Terminal({
    cursorBlink: true,
    fontFamily: FONT,
    fontSize: 13.5,
    scrollback: 5_000,
    screenReaderMode: true,
    theme: options.isDark ? DARK : LIGHT,
    minimumContrastRatio: 4.5,
  });
  const fit = new FitAddon();
  terminal.loadAddon(fit);
  terminal.open(box);
  terminal.textarea?.setAttribute('aria-label', options.label);
  fit.fit();
  const socket = connect(terminal, options);
  const resizing = new ResizeObserver(() => fit.fit());
  resizing.observe(box);
  terminal.focus();
  return () => {
    resizing.disconnect();
    socket.close();
    terminal.dispose();
    endStyles();
  };
}

function connect(terminal: Terminal, { container, command, ended }: TerminalOptions): WebSocket {
  const query = new URLSearchParams({ cols: String(terminal.cols), rows: String(terminal.rows) });
  for (const word of command) query.append('command', word);
  const url = new URL(`${addressOf(`containers/${container}/exec`)}?${query}`, location.href);
  url.protocol = url.protocol.replace('http', 'ws');
  const socket = new WebSocket(url, ['enxame.exec.v1', `token.${token()}`]);
  socket.binaryType = 'arraybuffer';
  let end: ExecEnd | undefined;
  const encoder = new TextEncoder();
  const send = (data: string | Uint8Array<ArrayBuffer>): void => {
    if (socket.readyState === WebSocket.OPEN) socket.send(data);
  };
  socket.addEventListener('message', ({ data }: MessageEvent<ArrayBuffer | string>) => {
    if (typeof data === 'string') end = JSON.parse(data) as ExecEnd;
    else terminal.write(new Uint8Array(data));
  });
  socket.addEventListener('close', ({ code, reason }) => {
    ended(end ?? (code === 1000 ? { exitCode: null } : { why: reason || String(code) }));
  });
  terminal.onData((text) => send(encoder.encode(text)));
  terminal.onBinary((text) => send(Uint8Array.from(text, (each) => each.charCodeAt(0))));
  terminal.onResize(({ cols, rows }) => send(JSON.stringify({ cols, rows } satisfies ExecResize)));
  return socket;
}
