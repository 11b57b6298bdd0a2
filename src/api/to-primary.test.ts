import type { Socket } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { ApiFixture } from '../../test/fakes/api-fixture.ts';
import { RawServer } from '../../test/fakes/raw-server.ts';
import { waitUntil } from '../../test/fakes/wait.ts';
import { systemClock } from '../common/clock.ts';
import { tcpConnector } from '../engine/connectors/socket.ts';
import { PrimaryRoute } from '../replication/primary-route.ts';

/** A replica, and a primary that can be reached at the second attempt at the earliest. */
const closers: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

async function replica(answer: (said: string, socket: Socket) => void): Promise<{ port: number; said: () => string }> {
  let said = '';
  const primary = await RawServer.start((socket) => {
    let own = '';
    socket.on('data', (chunk) => {
      own += chunk.toString('latin1');
      said += chunk.toString('latin1');
      answer(own, socket);
    });
  });
  const gone = await RawServer.start(() => undefined);
  const addresses = [gone.address, primary.address];
  await gone.close();
  const election = {
    self: { advertise: 'self', id: 'self' },
    get primary() {
      const [advertise = ''] = addresses;
      return { advertise, id: advertise };
    },
    subscribe: () => () => undefined,
  };
  const connect = async (advertise: string) => {
    if (addresses.length > 1) addresses.shift();
    const [host = '', port] = advertise.split(':');
    return tcpConnector(host, Number(port));
  };
  const toPrimary = new PrimaryRoute({ election, isPrimary: () => false, connect, clock: systemClock });
  const api = await ApiFixture.start({ connectors: [], toPrimary });
  closers.push(
    () => api.close(),
    () => primary.close(),
  );
  return { port: api.port, said: () => said };
}

/** Sends `pieces`, each once the answer so far has what is beside it; resolves with the answer when the connection ends. */
async function exchange(port: number, pieces: readonly (readonly [after: string, text: string])[]): Promise<string> {
  const { connect } = await import('node:net');
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  closers.push(async () => socket.destroy());
  let answer = '';
  let isOver = false;
  socket.on('data', (chunk) => {
    answer += chunk.toString('latin1');
  });
  socket.on('error', () => socket.destroy());
  socket.once('end', () => {
    isOver = true;
  });
  for (const [after, text] of pieces) {
    await waitUntil(() => answer.includes(after));
    socket.write(text);
  }
  await waitUntil(() => isOver || answer.endsWith('\r\n\r\ndone'));
  socket.end();
  return answer;
}

function createdOnceWhole(end: string): (said: string, socket: Socket) => void {
  return (said, socket) => {
    if (said.endsWith(end)) socket.end('HTTP/1.1 201 Created\r\nContent-Length: 4\r\n\r\ndone');
  };
}

const LAST_CHUNK = '0\r\n\r\n';

describe('a replica forwards', () => {
  test('a body whose client waits to be told, in chunks, once a primary is reached', async () => {
    const { port, said } = await replica(createdOnceWhole(LAST_CHUNK));
    const head =
      'POST /containers/create HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n';
    const answer = await exchange(port, [
      ['', `${head}Content-Type: application/json\r\n\r\n`],
      ['100 Continue', `4\r\n{"a"\r\n3\r\n:1}\r\n${LAST_CHUNK}`],
    ]);
    expect(answer.match(/100 Continue/g)).toHaveLength(1);
    expect(answer).toContain('201 Created');
    expect(said()).toContain('POST /v1.51/containers/create HTTP/1.1\r\n');
    expect(said().toLowerCase()).toContain('enxame-hops: 1\r\n');
    expect(said().replaceAll(/\r\n(\d+\r\n)?/g, '')).toContain('{"a":1}');
  });

  test('calls of HTTP/1.0', async () => {
    const { port } = await replica(createdOnceWhole('{}'));
    const answer = await exchange(port, [['', 'POST /containers/create HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}']]);
    expect(answer).toContain('201 Created');
    expect(answer).toMatch(/done$/);
  });

  test('the options of an exec without upgrade, and what follows, also at a second attempt', async () => {
    const { port, said } = await replica((got, socket) => {
      if (got.endsWith('{"Tty":true}'))
        socket.write('HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\nready');
      if (got.endsWith('input')) socket.end('heard');
    });
    const head = 'POST /exec/abc/start HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 12\r\n';
    const answer = await exchange(port, [
      ['', `${head}\r\n{"Tty":true}`],
      ['ready', 'input'],
    ]);
    expect(answer).toMatch(/200 OK[\s\S]*readyheard$/);
    expect(said()).toContain('{"Tty":true}');
  });

  test('nothing that says it has come through managers already', async () => {
    const { port, said } = await replica(() => undefined);
    for (const hops of ['2', '-7', 'x', '1, 1']) {
      const answer = await exchange(port, [
        [
          '',
          `POST /containers/prune HTTP/1.1\r\nEnxame-Hops: ${hops}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`,
        ],
      ]);
      expect(answer).toContain('503');
    }
    expect(said()).toBe('');
  });
});
