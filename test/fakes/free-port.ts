import { createServer } from 'node:net';

/** Below the numbers that systems give away by themselves, so that no other program is handed one in between. */
const FIRST = 10_000;
const COUNT = 20_000;

/** A port that nothing has at any address of this host, and that nothing is given by chance. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    const server = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen({ port, host: '0.0.0.0', exclusive: true }, () => resolve(true));
    });
    if (!isFree) continue;
    await new Promise((resolve) => server.close(resolve));
    return port;
  }
}
