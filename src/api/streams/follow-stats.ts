import type { Container } from '../../cluster/container.ts';
import { LineSplitter } from '../../engine/line-splitter.ts';
import type { Call } from '../call.ts';
import { copyHeaders } from '../forwarding.ts';
import { openOnNode } from '../proxy.ts';
import { pipeAnswer } from '../relay.ts';
import { finish, writeAll } from './follow-logs.ts';
import { followCopies } from './resumed.ts';

/** A stream of stats of a container that may be moved: whole lines, under the ID that clients know. */
export async function followStats(call: Call, container: Container): Promise<void> {
  const { res } = call;
  const pathOf = (each: Container): string => `/containers/${each.engineId}/stats${call.search}`;
  const stream = await openOnNode(call, container.node, { path: pathOf(container) });
  try {
    const head = await stream.head(call.signal);
    if (head.statusCode !== 200) return await pipeAnswer(call, stream, head);
    copyHeaders(res, head);
    res.writeHead(200);
    res.flushHeaders();
    let lines = new Lines();
    const end = await followCopies(
      call,
      { container, body: stream.body(head) },
      {
        pathOf,
        begin: () => {
          lines = new Lines();
        },
        take: (chunk, { engineId, id }) => writeAll(res, lines.feed(chunk, engineId, id)),
      },
    );
    finish(res, end.how === 'ended' || end.exitCode !== undefined);
  } catch (error) {
    if (!res.headersSent) throw error;
    finish(res, call.signal.aborted);
  } finally {
    stream.destroy();
  }
}

/** The whole lines of a stream. */
class Lines {
  #whole: string[] = [];
  readonly #splitter = new LineSplitter((line) => this.#whole.push(line));

  feed(chunk: Buffer, engineId: string, id: string): Buffer {
    this.#splitter.feed(chunk);
    const text = this.#whole
      .splice(0)
      .map((line) => `${line}\n`)
      .join('');
    return Buffer.from(engineId === id ? text : text.replaceAll(engineId, id));
  }
}
