import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { FakeClock } from '../../test/fakes/fake-clock.ts';
import { TcpWitness } from './witness.ts';

const { signal } = new AbortController();
const server = createServer((socket) => socket.destroy());
afterEach(() => server.close());

async function witness(connectMs: number): Promise<{ answers: Promise<boolean>; clock: FakeClock }> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const clock = new FakeClock();
  return { answers: new TcpWitness({ host: '127.0.0.1', port }, clock, connectMs).answers(signal), clock };
}

/** Lets the pauses between connections pass until it is decided. */
async function decided(answers: Promise<boolean>, clock: FakeClock): Promise<boolean> {
  let answer: boolean | undefined;
  void answers.then((found) => {
    answer = found;
  });
  while (answer === undefined) {
    clock.advance(300);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return answer;
}

test('a server that accepts connections answers', async () => {
  const { answers, clock } = await witness(60_000);
  expect(await decided(answers, clock)).toBe(true);
});

test('so it does for a process that had no time to run: the connection was there before the limit', async () => {
  const { answers, clock } = await witness(200);
  const endMs = performance.now() + 1_000;
  while (performance.now() < endMs);
  expect(await decided(answers, clock)).toBe(true);
});

test('where nobody listens it does not', async () => {
  const { answers, clock } = await witness(60_000);
  const { port } = server.address() as AddressInfo;
  await decided(answers, clock);
  server.close();
  const gone = new TcpWitness({ host: '127.0.0.1', port }, clock, 60_000);
  expect(await decided(gone.answers(signal), clock)).toBe(false);
});
