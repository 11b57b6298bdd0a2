import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { testConnector } from '../../test/conformance/connector.ts';
import { FarEnd } from '../../test/conformance/far-end.ts';
import { receiveDatagrams, sendDatagram } from '../engine/dialled/datagrams.ts';
import { DialledAgents } from '../engine/dialled/dialled-agents.ts';
import type { Answers } from './answers.ts';
import { serveEngine } from './dial-out.ts';

const TIMEOUT_MS = 60_000;
const ANSWERS: Answers = new Map([
  ['/echo', async (question: unknown): Promise<unknown> => ({ question })],
  ['/fail', (): Promise<unknown> => Promise.reject(new Error('it is broken'))],
  ['/never', (): Promise<unknown> => new Promise(() => undefined)],
]);

/** An agent and the manager that it dialled, with a connection that can be cut. */
class Dialled {
  readonly agents: DialledAgents = new DialledAgents(Date.now);
  readonly stop: AbortController = new AbortController();
  readonly far: FarEnd;
  readonly #folder: string;
  readonly #ended: Promise<unknown>[] = [];

  private constructor(far: FarEnd, folder: string) {
    this.far = far;
    this.#folder = folder;
  }

  static async open(): Promise<Dialled> {
    const folder = await mkdtemp(join(tmpdir(), 'enxame-dial-'));
    const dialled = new Dialled(await FarEnd.listen({ path: join(folder, 'engine.sock') }), folder);
    await dialled.dial();
    return dialled;
  }

  /** Another connection of the agent; resolves with the agent's end. */
  async dial(id = 'bee-1'): Promise<net.Socket> {
    const server = net.createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as net.AddressInfo;
    const socket = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    const [accepted] = (await once(server, 'connection')) as [net.Socket];
    server.close();
    this.#ended.push(serveEngine(socket, join(this.#folder, 'engine.sock'), this.stop.signal, ANSWERS));
    this.#ended.push(this.agents.serve(id, accepted, '192.0.2.7', this.stop.signal));
    return socket;
  }

  async close(): Promise<void> {
    this.stop.abort();
    await Promise.all(this.#ended);
    await this.far.close().catch(() => undefined);
    await rm(this.#folder, { recursive: true, force: true });
  }
}

testConnector('agent', async () => {
  const dialled = await Dialled.open();
  return {
    connector: dialled.agents.connectorFor('bee-1'),
    serve: dialled.far.serve,
    breakIt: () => dialled.far.close(),
    close: () => dialled.close(),
  };
});

describe('an agent that dialled', () => {
  let dialled: Dialled;
  beforeEach(async () => {
    dialled = await Dialled.open();
  });
  afterEach(() => dialled.close());

  it('is listed while its connection lasts, and its calls end with it', async () => {
    dialled.far.serve((stream) => void stream.resume());
    const socket = await dialled.dial('bee-2');
    const stream = await dialled.agents.connectorFor('bee-2').connect(TIMEOUT_MS);
    expect(dialled.agents.list()).toMatchObject([
      { id: 'bee-1', from: '192.0.2.7', streams: 0 },
      { id: 'bee-2', streams: 1 },
    ]);
    const cut = new Promise((resolve) => stream.once('error', resolve).once('close', resolve));
    socket.destroy();
    await cut;
    await expect.poll(() => dialled.agents.list().map(({ id }) => id), { timeout: TIMEOUT_MS }).toEqual(['bee-1']);
  });

  it('is waited for by calls that come while it dials anew', async () => {
    dialled.far.serve((stream) => stream.pipe(stream));
    dialled.agents.end('bee-1');
    await expect.poll(() => dialled.agents.list(), { timeout: TIMEOUT_MS }).toEqual([]);
    const connecting = dialled.agents.connectorFor('bee-1').connect(TIMEOUT_MS);
    await dialled.dial();
    (await connecting).destroy();
  });

  it('is told from a second host with its key, and a connection that died from one that lives', async () => {
    expect(await dialled.agents.hasTwin('bee-1')).toBe(true);
    expect(await dialled.agents.hasTwin('bee-2')).toBe(false);
    const silent = await dialled.dial('bee-3');
    silent.pause();
    // Nobody reads at the other end of it any more.
    silent.removeAllListeners('data');
    dialled.agents.end('bee-3');
    expect(await dialled.agents.hasTwin('bee-3')).toBe(false);
  });

  it('is not reached by calls when it never dialled', async () => {
    await expect(dialled.agents.connectorFor('bee-9').connect(10)).rejects.toThrow(
      'connect to engine agent://bee-9: its agent has not dialled in',
    );
  });

  it('is not reached by calls when it was revoked, which say what lets it in again', async () => {
    dialled.agents.refuse((id) => id === 'bee-9');
    await expect(dialled.agents.connectorFor('bee-9').connect(10)).rejects.toThrow(
      "connect to engine agent://bee-9: its agent was revoked: 'enxame agent allow bee-9' lets it in again",
    );
  });

  it('does not delay streams behind others that nobody reads', async () => {
    const many = Buffer.alloc(8 * 1024 * 1024, 'x');
    dialled.far.serve((stream) => void stream.write(many));
    const connector = dialled.agents.connectorFor('bee-1');
    const unread = await Promise.all(Array.from({ length: 5 }, () => connector.connect(TIMEOUT_MS)));
    dialled.far.serve((stream) => stream.pipe(stream));
    const stream = await connector.connect(TIMEOUT_MS);
    stream.end('hello');
    const [bytes] = (await once(stream, 'data')) as [Buffer];
    expect(bytes.toString()).toBe('hello');
    for (const each of unread) each.destroy();
  });

  it('carries texts as they are, whatever the process does meanwhile', async () => {
    dialled.far.serve((stream) => stream.pipe(stream));
    const connector = dialled.agents.connectorFor('bee-1');
    const heads = Array.from(
      { length: 300 },
      (_, i) => `POST /containers/${i}/attach HTTP/1.1\r\nHost: docker\r\n${'x'.repeat(200)}\r\n\r\n`,
    );
    const back = await Promise.all(
      heads.map(async (head) => {
        const stream = await connector.connect(TIMEOUT_MS);
        stream.write(head, 'latin1');
        stream.end('é', 'latin1');
        const pieces: Buffer[] = [];
        for await (const piece of stream as AsyncIterable<Buffer>) pieces.push(piece);
        return Buffer.concat(pieces).toString('latin1');
      }),
    );
    expect(back).toEqual(heads.map((head) => `${head}é`));
  });

  it('answers what the manager asks of it, says why it cannot, and is not waited for without end', async () => {
    const { signal } = dialled.stop;
    const ask = (path: string, question: unknown, timeoutMs = TIMEOUT_MS): Promise<unknown> =>
      dialled.agents.ask('bee-1', path, question, timeoutMs, signal);
    const long = 'ü'.repeat(300_000);
    expect(await ask('/echo', { long })).toEqual({ status: 200, body: { question: { long } } });
    expect(await ask('/fail', {})).toEqual({ status: 500, body: { message: 'it is broken' } });
    expect(await ask('/nothing', {})).toMatchObject({ status: 404 });
    await expect(ask('/never', {}, 50)).rejects.toThrow('ask agent /never');
    await expect(ask('/echo', 'x'.repeat(5_000_000))).rejects.toThrow('more than 4194304 bytes');
    const waiting = ask('/never', {});
    dialled.agents.end('bee-1');
    await expect(waiting).rejects.toThrow('ask agent /never');
    await expect(ask('/echo', {})).rejects.toThrow('it has not dialled in');
  });

  it('serves nothing but its engine', async () => {
    const server = net.createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { connect } = await import('node:http2');
    const socket = net.connect({ port: (server.address() as net.AddressInfo).port, host: '127.0.0.1' });
    const [accepted] = (await once(server, 'connection')) as [net.Socket];
    const stop = new AbortController();
    const served = serveEngine(socket, '/nowhere', stop.signal);
    const session = connect('http://engine', { createConnection: () => accepted });
    session.on('error', () => undefined);
    const status = async (headers: Record<string, string>): Promise<unknown> => {
      const stream = session.request(headers, { endStream: false });
      stream.on('error', () => undefined);
      const [answer] = await once(stream, 'response');
      stream.destroy();
      return answer[':status'];
    };
    // Whether it is published, nobody can say.
    expect(await status({ ':method': 'CONNECT', ':authority': '192.0.2.1:22' })).toBe(502);
    expect(await status({ ':method': 'CONNECT', ':authority': 'elsewhere' })).toBe(404);
    expect(await status({ ':method': 'GET', ':path': '/' })).toBe(404);
    expect(await status({ ':method': 'CONNECT', ':authority': 'engine' })).toBe(502);
    stop.abort();
    await served;
    session.destroy();
    server.close();
  });

  it('reaches the ports that its engine publishes to others, and no other one', async () => {
    const container = await FarEnd.listen({ port: 0, host: '127.0.0.1' });
    const other = await FarEnd.listen({ port: 0, host: '127.0.0.1' });
    container.serve((stream) => stream.pipe(stream));
    let ports: object[] = [];
    let event: (text: string) => void = () => undefined;
    dialled.far.serve((stream) =>
      stream.on('data', (bytes: Buffer) => {
        const isList = bytes.toString().includes('/containers/json');
        const list = JSON.stringify([{ Ports: ports }]);
        event = isList ? event : (text) => stream.write(text);
        const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';
        stream.write(isList ? `${head}Content-Length: ${list.length}\r\n\r\n${list}` : `${head}\r\n`);
      }),
    );
    const connect = async (port: number, host = 'bee-1'): Promise<Duplex | undefined> =>
      await dialled.agents.connectorFor('bee-1').connectPort?.(host, port, 'tcp', TIMEOUT_MS);
    await expect(connect(container.port)).rejects.toThrow(
      `connect to port ${container.port}/tcp of agent://bee-1: its agent refuses it`,
    );
    const tcp = { PrivatePort: 80, Type: 'tcp' };
    ports = [
      { ...tcp, IP: '0.0.0.0', PublicPort: container.port },
      { ...tcp, IP: '127.0.0.1', PublicPort: other.port },
    ];
    const stream = await connect(container.port);
    stream?.end('hello');
    const [bytes] = (await once(stream as Duplex, 'data')) as [Buffer];
    expect(bytes.toString()).toBe('hello');
    await expect(connect(other.port)).rejects.toThrow('refuses it');
    (await connect(container.port, '127.0.0.1'))?.destroy();
    ports = [];
    event('{"Type":"container","Action":"die"}\n');
    await expect
      .poll(async () => connect(container.port).then((each) => each?.destroy(), String), { timeout: TIMEOUT_MS })
      .toContain('refuses it');
    await Promise.all([container.close(), other.close()]);
  });

  it('carries datagrams to the UDP ports that its engine publishes, and to no other one', async () => {
    const container = createSocket('udp4').bind(0, '127.0.0.1');
    await once(container, 'listening');
    container.on('message', (datagram, { port, address }) => container.send(datagram, port, address));
    const { port } = container.address();
    const list = JSON.stringify([{ Ports: [{ IP: '0.0.0.0', PrivatePort: 53, PublicPort: port, Type: 'udp' }] }]);
    dialled.far.serve((stream) =>
      stream.on('data', (bytes: Buffer) => {
        const isList = bytes.toString().includes('/containers/json');
        const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n';
        stream.write(isList ? `${head}Content-Length: ${list.length}\r\n\r\n${list}` : `${head}\r\n`);
      }),
    );
    const connector = dialled.agents.connectorFor('bee-1');
    const connect = async (number: number, protocol: 'tcp' | 'udp'): Promise<Duplex> =>
      (await connector.connectPort?.('bee-1', number, protocol, TIMEOUT_MS)) as Duplex;
    await expect(connect(port, 'tcp')).rejects.toThrow('refuses it');
    await expect(connect(port === 1 ? 2 : 1, 'udp')).rejects.toThrow('refuses it');
    const stream = await connect(port, 'udp');
    const got: number[] = [];
    receiveDatagrams(stream, ({ length }) => got.push(length));
    // Those of nothing, and the longest, too.
    for (const length of [5, 0, 65_507]) {
      const count = got.length;
      sendDatagram(stream, Buffer.alloc(length));
      await expect.poll(() => got.length, { timeout: TIMEOUT_MS }).toBe(count + 1);
    }
    expect(got).toEqual([5, 0, 65_507]);
    stream.destroy();
    // However many clients there are: calls to the engine have streams left.
    const opened = await Promise.allSettled(Array.from({ length: 1_100 }, () => connect(port, 'udp')));
    const refused = opened.filter(({ status }) => status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    expect(String((refused[0] as PromiseRejectedResult).reason)).toContain('too many UDP flows');
    for (const each of opened) if (each.status === 'fulfilled') each.value.destroy();
    container.close();
  });
});
