import { connect } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { FakeEngine } from './fake-engine.ts';
import { compileTemplate } from './template.ts';

/** Requests of every framing; each answer names its request. */
const REQUESTS = [
  'GET /containers/a/json HTTP/1.1\r\nHost: x\r\n\r\n',
  'HEAD /_ping HTTP/1.1\r\nHost: x\r\n\r\n',
  'POST /containers/b/exec HTTP/1.1\r\nHost: x\r\nContent-Length: 12\r\n\r\n{"Cmd":["c"]',
  'POST /containers/create?name=d HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n6\r\n{"Imag\r\n7\r\ne":"x"}\r\n0\r\n\r\n',
  'DELETE /containers/e HTTP/1.1\r\nHost: x\r\n\r\n',
] as const;
const LAST = 'GET /containers/last/json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';

async function talk(address: string, pieces: readonly string[]): Promise<string> {
  const [host = '', port = ''] = address.split(':');
  const socket = connect({ host, port: Number(port), noDelay: true });
  for (const piece of pieces) await new Promise<void>((resolve) => socket.write(piece, () => setImmediate(resolve)));
  let text = '';
  for await (const chunk of socket) text += String(chunk);
  return text;
}

describe('Connection', () => {
  test('answers pipelined requests the same however they are cut', async () => {
    await using engine = await FakeEngine.start();
    const statuses = (text: string): string[] => text.match(/HTTP\/1\.1 \d+/g) ?? [];
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.constantFrom(...REQUESTS), { maxLength: 6 }),
        fc.array(fc.nat(), { maxLength: 4 }),
        async (requests, cuts) => {
          const wire = [...requests, LAST].join('');
          const edges = [0, ...cuts.map((cut) => cut % wire.length), wire.length].sort((a, b) => a - b);
          const pieces = edges.slice(1).map((edge, i) => wire.slice(edges[i], edge));
          const whole = await talk(engine.address, [wire]);
          for (const container of [...engine.state.containers.values()]) engine.state.remove(container);
          const cut = await talk(
            engine.address,
            pieces.filter((piece) => piece !== ''),
          );
          for (const container of [...engine.state.containers.values()]) engine.state.remove(container);
          expect(statuses(cut)).toEqual(statuses(whole));
          expect(statuses(cut)).toHaveLength(requests.length + 1);
        },
      ),
      { numRuns: 40 },
    );
  });

  test('crawls at the rate it is told', async () => {
    await using engine = await FakeEngine.start({ containers: 1 });
    await engine.apply({ kind: 'crawl', bytesPerSecond: 2000 });
    const startedAt = performance.now();
    const text = await talk(engine.address, ['GET /containers/json HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n']);
    // The lower bound only: a busy machine may be slower, but nothing makes it quicker.
    expect(performance.now() - startedAt).toBeGreaterThan(((text.length / 2000) * 1000) / 2);
  });

  test('a client that sends no HTTP is cut off', async () => {
    await using engine = await FakeEngine.start();
    const broken = 'POST /containers/create HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n';
    await expect(talk(engine.address, [broken]).catch(() => '')).resolves.toBe('');
    await expect.poll(() => engine.openConnections).toBe(0);
  });
});

describe('compileTemplate', () => {
  test('fills text and raw holes, also several times, and leaves everything else', () => {
    const fill = compileTemplate<'id' | 'labels'>({
      Id: '{{id}}',
      Path: '/x/{{id}}/y',
      Labels: '{{raw:labels}}',
      Fixed: [1, null],
    });
    expect(JSON.parse(fill({ id: 'abc', labels: '{"a":"b"}' }))).toEqual({
      Id: 'abc',
      Path: '/x/abc/y',
      Labels: { a: 'b' },
      Fixed: [1, null],
    });
  });
});
