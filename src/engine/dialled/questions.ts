import type { ClientHttp2Session } from 'node:http2';
import { EngineError, reasonOf } from '../../common/errors.ts';
import { QUESTION_BYTES } from './carrier.ts';

/** What an agent answered to a question of the manager. */
export interface AgentAnswer {
  readonly status: number;
  /** Parsed JSON, of which nothing is known. */
  readonly body: unknown;
}

/** Puts one question to an agent over its session. Rejects when no whole answer comes before `signal` is aborted. */
export async function askAgent(
  session: ClientHttp2Session,
  path: string,
  question: unknown,
  signal: AbortSignal,
): Promise<AgentAnswer> {
  const asked = Buffer.from(JSON.stringify(question));
  if (asked.length > QUESTION_BYTES) throw new EngineError(`ask agent ${path}: more than ${QUESTION_BYTES} bytes`);
  try {
    const stream = session.request({ ':method': 'POST', ':path': path, ':authority': 'agent' }, { signal });
    const status = new Promise<number>((resolve, reject) => {
      stream.once('response', (headers) => resolve(Number(headers[':status'])));
      stream.once('error', reject);
      stream.once('close', () => reject(new Error('the connection of the agent ended')));
    });
    // Both fail together; the stream's own error is the one that is told.
    status.catch(() => undefined);
    stream.end(asked);
    const pieces: Buffer[] = [];
    let bytes = 0;
    for await (const piece of stream as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > QUESTION_BYTES) throw new Error(`the answer has more than ${QUESTION_BYTES} bytes`);
      pieces.push(piece);
    }
    return { status: await status, body: JSON.parse(Buffer.concat(pieces).toString()) };
  } catch (error) {
    throw new EngineError(`ask agent ${path}: ${reasonOf(error)}`, 'ENGINE_UNREACHABLE', error);
  }
}
