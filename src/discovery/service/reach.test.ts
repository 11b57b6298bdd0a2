import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import { Agent, request } from 'undici';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeCertificate } from '../../../test/fakes/certificates.ts';
import { call, tokenServices } from '../../../test/fakes/token-service.ts';
import { parseListenAddress } from '../../common/listen-address.ts';
import { readTlsFiles, tlsClientOptions, tlsServerOptions } from '../../common/tls-files.ts';
import { openTokenClient } from '../token-client.ts';

const never = new AbortController().signal;
const services = tokenServices({});
const { start } = services;
let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enxame-reach-'));
});
afterEach(async () => {
  await services.close();
  await rm(folder, { recursive: true });
});

describe('token service and who may reach it', { timeout: 120_000 }, () => {
  const file = (name: string): string => join(folder, name);

  it.each(['tcp://0.0.0.0:0', 'tcp://:0', 'tcp://[::]:0'])('refuses %s without TLS', async (text) => {
    await expect(start({ listen: parseListenAddress(text) })).rejects.toMatchObject({
      code: 'INSECURE_LISTENER',
      message: expect.stringContaining('--insecure'),
    });
  });

  it('obeys --insecure', async () => {
    const { url } = await start({ listen: parseListenAddress('tcp://0.0.0.0:0'), insecure: true });
    expect((await call(`http://127.0.0.1:${new URL(url).port}/_ping`, 'GET')).status).toBe(200);
  });

  it('lets no web page in', async () => {
    const { url } = await start({ listen: parseListenAddress('tcp://127.0.0.1:0') });
    const statusOf = async (headers: Record<string, string>): Promise<number> => {
      const { statusCode, body } = await request(`${url}/clusters`, { method: 'POST', headers });
      await body.dump();
      return statusCode;
    };
    expect(await statusOf({ origin: 'https://evil.example' })).toBe(403);
    expect(await statusOf({ 'sec-fetch-site': 'cross-site' })).toBe(403);
    expect(await statusOf({ host: 'evil.example' })).toBe(403);
    expect(await statusOf({})).toBe(201);
  });

  it('listens on a socket, also after a process that left its file', async () => {
    const listen = parseListenAddress(`unix://${file('service.sock')}`);
    const service = await start({ listen });
    expect(service.url).toBe(`unix://${file('service.sock')}`);
    await expect(start({ listen })).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' });
    const agent = new Agent({ connect: { socketPath: file('service.sock') } });
    const answer = await request('http://service/_ping', { dispatcher: agent });
    expect(await answer.body.text()).toBe('OK');
    await agent.destroy();
  });

  it('speaks TLS 1.2 and newer only, and asks for certificates when given a CA', async () => {
    await writeCertificate(folder, 'server');
    await writeCertificate(folder, 'client');
    await writeCertificate(folder, 'stranger');
    const server = { cert: file('server.pem'), key: file('server-key.pem'), ca: file('client.pem') };
    const { url } = await start({
      tls: tlsServerOptions(await readTlsFiles(server)),
      listen: parseListenAddress('tcp://127.0.0.1:0'),
    });
    expect(url).toMatch(/^https:/);
    const clientWith = async (name?: string): Promise<string> => {
      const own = name === undefined ? {} : { cert: file(`${name}.pem`), key: file(`${name}-key.pem`) };
      const client = openTokenClient(url, tlsClientOptions(await readTlsFiles({ ca: file('server.pem'), ...own })));
      return client.create(never).finally(() => client.close());
    };
    expect(await clientWith('client')).toMatch(/^[0-9a-f]{32}$/);
    await expect(clientWith('stranger')).rejects.toThrow('no token service answers');
    await expect(clientWith()).rejects.toThrow('no token service answers');
    const old = tlsConnect({
      port: Number(new URL(url).port),
      minVersion: 'TLSv1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
      ca: await readFile(file('server.pem')),
    });
    await expect(
      new Promise((resolve, reject) => old.on('secureConnect', resolve).on('error', reject)),
    ).rejects.toThrow();
  });
});
