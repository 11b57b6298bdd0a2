import { randomInt } from 'node:crypto';
import { createServer, type Server } from 'node:net';

/** Below the ports that the system gives to connections by itself (Linux: 32768 and up), one of which could be this one a moment later. */
const [FIRST, LAST] = [10_000, 32_000];

/** Different ports that nobody listens on at that address. */
export async function freePorts(count: number, host = '127.0.0.1'): Promise<readonly number[]> {
  const held: Server[] = [];
  while (held.length < count) held.push(...(await hold(randomInt(FIRST, LAST), host)));
  const ports = held.map((server) => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('no port');
    return address.port;
  });
  await Promise.all(held.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

export async function freePort(host?: string): Promise<number> {
  const [port = 0] = await freePorts(1, host);
  return port;
}

/** Nothing when somebody has it. */
async function hold(port: number, host: string): Promise<readonly Server[]> {
  const server = createServer();
  return await new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve([]) : reject(error)));
    server.listen({ port, host }, () => resolve([server]));
  });
}
