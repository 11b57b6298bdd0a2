import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';

/** Below the ports that the system gives to connections by itself (Linux: 32768 and up), one of which could be this one a moment later. */
const [FIRST, LAST] = [10_000, 32_000];

/** Different ports that nobody listens on at that address, and that no other process here is given as long as this one runs. */
export async function freePorts(count: number, host = '127.0.0.1'): Promise<readonly number[]> {
  const held: Server[] = [];
  const ports: number[] = [];
  while (held.length < count) {
    const port = randomInt(FIRST, LAST);
    const server = await listen({ port, host });
    if (server === undefined) continue;
    held.push(server);
    if (await isReserved(port)) ports.push(port);
    else await close(held.pop());
  }
  await Promise.all(held.map(close));
  return ports;
}

export async function freePort(host?: string): Promise<number> {
  const [port = 0] = await freePorts(1, host);
  return port;
}

/** Whether a port is this process's own: the mark is a name in Linux' abstract namespace, which ends with its process. */
async function isReserved(port: number): Promise<boolean> {
  if (process.platform !== 'linux') return true;
  const mark = await listen({ path: `\0enxame-port-${port}` });
  mark?.unref();
  return mark !== undefined;
}

/** Nothing when somebody has it. */
async function listen(
  at: { readonly port: number; readonly host: string } | { readonly path: string },
): Promise<Server | undefined> {
  const server = createServer();
  return await new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error),
    );
    server.listen(at, () => resolve(server));
  });
}

async function close(server: Server | undefined): Promise<void> {
  await new Promise((resolve) => server?.close(resolve) ?? resolve(undefined));
}
