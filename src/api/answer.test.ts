import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { waitUntil } from '../../test/fakes/wait.ts';
import { sendJsonBuffers } from './answer.ts';

const MIB = 1024 * 1024;
/** More than the kernel's buffers of a connection hold. */
const pages = Array.from({ length: 64 }, (_, i) => Buffer.alloc(MIB, String(i % 10)));

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

test('a listing is written no faster than it is read, and whole', async () => {
  let waiting = (): number => 0;
  const server = createServer((_req, res) => {
    waiting = () => res.writableLength;
    sendJsonBuffers(res, 200, [Buffer.alloc(0), ...pages]);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1');
  closing.push(
    () => client.destroy(),
    () => server.close(),
  );
  client.write('GET / HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n');
  await waitUntil(() => waiting() > 0);
  expect(waiting()).toBeLessThanOrEqual(2 * MIB);
  const received: Buffer[] = [];
  for await (const piece of client) received.push(piece as Buffer);
  const answer = Buffer.concat(received);
  expect(answer.subarray(answer.indexOf('\r\n\r\n') + 4).equals(Buffer.concat(pages))).toBe(true);
});
