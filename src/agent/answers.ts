import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2';
import { reasonOf } from '../common/errors.ts';
import { QUESTION_BYTES } from '../engine/dialled/carrier.ts';

/** What an agent answers its manager beside carrying calls to the engine, by path: JSON for JSON. A rejection is answered with its reason. */
export type Answers = ReadonlyMap<string, (question: unknown) => Promise<unknown>>;

/** Answers one question of the manager; 404 for what this agent knows nothing about. Never rejects. */
export async function answerManager(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  answers: Answers,
): Promise<void> {
  const answer = headers[':method'] === 'POST' ? answers.get(String(headers[':path'])) : undefined;
  if (!answer) return send(stream, 404, { message: 'this agent knows nothing about that' });
  try {
    const text = await textOf(stream);
    send(stream, 200, await answer(JSON.parse(text)));
  } catch (error) {
    send(stream, 500, { message: reasonOf(error) });
  }
}

function send(stream: ServerHttp2Stream, status: number, body: unknown): void {
  if (stream.destroyed || stream.headersSent) return;
  stream.respond({ ':status': status, 'content-type': 'application/json' });
  // As bytes: see `writingBytes` at the other end.
  stream.end(Buffer.from(JSON.stringify(body)));
}

async function textOf(stream: ServerHttp2Stream): Promise<string> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of stream as AsyncIterable<Buffer>) {
    bytes += piece.length;
    if (bytes > QUESTION_BYTES) throw new Error(`the manager asks with more than ${QUESTION_BYTES} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}
