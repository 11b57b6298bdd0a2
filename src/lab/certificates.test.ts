import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type TLSSocket } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Credentials } from '../namespaces/daemon.ts';
import { createAuthority } from './certificates.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'certificates-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

test.each([
  { name: 'a client of the same CA is let in', stranger: false, host: '127.0.0.1', answer: 'hello' },
  { name: 'a client of another CA is refused', stranger: true, host: '127.0.0.1', answer: 'refused' },
  {
    name: 'a server under a name it has no certificate for is refused',
    stranger: false,
    host: 'elsewhere',
    answer: 'ERR_TLS_CERT_ALTNAME_INVALID',
  },
])('$name', async ({ stranger, host, answer }) => {
  const [ours, others] = await Promise.all([createAuthority('ours'), createAuthority('others')]);
  const server = await ours.issue(join(folder, 'server'), 'server', ['127.0.0.1', 'localhost']);
  const client = await (stranger ? others : ours).issue(join(folder, 'client'), 'client');
  expect(await talk(server, { ...client, ca: server.ca }, host)).toMatch(answer);
});

/** What a mutual TLS server says to the client, or the error's code. */
async function talk(serverSide: Credentials, clientSide: Credentials, host: string): Promise<string> {
  const server = createServer({ ...pem(serverSide), requestCert: true, rejectUnauthorized: true }, (socket) => {
    socket.on('error', () => {});
    socket.end('hello');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const name = host === '127.0.0.1' ? {} : { servername: host };
  const socket: TLSSocket = connect({ ...pem(clientSide), host: '127.0.0.1', port, ...name });
  try {
    // A refusal shows at the server: under TLS 1.3 the client believes it is in until it reads.
    const refused = once(server, 'tlsClientError').then(() => 'refused');
    return await Promise.race([once(socket, 'data').then(String), refused]);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    socket.destroy();
    server.close();
  }
}

function pem({ ca, cert, key }: Credentials): { ca: Buffer; cert: Buffer; key: Buffer } {
  return { ca: readFileSync(ca), cert: readFileSync(cert), key: readFileSync(key) };
}
