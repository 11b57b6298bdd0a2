import type { Container } from '../../cluster/container.ts';
import { reasonOf } from '../../common/errors.ts';
import type { Call } from '../call.ts';
import type { EngineStream } from '../engine-stream.ts';
import { copyHeaders } from '../forwarding.ts';
import { openOnNode } from '../proxy.ts';

/**
 * `wait`: answers when the container has ended, which the end of a copy in a move is not. `docker run` waits before it starts the container and
 * reads the head of this answer first, so it must not be held back. When the node is lost for good meanwhile the body says so.
 */
export async function waitAcrossMoves(call: Call, first: Container): Promise<void> {
  const { res, services } = call;
  let container = first;
  let stream: EngineStream | undefined;
  try {
    for (;;) {
      const answer = await oneWait(call, container, (opened) => {
        stream = opened;
      });
      stream?.destroy();
      const sequel = await services.sequels.after(
        container,
        answer.failure === undefined ? 'ended' : 'cut',
        call.signal,
      );
      if (sequel.kind === 'over') {
        if (answer.failure === undefined) await showStopped(call, container);
        res.end(answer.failure === undefined ? answer.body : lastWord(container, sequel.exitCode, answer.failure));
        return;
      }
      container = sequel.container;
    }
  } catch (error) {
    if (!res.headersSent) throw error;
    res.end(lost(container, error));
  } finally {
    stream?.destroy();
  }
}

interface WaitAnswer {
  readonly body: Buffer;
  readonly failure?: unknown;
}

/** One copy's end. Rejects when not even the head of the first answer came. */
async function oneWait(
  call: Call,
  container: Container,
  onOpened: (stream: EngineStream) => void,
): Promise<WaitAnswer> {
  const { res } = call;
  const chunks: Buffer[] = [];
  try {
    const path = `/containers/${container.engineId}/wait${call.search}`;
    const stream = await openOnNode(call, container.node, { path });
    onOpened(stream);
    const head = await stream.head(call.signal);
    if (!res.headersSent) {
      copyHeaders(res, head);
      res.writeHead(head.statusCode);
      res.flushHeaders();
    }
    for await (const chunk of stream.body(head)) chunks.push(chunk as Buffer);
    return { body: Buffer.concat(chunks) };
  } catch (error) {
    call.signal.throwIfAborted();
    if (!res.headersSent) throw error;
    return { body: Buffer.alloc(0), failure: error };
  }
}

/** Who waited for the end and then lists finds it. */
async function showStopped({ services }: Call, { node, engineId }: Container): Promise<void> {
  await node.refreshStopped(engineId).catch((error: unknown) => {
    services.logger.debug({ node: node.name, reason: reasonOf(error) }, 'listing after a wait failed');
  });
}

function lastWord(container: Container, exitCode: number | undefined, failure: unknown): string {
  return exitCode === undefined ? lost(container, failure) : `{"StatusCode":${exitCode}}\n`;
}

/** Plain text where JSON is awaited: Go's client makes an error of it, and takes any status in JSON for the container's own. */
function lost(container: Container, error: unknown): string {
  return `node ${container.node.name} was lost while waiting for container ${container.name}: ${reasonOf(error)}\n`;
}
