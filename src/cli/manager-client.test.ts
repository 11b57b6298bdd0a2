import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import type { AddressInfo, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { writeCertificate } from '../../test/fakes/certificates.ts';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { RawServer } from '../../test/fakes/raw-server.ts';
import { systemClock } from '../common/clock.ts';
import { managerClient } from './manager-client.ts';

const never = new AbortController().signal;
const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** The address of a server that does this with every connection once it was asked. */
async function serverThat(answer: (socket: Socket) => void): Promise<string> {
  const server = await RawServer.start((socket) => void socket.once('data', () => answer(socket)));
  closing.push(() => server.close());
  return `tcp://${server.address}`;
}

const OK = 'HTTP/1.1 200 OK\r\n';

describe('managerClient', () => {
  it.each([
    ['an answer cut short', `${OK}Content-Length: 9\r\n\r\n{}`, 'the manager closed the connection in the middle of'],
    ['two lengths', `${OK}Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}`, 'the manager sent two different lengths'],
    ['another protocol', 'SSH-2.0-OpenSSH_9.2\r\n', 'does not speak plain HTTP. Does it want TLS? Try --tlsverify'],
    ['an alert of TLS', '\x15\x03\x01\x00\x02\x02\x46', 'does not speak plain HTTP. Does it want TLS? Try --tlsverify'],
    ['nothing', '', 'does not speak plain HTTP. Does it want TLS? Try --tlsverify'],
    [
      'what engines answer there that speak TLS',
      'HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n',
      'does not speak plain HTTP. Does it want TLS? Try --tlsverify',
    ],
  ])('explains %s', async (_what, bytes, message) => {
    const host = await serverThat((socket) => socket.end(bytes, 'latin1'));
    const client = await managerClient({ host }, { env: {}, clock: systemClock });
    await expect(client.get('/info', never)).rejects.toMatchObject({
      code: 'MANAGER',
      message: expect.stringContaining(message),
    });
    await expect(client.get('/info', never)).rejects.toThrow(host);
  });

  it('reads bodies of every framing', async () => {
    const bodies = ['Content-Length: 2\r\n\r\n{}', 'Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n', '\r\n{}'];
    for (const body of bodies) {
      const host = await serverThat((socket) => socket.end(OK + body));
      const client = await managerClient({ host }, { env: {}, clock: systemClock });
      expect(await client.get('/info', never)).toEqual({});
    }
  });

  it.each([
    ['before', ''],
    ['within', `${OK}Content-Length: 9\r\n\r\n{}`],
  ])('waits 30 s for a manager that is silent %s its answer', async (_when, bytes) => {
    const clock = new FakeClock();
    let onAsked = (): void => {};
    const asked = new Promise<void>((resolve) => {
      onAsked = resolve;
    });
    const host = await serverThat((socket) => {
      if (bytes !== '') socket.write(bytes);
      onAsked();
    });
    const client = await managerClient({ host }, { env: {}, clock });
    const answer = client.get('/info', never);
    const refused = expect(answer).rejects.toThrow('no answer within 30 s');
    await asked;
    clock.advance(30_000);
    await refused;
  });

  it('ends with the signal', async () => {
    const stop = new AbortController();
    const host = await serverThat(() => stop.abort(new Error('enough')));
    const client = await managerClient({ host }, { env: {}, clock: systemClock });
    await expect(client.get('/info', stop.signal)).rejects.toThrow('enough');
  });

  it('says that a certificate is wanted', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'enxame-client-'));
    closing.push(() => rm(folder, { recursive: true }));
    await writeCertificate(folder, 'manager');
    const ca = join(folder, 'manager.pem');
    const cert = readFileSync(ca);
    const key = readFileSync(join(folder, 'manager-key.pem'));
    const server = createTlsServer({ cert, key, ca: cert, requestCert: true, rejectUnauthorized: true });
    server.on('tlsClientError', () => undefined).on('connection', (socket) => socket.on('error', () => undefined));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    closing.push(() => new Promise((resolve) => server.close(resolve)));
    const host = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const client = await managerClient({ host, tlsverify: true, tlscacert: ca }, { env: {}, clock: systemClock });
    // By an alert or by closing, whichever arrives.
    await expect(client.get('/info', never)).rejects.toThrow(/--tlscert.*--tlskey/);
  });
});
