import { once } from 'node:events';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ApiFixture } from '../../test/fakes/api-fixture.ts';
import {
  type Script,
  ScriptedEngine,
  type TestCertificates,
  testCertificates,
} from '../../test/fakes/scripted-engine.ts';

let certificates: TestCertificates;
const open: AsyncDisposable[] = [];

beforeAll(async () => {
  certificates = await testCertificates();
});

afterEach(async () => {
  for (const each of open.splice(0)) await each[Symbol.asyncDispose]();
});

async function serve(
  script: Script,
  transport: 'plain' | 'TLS' = 'plain',
): Promise<{ engine: ScriptedEngine; api: ApiFixture }> {
  const tls = transport === 'TLS' ? certificates : undefined;
  const engine = await ScriptedEngine.start(script, tls);
  const api = await ApiFixture.start({ connectors: [engine.connector], tls: tls?.server });
  open.push(api, engine);
  return { engine, api };
}

const UPGRADED =
  'HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n';

/** Echoes like `docker exec -i … cat`: ends when its input ends. */
const echo: Script = {
  onUpgrade: (_req, socket, head) => {
    socket.write(UPGRADED);
    socket.write(head);
    socket.pipe(socket);
  },
};

function attachRequest(extra: string = 'Connection: Upgrade\r\nUpgrade: tcp\r\n'): string {
  return `POST /v1.41/containers/abc/attach?stream=1 HTTP/1.1\r\nHost: x\r\n${extra}\r\n`;
}

async function connect(api: ApiFixture): Promise<Socket> {
  return api.connect({ ca: certificates.client.ca, cert: certificates.client.cert, key: certificates.client.key });
}

/** Reads until `text` was received or the other side ended; gives everything received so far. */
function readUntil(socket: Duplex, text: string, received: string = ''): Promise<string> {
  return new Promise((resolve) => {
    if (received.includes(text)) return resolve(received);
    const finish = (): void => {
      socket.off('data', onData).off('end', finish).off('close', finish);
      socket.pause();
      resolve(received);
    };
    const onData = (chunk: Buffer): void => {
      received += chunk.toString('latin1');
      if (received.includes(text)) finish();
    };
    socket.on('data', onData).on('end', finish).on('close', finish);
    socket.resume();
  });
}

async function readAll(socket: Duplex): Promise<Buffer> {
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  socket.resume();
  if (!socket.readableEnded) await once(socket, 'end');
  return Buffer.concat(chunks);
}

describe.each(['plain', 'TLS'] as const)('a hijacked stream over %s on both hops', (transport) => {
  it('passes the head on, echoes, and still reads after our half-close', async () => {
    const { api } = await serve(echo, transport);
    const client = await connect(api);
    client.write(attachRequest());
    const head = await readUntil(client, '\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1.1 101 UPGRADED\r\n/);
    expect(head).toContain('Content-Type: application/vnd.docker.raw-stream\r\n');
    expect(head).toContain('Upgrade: tcp\r\n');
    expect(head).toContain('Api-Version: 1.51\r\n');
    const sent = Buffer.alloc(3_000_000, 'abcdefg');
    const echoed = readAll(client);
    client.end(sent);
    expect((await echoed).equals(sent)).toBe(true);
  });

  it('lets the engine half-close first', async () => {
    let received = '';
    const { api } = await serve(
      {
        onUpgrade: (_req, socket) => {
          socket.end(`${UPGRADED}bye`);
          socket.on('data', (chunk: Buffer) => {
            received += chunk.toString();
          });
        },
      },
      transport,
    );
    const client = await connect(api);
    client.write(attachRequest());
    expect((await readAll(client)).toString()).toMatch(/bye$/);
    client.end('still here');
    await expect.poll(() => received).toBe('still here');
  });

  it('ends the engine’s connection when the client breaks off', async () => {
    const chatter: Script = {
      onUpgrade: (_req, socket) => {
        socket.write(UPGRADED);
        const timer = setInterval(() => socket.write('tick'), 5);
        socket.once('close', () => clearInterval(timer));
        socket.resume();
      },
    };
    const { api, engine } = await serve(chatter, transport);
    const client = await connect(api);
    client.write(attachRequest());
    await readUntil(client, 'tick');
    client.destroy();
    await expect.poll(() => engine.openConnections).toBe(0);
  });

  it('breaks the client off when the engine breaks off', async () => {
    const { api, engine } = await serve(echo, transport);
    const client = await connect(api);
    client.write(attachRequest());
    await readUntil(client, '\r\n\r\n');
    const closed = once(client, 'close');
    for (const socket of engine.sockets) socket.resetAndDestroy();
    client.once('end', () => client.end()).resume();
    await closed;
  });

  it('slows the engine down to the client’s speed', async () => {
    const block = Buffer.alloc(64 * 1024, 'x');
    let written = 0;
    const { api } = await serve(
      {
        onUpgrade: (_req, socket) => {
          socket.write(UPGRADED);
          const more = (): void => {
            while (written < 256 * 1024 * 1024 && socket.write(block)) written += block.length;
            socket.once('drain', more);
          };
          more();
        },
      },
      transport,
    );
    const client = await connect(api);
    client.write(attachRequest());
    await readUntil(client, '\r\n\r\n');
    const settled = await stable(() => written);
    // What kernels and TLS hold between the three processes is some MiB; a broken brake would let everything through.
    expect(settled).toBeLessThan(64 * 1024 * 1024);
    client.destroy();
  });
});

/** The value once it did not change for a while. */
async function stable(read: () => number): Promise<number> {
  let last = -1;
  let same = 0;
  await expect
    .poll(
      () => {
        same = read() === last ? same + 1 : 0;
        last = read();
        return same;
      },
      { interval: 40, timeout: 120_000 },
    )
    .toBeGreaterThan(5);
  return last;
}

describe('hijacking', () => {
  it('sends the body of an exec start before it upgrades, and early input behind it', async () => {
    const bodies: string[] = [];
    const { api } = await serve({
      onUpgrade: (req, socket, head) => {
        const length = Number(req.headers['content-length']);
        void readUntil(socket, '}', head.toString()).then((received) => {
          bodies.push(received.slice(0, length));
          socket.write(UPGRADED);
          socket.pipe(socket);
        });
      },
    });
    api.execs.remember('a'.repeat(64), 'node-id-0');
    const client = await connect(api);
    const body = '{"Detach":false,"Tty":false}';
    const head = `POST /exec/${'a'.repeat(64)}/start HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n`;
    client.write(head + body.slice(0, 5));
    client.end(`${body.slice(5)}early`);
    expect((await readAll(client)).toString()).toMatch(/early$/);
    expect(bodies).toEqual([body]);
  });

  it.each([
    ['of known length', 'Content-Length: 15\r\n', '{"stream":true}'],
    ['of known length, late', 'Content-Length: 15\r\n', '', '{"stream":true}'],
    ['in chunks', 'Transfer-Encoding: chunked\r\n', 'f\r\n{"stream":true}\r\n0\r\n\r\n'],
    ['without chunks', 'Transfer-Encoding: chunked\r\n', '0\r\n\r\n'],
    ['without chunks, late', 'Transfer-Encoding: chunked\r\n', '', '0\r\n\r\n'],
    ['in chunks that never come', 'Transfer-Encoding: chunked\r\n', ''],
  ])('drops the body of an attach: %s', async (_what, framing, body, late = '') => {
    const { api } = await serve(echo);
    for (const upgrade of ['Connection: Upgrade\r\nUpgrade: tcp\r\n', '']) {
      const client = await connect(api);
      client.write(attachRequest(upgrade + framing) + body);
      expect(await readUntil(client, '\r\n\r\n')).toMatch(/^HTTP\/1.1 (101|200) /);
      const echoed = readAll(client);
      client.end(`${late}mine`);
      expect((await echoed).toString()).toBe('mine');
    }
  });

  it('takes the options of an exec start in chunks', async () => {
    const bodies: string[] = [];
    const { api } = await serve({
      onUpgrade: (req, socket, head) => {
        bodies.push(`${req.headers['content-length']} ${head.toString()}`);
        socket.end(UPGRADED);
      },
    });
    api.execs.remember('a'.repeat(64), 'node-id-0');
    const client = await connect(api);
    const upgrade = 'Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\n';
    client.write(
      `POST /exec/${'a'.repeat(64)}/start HTTP/1.1\r\nHost: x\r\n${upgrade}Transfer-Encoding: chunked\r\n\r\n`,
    );
    client.write('3\r\n{}\n\r\n0\r\n\r\n');
    expect((await readAll(client)).toString()).toMatch(/^HTTP\/1.1 101 /);
    client.end();
    expect(bodies).toEqual(['2 {}']);
  });

  it('refuses options of an exec start that are too many or no chunks', async () => {
    const { api } = await serve(echo);
    api.execs.remember('a'.repeat(64), 'node-id-0');
    const answerTo = async (framing: string, body: string): Promise<string> => {
      const client = await connect(api);
      const upgrade = `Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Type: application/json\r\n${framing}`;
      client.write(`POST /exec/${'a'.repeat(64)}/start HTTP/1.1\r\nHost: x\r\n${upgrade}\r\n${body}`);
      return (await readAll(client)).toString();
    };
    const many = 1024 * 1024 + 1;
    expect(await answerTo(`Content-Length: ${many}\r\n`, 'x'.repeat(many))).toMatch(/^HTTP\/1.1 413 /);
    expect(await answerTo('Transfer-Encoding: chunked\r\n', 'no chunk\r\n')).toMatch(/^HTTP\/1.1 40[08] /);
    const coded = await answerTo('Transfer-Encoding: gzip, chunked\r\n', '2\r\n{}\r\n0\r\n\r\n');
    expect(coded).toMatch(/^HTTP\/1.1 501 /);
    expect(coded).toContain('is not supported: send chunks only');
  });

  it.each([
    [404, '{"message":"No such container: abc"}\n'],
    [409, '{"message":"Container abc is paused, unpause the container before attach"}\n'],
  ])('passes a refusal of %i on with its body', async (status, body) => {
    const { api, engine } = await serve({
      onUpgrade: (_req, socket) =>
        void socket.end(
          `HTTP/1.1 ${status} Refused\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
        ),
    });
    const client = await connect(api);
    client.write(attachRequest());
    const answer = (await readAll(client)).toString();
    expect(answer).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    expect(answer).toContain(body);
    client.end();
    await expect.poll(() => engine.openConnections).toBe(0);
  });

  it('passes a chunked refusal on', async () => {
    const { api } = await serve({
      onUpgrade: (_req, socket) =>
        void socket.write('HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n'),
    });
    const client = await connect(api);
    client.write(attachRequest());
    expect((await readAll(client)).toString()).toMatch(/^HTTP\/1.1 500 [\s\S]*\r\n\r\n5\r\nabcde|3\r\nabc\r\n2\r\nde/);
  });

  it('answers in our words when the container or its engine is not there', async () => {
    const { api, engine } = await serve(echo);
    const answerTo = async (reference: string): Promise<string> => {
      const client = await connect(api);
      client.write(attachRequest().replace('abc', reference));
      return (await readAll(client)).toString();
    };
    expect(await answerTo('missing')).toMatch(/^HTTP\/1.1 404 [\s\S]*No such container: missing/);
    await engine[Symbol.asyncDispose]();
    expect(await answerTo('abc')).toMatch(/^HTTP\/1.1 502 [\s\S]*connect to engine/);
  });

  it.each([
    ['with an answer before any input', attachRequest('Content-Length: 0\r\n')],
    ['from the time before Content-Length: 0 was sent', attachRequest('')],
  ])('gives a client that does not upgrade a raw 200, %s', async (_what, request) => {
    const { api } = await serve(echo);
    const client = await connect(api);
    client.write(request);
    const head = await readUntil(client, '\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    expect(head).not.toMatch(/upgrade/i);
    const echoed = readAll(client);
    client.write('one ');
    client.end('two');
    expect((await echoed).toString()).toBe('one two');
  });

  it('passes an engine’s plain answer on: a detached exec', async () => {
    const { api } = await serve({
      onUpgrade: (_req, socket) => void socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n'),
    });
    api.execs.remember('b'.repeat(64), 'node-id-0');
    const answer = await fetch(`${api.url}/v1.44/exec/${'b'.repeat(64)}/start`, {
      method: 'POST',
      body: '{"Detach":true}',
    });
    expect([answer.status, await answer.text()]).toEqual([200, '']);
  });

  it('passes a WebSocket on', async () => {
    const { api } = await serve({
      onUpgrade: (req, socket, head) => {
        socket.write(
          `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: ${req.headers['sec-websocket-key']}\r\n\r\n`,
        );
        socket.write(head);
        socket.pipe(socket);
      },
    });
    const client = await connect(api);
    const fields =
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k3y\r\nSec-WebSocket-Version: 13\r\n';
    client.write(`GET /containers/abc/attach/ws?stream=1 HTTP/1.1\r\nHost: x\r\n${fields}\r\n`);
    const head = await readUntil(client, '\r\n\r\n');
    expect(head).toMatch(
      /^HTTP\/1.1 101 Switching Protocols\r\n[\s\S]*Sec-WebSocket-Accept: k3y\r\n[\s\S]*Upgrade: websocket/,
    );
    client.write(Buffer.from([0x81, 0x00]));
    const [frame] = (await once(client.resume(), 'data')) as [Buffer];
    expect([...frame]).toEqual([0x81, 0x00]);
  });

  it('ends streams when the manager stops', async () => {
    const { api, engine } = await serve(echo);
    const client = await connect(api);
    client.write(attachRequest());
    await readUntil(client, '\r\n\r\n');
    const ended = readAll(client);
    await api.server.close({ graceMs: 3_000 });
    expect((await ended).length).toBe(0);
    await expect.poll(() => engine.openConnections).toBe(0);
  });
});
