import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { webFetch } from './web.ts';

const servers: Server[] = [];
afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

async function listen(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A proxy that leads everywhere to `target`, and what it was asked for. */
async function proxyTo(target: string): Promise<{ readonly url: string; readonly asked: string[] }> {
  const asked: string[] = [];
  const server = createServer().on('connect', (req, socket) => {
    asked.push(req.url ?? '');
    const [host, port] = target.split(':');
    const far = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connected\r\n\r\n');
      socket.pipe(far).pipe(socket);
    });
    for (const [one, other] of [
      [socket, far],
      [far, socket],
    ] as const)
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
  });
  return { url: `http://${await listen(server)}`, asked };
}

describe('webFetch', () => {
  const site = (): Promise<string> => listen(createServer((_req, res) => res.end('honey')));
  const textOf = async (url: string, env: Readonly<Record<string, string>>): Promise<string> =>
    (await webFetch(env)(url)).text();

  it.each(['http_proxy', 'HTTP_PROXY'])('asks by way of the proxy that %s names', async (name) => {
    const proxy = await proxyTo(await site());
    expect(await textOf('http://hive.test/', { [name]: proxy.url })).toBe('honey');
    expect(proxy.asked).toEqual(['hive.test:80']);
  });

  it.each(['https_proxy', 'HTTPS_PROXY'])('asks an HTTPS address by way of the proxy that %s names', async (name) => {
    const proxy = await proxyTo(await site());
    // The site speaks no TLS: what counts is who was asked to lead there.
    await expect(textOf('https://hive.test/', { [name]: proxy.url })).rejects.toThrow('fetch failed');
    expect(proxy.asked).toEqual(['hive.test:443']);
  });

  it.each([
    ['this machine', {}],
    ['a host of NO_PROXY', { NO_PROXY: '127.0.0.1' }],
    ['any host with NO_PROXY=*', { NO_PROXY: '*' }],
  ])('asks %s directly', async (_what, more) => {
    const address = await site();
    const proxy = await proxyTo(address);
    expect(await textOf(`http://${address}/`, { HTTP_PROXY: proxy.url, ...more })).toBe('honey');
    expect(proxy.asked).toEqual([]);
  });
});
