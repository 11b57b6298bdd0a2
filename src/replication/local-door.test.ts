import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { parseListenAddress } from '../common/listen-address.ts';
import { silentLogger } from '../common/logger.ts';
import { tcpConnector } from '../engine/connectors/socket.ts';
import { LocalDoor } from './local-door.ts';

/** A manager that answers pings, and says its name to all that ends its own direction. */
class EchoManager {
  readonly #server: net.Server;
  readonly #sockets = new Set<net.Socket>();
  isSuspended = false;

  constructor(name: string) {
    this.#server = net.createServer({ allowHalfOpen: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => socket.destroy());
      let text = '';
      socket.on('data', (chunk: Buffer) => {
        if (this.isSuspended) return;
        text += chunk.toString();
        if (!text.startsWith('HEAD')) return;
        text = '';
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n');
      });
      socket.on('end', () => socket.end(`${name} got ${text}`));
    });
  }

  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return (this.#server.address() as net.AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

let folder: string;
let managers: EchoManager[];
let door: LocalDoor;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enxame-door-'));
  managers = ['a', 'b'].map((name) => new EchoManager(name));
  const ports = await Promise.all(managers.map((manager) => manager.listen()));
  door = new LocalDoor({ managers: ports.map((port) => tcpConnector('127.0.0.1', port)), logger: silentLogger() });
  await door.listen(parseListenAddress(`unix://${folder}/door.sock`), '--listen');
});

afterEach(async () => {
  await door.close();
  await Promise.all(managers.map((manager) => manager.close().catch(() => undefined)));
  await rm(folder, { recursive: true });
});

/** What comes back for a text whose end is told. */
function ask(text: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = net.connect({ path: join(folder, 'door.sock'), allowHalfOpen: true });
    socket.on('data', (chunk: Buffer) => {
      answer += chunk.toString();
    });
    socket.on('end', () => resolve(answer)).on('error', reject);
    socket.end(text);
  });
}

test('passes on what clients say, and the end of each direction', async () => {
  expect(await ask('hello')).toBe('a got hello');
});

test('goes to the next manager when one is gone or suspended, and stays with it', async () => {
  const [a, b] = managers as [EchoManager, EchoManager];
  a.isSuspended = true;
  expect(await ask('1')).toBe('b got 1');
  a.isSuspended = false;
  expect(await ask('2')).toBe('b got 2');
  await b.close();
  expect(await ask('3')).toBe('a got 3');
});

test('says so when no manager answers', async () => {
  await Promise.all(managers.map((manager) => manager.close()));
  expect(await ask('GET / HTTP/1.1\r\n\r\n')).toContain('{"message":"no manager answers"}');
});
