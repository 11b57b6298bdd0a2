import { PassThrough } from 'node:stream';
import { expect, it } from 'vitest';
import type { ClientTerminal } from '../ssh/connection.ts';
import { joined, type Stdio } from './native-ssh.ts';

/** A channel as the library has it: `exit` is emitted at once, `close` with the same arguments when all output is read. */
function channelThatEnded(...exit: readonly (number | null)[]): { channel: ClientTerminal; stdio: Stdio } {
  const streams = { stdin: new PassThrough(), stdout: new PassThrough().resume(), stderr: new PassThrough().resume() };
  const channel = Object.assign(new PassThrough({ emitClose: false }), { stderr: new PassThrough() });
  channel.emit('exit', ...exit);
  channel.once('end', () => channel.emit('close', ...exit));
  channel.end('said');
  return { channel: channel as unknown as ClientTerminal, stdio: streams as unknown as Stdio };
}

it.each([
  ['the code of a command that ended before anything could listen', [7], 7],
  ['255 of a connection that ended', [], 255],
  ['255 of a command that a signal ended', [null], 255],
] as const)('the exit code is %s', async (_, exit, code) => {
  const { channel, stdio } = channelThatEnded(...exit);
  expect(await joined(channel, stdio, false)).toBe(code);
});
