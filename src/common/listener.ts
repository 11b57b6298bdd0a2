import { chmod, lstat, stat, unlink } from 'node:fs/promises';
import { type AddressInfo, connect, type Server } from 'node:net';
import { dirname } from 'node:path';
import { ClusterError, reasonOf } from './errors.ts';
import type { ListenAddress } from './listen-address.ts';

/**
 * Starts `server` on `address` and resolves to the address it really has (port 0 becomes the port given). A socket file
 * without a server behind it is replaced; the new one is for its owner and group only. Throws a {@link ClusterError} of one clear
 * line when the address is in use, not this machine's, or not allowed; `flag` is where another one can be chosen.
 */
export async function listenOn(server: Server, address: ListenAddress, flag: string = '-H'): Promise<ListenAddress> {
  if (address.kind === 'unix') await prepareSocket(address.path, address.text, flag);
  await new Promise<void>((resolve, reject) => {
    const onError = (error: Error): void => reject(cannotListen(address, error, flag));
    server.once('error', onError);
    const onListening = (): void => {
      server.off('error', onError);
      resolve();
    };
    if (address.kind === 'unix') listenPrivately(server, address.path, onListening);
    else
      server.listen({ port: address.port, ...(address.host === undefined ? {} : { host: address.host }) }, onListening);
  });
  if (address.kind === 'unix') {
    await chmod(address.path, 0o660);
    return address;
  }
  const { port } = server.address() as AddressInfo;
  return { ...address, port, text: address.text.replace(/:\d+$/, `:${port}`) };
}

/** The socket is made within the call: other users cannot connect to it before it has its final mode. */
function listenPrivately(server: Server, path: string, onListening: () => void): void {
  const before = process.umask(0o117);
  try {
    server.listen(path, onListening);
  } finally {
    process.umask(before);
  }
}

async function prepareSocket(path: string, text: string, flag: string): Promise<void> {
  // Checked here, since bind's ENOENT reaches us as EACCES.
  await stat(dirname(path)).catch((error: NodeJS.ErrnoException) => {
    throw error.code === 'ENOENT'
      ? failed(text, `there is no such folder. Make it, or choose another with ${flag}`, 'CANNOT_LISTEN', error)
      : error;
  });
  const stats = await lstat(path).catch(() => undefined);
  if (stats === undefined) return;
  if (!stats.isSocket())
    throw failed(text, 'a file that is no socket is there. Remove it or choose another path', 'ADDRESS_IN_USE');
  if (await answers(path)) throw inUse(text, flag);
  await unlink(path);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    // Refused means that its process is gone; any other answer means that a server may still be there.
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code !== 'ECONNREFUSED'));
  });
}

const REASONS: Readonly<Record<string, string>> = {
  EADDRNOTAVAIL: 'this machine does not have that address',
  EACCES: 'permission denied',
  ENOTFOUND: 'that host name is unknown',
};

function cannotListen(address: ListenAddress, error: NodeJS.ErrnoException, flag: string): ClusterError {
  if (error.code === 'EADDRINUSE') return inUse(address.text, flag);
  const why = REASONS[error.code ?? ''] ?? reasonOf(error);
  return failed(address.text, `${why}. Choose another with ${flag}`, 'CANNOT_LISTEN', error);
}

function inUse(text: string, flag: string): ClusterError {
  return failed(text, `another process has it. Stop that one or choose another with ${flag}`, 'ADDRESS_IN_USE');
}

function failed(text: string, why: string, code: string, cause?: unknown): ClusterError {
  return new ClusterError(`cannot listen on ${text}: ${why}`, { code, status: 500, cause });
}
