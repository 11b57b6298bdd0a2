import { spawnSync } from 'node:child_process';
import { statSync } from 'node:fs';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { parseListenAddress } from './listen-address.ts';
import { listenOn } from './listener.ts';

describe('listenOn', () => {
  let folder: string;
  const servers: Server[] = [];
  const listen = (text: string): ReturnType<typeof listenOn> => {
    const server = createServer();
    servers.push(server);
    return listenOn(server, parseListenAddress(text));
  };
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'enxame-listen-'));
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await new Promise((resolve) => server.close(resolve));
    await rm(folder, { recursive: true });
  });

  it('says which port it was given', async () => {
    const address = await listen('tcp://127.0.0.1:0');
    expect(address).toMatchObject({ kind: 'tcp', host: '127.0.0.1', port: expect.any(Number) });
    expect(address.text).toMatch(/^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/);
    expect((await listen('tcp://:0')).text).toMatch(/^tcp:\/\/:[1-9]\d*$/);
  });

  it('explains a port in use', async () => {
    const { text } = await listen('tcp://127.0.0.1:0');
    await expect(listen(text)).rejects.toMatchObject({
      code: 'ADDRESS_IN_USE',
      message: `cannot listen on ${text}: another process has it. Stop that one or choose another with -H`,
    });
  });

  it('explains an address of another machine', async () => {
    await expect(listen('tcp://192.0.2.1:0')).rejects.toThrow(
      'cannot listen on tcp://192.0.2.1:0: this machine does not have that address',
    );
  });

  it('makes a socket for its owner and group', async () => {
    const path = join(folder, 'enxame.sock');
    await listen(`unix://${path}`);
    expect((await stat(path)).mode & 0o777).toBe(0o660);
  });

  it('nobody else can connect to a new socket, not even for a moment and with a permissive umask', async () => {
    const path = join(folder, 'enxame.sock');
    const server = createServer();
    servers.push(server);
    const modes: number[] = [];
    const original = server.listen.bind(server) as (...args: unknown[]) => Server;
    server.listen = ((...args: unknown[]) => {
      original(...args);
      modes.push(statSync(path).mode & 0o777);
      return server;
    }) as Server['listen'];
    const before = process.umask(0);
    try {
      await listenOn(server, parseListenAddress(`unix://${path}`));
      expect(process.umask()).toBe(0);
    } finally {
      process.umask(before);
    }
    expect(modes).toEqual([0o660]);
  });

  it('replaces the socket of a process that is gone, never one in use or a file', async () => {
    const path = join(folder, 'enxame.sock');
    const dying = `require('node:net').createServer().listen(${JSON.stringify(path)}, () => process.kill(process.pid, 'SIGKILL'))`;
    spawnSync(process.execPath, ['-e', dying]);
    expect((await stat(path)).isSocket()).toBe(true);
    await listen(`unix://${path}`);
    await expect(listen(`unix://${path}`)).rejects.toMatchObject({ code: 'ADDRESS_IN_USE' });
    await writeFile(join(folder, 'file'), 'precious');
    await expect(listen(`unix://${join(folder, 'file')}`)).rejects.toThrow('a file that is no socket is there');
    await expect(listen(`unix://${join(folder, 'none', 'x.sock')}`)).rejects.toThrow('there is no such folder');
  });
});
