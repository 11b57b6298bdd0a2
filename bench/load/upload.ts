import { once } from 'node:events';
import { LoadClient } from './client.ts';
import type { Target } from './target.ts';

const PIECE: Buffer = Buffer.alloc(64 * 1024, 'u');
const FRAMED: Buffer = Buffer.concat([Buffer.from(`${PIECE.length.toString(16)}\r\n`), PIECE, Buffer.from('\r\n')]);

/** Sends `bytes` bytes (whole pieces of 64 KiB) with chunked framing, as clients send archives; answers the status. */
export async function upload(target: Target, path: string, bytes: number): Promise<number> {
  const client = new LoadClient(target);
  const head = `PUT /v1.44${path} HTTP/1.1\r\nHost: docker\r\nContent-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n`;
  const answer = client.request(head);
  try {
    // Whoever answers before the end has refused: then the race below ends the upload.
    await Promise.race([answer, pump(client, bytes)]);
    return (await answer).status;
  } finally {
    client.close();
  }
}

async function pump(client: LoadClient, bytes: number): Promise<void> {
  for (let left = bytes; left > 0; left -= PIECE.length) {
    if (!client.writeRaw(FRAMED)) await once(client.raw, 'drain');
  }
  client.writeRaw('0\r\n\r\n');
}
