import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { testConnector } from '../../../test/conformance/connector.ts';
import { FarEnd } from '../../../test/conformance/far-end.ts';
import { writeCertificate } from '../../../test/fakes/certificates.ts';
import { tcpConnector, tlsConnector, unixConnector } from './socket.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enxame-connector-'));
  await writeCertificate(folder, 'engine');
});
afterAll(() => rm(folder, { recursive: true }));

const file = (name: string): Promise<Buffer> => readFile(join(folder, name));

testConnector('tcp', async () => {
  const far = await FarEnd.listen({ host: '127.0.0.1', port: 0 });
  return {
    connector: tcpConnector('127.0.0.1', far.port),
    serve: far.serve,
    breakIt: () => far.close(),
    close: () => far.close(),
  };
});

testConnector('tls', async () => {
  const [cert, key] = [await file('engine.pem'), await file('engine-key.pem')];
  const far = await FarEnd.listen({ host: '127.0.0.1', port: 0 }, { cert, key });
  return {
    connector: tlsConnector('127.0.0.1', far.port, { ca: cert, verify: true }),
    serve: far.serve,
    breakIt: () => far.close(),
    close: () => far.close(),
  };
});

let serial = 0;

testConnector('unix', async () => {
  serial += 1;
  const path = join(folder, `${serial}.sock`);
  const far = await FarEnd.listen({ path });
  return {
    connector: unixConnector(path),
    serve: far.serve,
    breakIt: () => far.close(),
    close: () => far.close(),
  };
});
