import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { FakeEngine } from '../../simulator/fake-engine.ts';
import { RawServer } from '../../test/fakes/raw-server.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { systemClock } from '../common/clock.ts';
import { tcpConnector } from './connectors/socket.ts';
import { Probe } from './probe.ts';

/** Several ticks of the timers, long enough for a busy machine, short enough to wait for. */
const SHORT_MS = 600;
const LONG_MS = 10_000;
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});

function probeOf(address: string): Probe {
  const [host = '', port = ''] = address.split(':');
  const connector = tcpConnector(host, Number(port));
  const probe = new Probe(connector, systemClock);
  closing.push(async () => {
    probe.close();
    await connector.close();
  });
  return probe;
}

async function engineAndProbe(): Promise<{ engine: FakeEngine; probe: Probe }> {
  const engine = await FakeEngine.start();
  closing.push(() => engine.close());
  return { engine, probe: probeOf(engine.address) };
}

/** A server whose `answer` is called for each ping. */
async function answering(answer: (socket: Socket, ping: number) => void): Promise<{ server: RawServer; probe: Probe }> {
  let pings = 0;
  const server = await RawServer.start((socket) =>
    socket.on('data', () => {
      pings += 1;
      answer(socket, pings);
    }),
  );
  closing.push(() => server.close());
  return { server, probe: probeOf(server.address) };
}

describe('a healthy engine', () => {
  test('answers time and again over one connection', async () => {
    const { engine, probe } = await engineAndProbe();
    for (let ping = 0; ping < 5; ping += 1) await probe.ping(LONG_MS);
    expect(engine.requestsTo('HEAD /_ping')).toHaveLength(5);
    expect(engine.openConnections).toBe(1);
  });

  test('may close the idle connection between two pings', async () => {
    const { server, probe } = await answering((socket) => socket.write(OK));
    await probe.ping(LONG_MS);
    server.dropConnections();
    await probe.ping(LONG_MS);
    expect(server.accepted).toBe(2);
  });

  test('may close the connection when the next ping comes', async () => {
    const { server, probe } = await answering((socket, ping) => (ping === 2 ? socket.destroy() : socket.write(OK)));
    await probe.ping(LONG_MS);
    await probe.ping(LONG_MS);
    expect(server.accepted).toBe(2);
  });

  test('may answer in pieces, also after the status', async () => {
    const { probe } = await answering((socket) => {
      const bytes = [...OK];
      const next = (): void => {
        const byte = bytes.shift();
        if (byte !== undefined) socket.write(byte, () => setImmediate(next));
      };
      next();
    });
    for (let ping = 0; ping < 3; ping += 1) await probe.ping(LONG_MS);
  });
});

describe('an engine whose swarm has lost its leader', () => {
  test('lets pings wait, but answers other questions: it is well', async () => {
    const server = await RawServer.start((socket) =>
      socket.on('data', (bytes: Buffer) => {
        if (!bytes.toString().includes('/_ping')) socket.write('HTTP/1.1 404 Not Found\r\n\r\n');
      }),
    );
    closing.push(() => server.close());
    const probe = probeOf(server.address);
    for (let ping = 0; ping < 2; ping += 1) await probe.ping(SHORT_MS);
    await waitUntil(() => server.open === 0);
  });
});

describe('an engine in trouble', () => {
  test.each<{ name: string; answer: (socket: Socket) => void; message: string }>([
    { name: 'an error', answer: (socket) => socket.write('HTTP/1.1 500 Oh\r\n\r\n'), message: 'did not answer OK' },
    { name: 'no HTTP', answer: (socket) => socket.write('SSH-2.0-OpenSSH\r\n'), message: 'did not answer OK' },
    { name: 'no end', answer: (socket) => socket.write(OK.trimEnd() + 'x'.repeat(20_000)), message: 'without end' },
    { name: 'nothing, and closes', answer: (socket) => socket.destroy(), message: 'connection was closed' },
    { name: 'nothing', answer: () => undefined, message: 'no answer within' },
  ])('answers $name', async ({ answer, message }) => {
    const { server, probe } = await answering(answer);
    await expect(probe.ping(message.includes('within') ? SHORT_MS : LONG_MS)).rejects.toMatchObject({
      code: 'ENGINE_UNREACHABLE',
      message: expect.stringContaining(message),
    });
    await waitUntil(() => server.open === 0);
  });

  test('refuses, then is well again', async () => {
    const { engine, probe } = await engineAndProbe();
    await probe.ping(LONG_MS);
    await engine.apply({ kind: 'refuse' });
    await expect(probe.ping(LONG_MS)).rejects.toThrow('ECONNREFUSED');
    await engine.apply({ kind: 'none' });
    await probe.ping(LONG_MS);
  });

  test('hangs, then is well again', async () => {
    const { engine, probe } = await engineAndProbe();
    await probe.ping(LONG_MS);
    await engine.apply({ kind: 'hang' });
    await expect(probe.ping(SHORT_MS)).rejects.toThrow(`no answer within ${SHORT_MS} ms`);
    await expect(probe.ping(SHORT_MS)).rejects.toThrow(`no answer within ${SHORT_MS} ms`);
    await engine.apply({ kind: 'none' });
    await probe.ping(LONG_MS);
  });
});

test('a closed probe fails the ping under way and opens nothing any more', async () => {
  const { server, probe } = await answering((socket, ping) => {
    if (ping === 1) socket.write(OK);
  });
  await probe.ping(LONG_MS);
  const ping = probe.ping(LONG_MS);
  probe.close();
  probe.close();
  await expect(ping).rejects.toThrow('closed');
  await expect(probe.ping(LONG_MS)).rejects.toThrow('closed');
  await waitUntil(() => server.open === 0);
});
