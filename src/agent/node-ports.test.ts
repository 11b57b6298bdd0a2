import { once } from 'node:events';
import { link, mkdtemp, rm, stat } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { freePort } from '../../test/fakes/free-port.ts';
import { NodePorts } from './node-ports.ts';
import { NodeSocket } from './node-socket.ts';

const ADDRESS = '127.0.0.1';

let folder: string;
let ports: NodePorts;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'enxame-ports-'));
  const published = { find: async () => undefined, isAwaited: async () => false };
  ports = new NodePorts({ published, socket: new NodeSocket(join(folder, 'cluster.sock')) }, ADDRESS);
});
afterEach(async () => {
  vi.useRealTimers();
  ports.close();
  await rm(folder, { recursive: true });
});

async function knock(at: { readonly path: string } | { readonly port: number }): Promise<string> {
  const socket = connect({ host: ADDRESS, ...at });
  try {
    await once(socket, 'connect');
    return 'open';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? '';
  } finally {
    socket.destroy();
  }
}

test('what a host needs itself is never opened, whoever wants it', async () => {
  const why = 'it is kept for SSH of the host';
  expect(await ports.want(ports.desk(), { ports: [22] })).toEqual({ refused: { 22: { isOfEngine: false, why } } });
});

test('the UDP port that WireGuard of a host was given is never opened, and told', async () => {
  const published = { find: async () => undefined, isAwaited: async () => false };
  const inMesh = new NodePorts({ published, meshPort: 51_999 }, ADDRESS);
  const { refusedUdp } = await inMesh.want(inMesh.desk(), { ports: [], udp: [51_820, 51_999] });
  inMesh.close();
  const refusal = { isOfEngine: false, why: 'it is kept for the mesh of the host' };
  expect(refusedUdp).toEqual({ 51820: refusal, 51999: refusal });
});

test('ports beyond what an agent opens are refused in words, whichever they are', async () => {
  const find = (): never => {
    throw new Error('gone');
  };
  const mute = new NodePorts({ published: { find, isAwaited: async () => false } }, ADDRESS);
  const numbers = Array.from({ length: 4_096 }, (_, i) => 10_000 + i);
  // The same one twice counts once.
  const { refused, refusedUdp } = await mute.want(mute.desk(), { ports: [...numbers, 10_000], udp: [53] });
  expect(Object.keys(refused)).toHaveLength(4_096);
  expect(refused[10_000]?.why).toBe('its engine does not say whether it has it (gone)');
  expect(refusedUdp).toEqual({ 53: { isOfEngine: false, why: 'its agent opens no more than 4096 ports' } });
});

test('clients of one port leave connections to those of others', async () => {
  const published = { find: async () => undefined, isAwaited: async () => false };
  const few = new NodePorts({ published, limits: { total: 4, perPort: 2 } }, ADDRESS);
  const [one, other] = [await freePort(), await freePort()];
  const led: number[] = [];
  const desk = few.desk();
  vi.spyOn(desk, 'lead').mockImplementation(async (_, port) => void led.push(port));
  await few.want(desk, { ports: [one, other] });
  const clients: Socket[] = [];
  const arrive = (port: number): Promise<unknown> => {
    const client = connect({ host: ADDRESS, port }).on('error', () => undefined);
    clients.push(client);
    return new Promise((resolve) => client.once('close', resolve));
  };
  void arrive(one);
  void arrive(one);
  await expect.poll(() => led, { timeout: 60_000 }).toEqual([one, one]);
  await arrive(one);
  void arrive(other);
  await expect.poll(() => led, { timeout: 60_000 }).toEqual([one, one, other]);
  few.close();
  for (const client of clients) client.destroy();
});

/** A minute goes by after `begin`. */
async function minute(begin: () => void): Promise<void> {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  begin();
  vi.advanceTimersByTime(60_000);
  vi.useRealTimers();
  // What was begun is done one after the other.
  await ports.want(ports.desk(), {});
}

test('without their manager ports are closed, and the socket stays that containers have mounted', async () => {
  const port = await freePort();
  const desk = ports.desk();
  const path = join(folder, 'cluster.sock');
  const mounted = join(folder, 'mounted.sock');
  expect(await ports.want(desk, { ports: [port], socket: true })).toEqual({ refused: {}, socketRefused: undefined });
  await link(path, mounted);
  await minute(() => ports.lose(desk));
  expect(await knock({ port })).toBe('ECONNREFUSED');
  expect(await ports.want(desk, { ports: [port], socket: true })).toEqual({ refused: {}, socketRefused: undefined });
  expect([await knock({ port }), await knock({ path: mounted })]).toEqual(['open', 'open']);
  // A manager that is back, and gives no socket any more.
  await minute(() => ports.meet(desk));
  await expect(stat(path)).rejects.toThrow('ENOENT');
  expect(await knock({ port })).toBe('ECONNREFUSED');
});
