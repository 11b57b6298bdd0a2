import { type ChildProcess, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import type { LabNode } from '../../src/lab/lab.ts';

const ECHO = `const socket = require('node:dgram').createSocket('udp4');
socket.on('message', (datagram, { port, address }) => socket.send(process.argv[2] + datagram, port, address)).bind(+process.argv[1]);`;

/** A program in the network of a node's container, by its process there, that answers datagrams with themselves, after what it says: the image has none. */
export function udpEcho(node: LabNode, pid: string, port: number, says: string = ''): ChildProcess {
  const into = ['--target', String(node.enginePid), '--net', '--mount', '--pid'];
  const command = ['nsenter', '--target', pid, '--net', '--', process.execPath, '-e', ECHO, String(port), says];
  return spawn('nsenter', [...into, '--', ...command], { stdio: 'inherit' });
}

/** What comes back of a datagram within a second, from a port of its own. */
export async function sendUdp(address: string, port: number, text: string): Promise<string | undefined> {
  const socket = createSocket('udp4');
  try {
    socket.send(text, port, address);
    const [datagram] = (await once(socket, 'message', { signal: AbortSignal.timeout(1_000) })) as [Buffer];
    return datagram.toString();
  } catch {
    return undefined;
  } finally {
    socket.close();
  }
}
