import { once } from 'node:events';
import https from 'node:https';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type TestCertificates, testCertificates } from '../../test/fakes/scripted-engine.ts';
import { parseListenAddress } from '../common/listen-address.ts';
import { silentLogger } from '../common/logger.ts';
import type { TlsServerOptions } from '../common/tls-files.ts';
import { endUpgrade } from './end-upgrade.ts';
import { startWebListener, type WebListener, type WebSite } from './web-listener.ts';

const SITE: WebSite = {
  answer: async (_req, res) => void res.end('hello\n'),
  upgrade: (_req, socket) => endUpgrade(socket, 401, 'text/plain', 'no\n'),
  isLinkable: () => false,
};

function serverTls({ server }: TestCertificates): TlsServerOptions {
  const [cert, key] = [Buffer.from(server.cert), Buffer.from(server.key)];
  return { cert, key, requestCert: false, rejectUnauthorized: false, minVersion: 'TLSv1.2' };
}

function start(
  address: string,
  more: { readonly tls?: TestCertificates; readonly site?: WebSite } = {},
): Promise<WebListener> {
  const { tls, site = SITE } = more;
  return startWebListener({
    address: parseListenAddress(address),
    flag: '--page',
    serves: site,
    logger: silentLogger(),
    ...(tls && { tls: serverTls(tls) }),
  });
}

function portOf({ address }: WebListener): number {
  return address.kind === 'tcp' ? address.port : 0;
}

/** Everything a server says on one connection that this side leaves open until the server ends it, and after. */
async function said(port: number, text: string): Promise<{ readonly socket: Socket; readonly all: Promise<string> }> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece)).on('error', () => undefined);
  const all = once(socket, 'end').then(() => Buffer.concat(pieces).toString());
  await once(socket, 'connect');
  socket.write(text);
  return { socket, all };
}

const UPGRADE = 'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';

describe('requests to leave HTTP', () => {
  test('that are refused do not keep their connections, though the peer leaves its side open', async () => {
    const ends: Promise<unknown>[] = [];
    const site: WebSite = {
      ...SITE,
      upgrade: (req, socket, head) => {
        ends.push(once(socket, 'close'));
        SITE.upgrade(req, socket, head);
      },
    };
    const listener = await start('tcp://127.0.0.1:0', { site });
    const { socket, all } = await said(portOf(listener), `${UPGRADE}\r\n`);
    expect(await all).toMatch(/^HTTP\/1\.1 401 Unauthorized\r\n.*Connection: close\r\n\r\nno\n$/s);
    await Promise.all(ends);
    socket.destroy();
    await listener.close();
  });

  test('end with the listener, whatever the site does with them', async () => {
    const listener = await start('tcp://127.0.0.1:0', { site: { ...SITE, upgrade: () => undefined } });
    const { socket } = await said(portOf(listener), `${UPGRADE}\r\n`);
    const { all } = await said(portOf(listener), 'GET / HTTP/1.0\r\n\r\n');
    expect(await all).toContain('hello');
    await listener.close();
    socket.destroy();
  });

  test('of pages of other sites are refused', async () => {
    const listener = await start('tcp://127.0.0.1:0');
    const { socket, all } = await said(portOf(listener), `${UPGRADE}Origin: http://example.com\r\n\r\n`);
    expect(await all).toMatch(/^HTTP\/1\.1 403 .*example\.com may not use/s);
    socket.destroy();
    await listener.close();
  });
});

describe('a listener that others can reach', () => {
  let certificates: TestCertificates;
  let listener: WebListener;

  beforeAll(async () => {
    certificates = await testCertificates();
    listener = await start('tcp://0.0.0.0:0', { tls: certificates });
  });

  afterAll(() => listener.close());

  function ask(headers: Record<string, string> = {}): Promise<number | undefined> {
    const { ca } = certificates.client;
    const options = { port: portOf(listener), host: '127.0.0.1', servername: 'localhost', ca, headers };
    return new Promise((resolve, reject) => {
      const asked = https.request(options, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      });
      asked.on('error', reject).end();
    });
  }

  test('speaks TLS, asks for no certificate, and knows the names of its own', async () => {
    expect(listener.url).toBe(`https://0.0.0.0:${portOf(listener)}`);
    expect(await ask()).toBe(200);
    expect(await ask({ Host: 'attacker.example.net' })).toBe(403);
    expect(await ask({ Origin: 'https://attacker.example.net' })).toBe(403);
  });

  test('tells those who speak plain HTTP so', async () => {
    const { socket, all } = await said(portOf(listener), 'GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    expect(await all).toMatch(/^HTTP\/1\.0 400 .*Client sent an HTTP request to an HTTPS server/s);
    socket.destroy();
  });

  test('is plain on a loopback address, also of IPv6', async () => {
    const plain = await start('tcp://[::1]:0', { tls: certificates });
    expect(plain.url).toBe(`http://[::1]:${portOf(plain)}`);
    expect(await (await fetch(plain.url)).text()).toBe('hello\n');
    await plain.close();
  });
});
