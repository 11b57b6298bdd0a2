import type { Container } from '../../cluster/container.ts';
import { reasonOf } from '../../common/errors.ts';
import type { Call } from '../call.ts';
import type { EngineStream } from '../engine-stream.ts';
import { openOnNode } from '../proxy.ts';
import type { StreamEnd } from './sequels.ts';

/** Streams of one copy in a row that brought nothing: then it is given up. */
const MOST_EMPTY = 5;

/** How the last stream of a container ended; with the exit code, where the manager knows how the container came to its end. */
export interface LastEnd {
  readonly how: StreamEnd;
  readonly exitCode: number | undefined;
}

/** What one stream of a container after the other is made of. */
export interface Resumption {
  /** The engine's path of the stream of a copy; `isSame`: it is of the same copy as the last one that was open. */
  readonly pathOf: (container: Container, isSame: boolean) => string;
  /** Such a stream is open, and its first bytes follow. */
  readonly begin: (isSame: boolean) => void;
  /** Hands on what comes; rejects when the client or the engine cannot go on. */
  readonly take: (chunk: Buffer, container: Container) => Promise<void>;
}

/**
 * Follows a stream of a container from copy to copy, after its first part, which is open, until the container has no more. Resolves with how it
 * ended; rejects when the client left.
 */
export async function followCopies(
  call: Call,
  first: { readonly container: Container; readonly body: AsyncIterable<Buffer> },
  { pathOf, begin, take }: Resumption,
): Promise<LastEnd> {
  const { sequels } = call.services;
  let { container, body }: { container: Container; body: AsyncIterable<Buffer> | undefined } = first;
  let stream: EngineStream | undefined;
  let openedId = container.engineId;
  let empty = 0;
  for (;;) {
    let hasData = false;
    const how = await drained(body, async (chunk) => {
      hasData = true;
      await take(chunk, container);
    });
    stream?.destroy();
    call.signal.throwIfAborted();
    const sequel = await sequels.after(container, how, call.signal);
    if (sequel.kind === 'over') return { how, exitCode: sequel.exitCode };
    if (endsAtMove(call, container, sequel.container)) return { how: 'ended', exitCode: undefined };
    const isSame = sequel.container.engineId === container.engineId;
    empty = isSame && !hasData ? empty + 1 : 0;
    if (empty > MOST_EMPTY) return { how: 'cut', exitCode: undefined };
    container = sequel.container;
    const isOpenedAgain = container.engineId === openedId;
    ({ stream, body } = await opened(call, container, pathOf(container, isOpenedAgain)));
    if (!stream) continue;
    openedId = container.engineId;
    begin(isOpenedAgain);
  }
}

/** Compose follows starts and reads each container's streams anew then: with what goes on here it would have everything twice. */
export function endsAtMove({ req }: Call, before: Container, after: Container): boolean {
  return before.engineId !== after.engineId && /^compose\//.test(req.headers['user-agent'] ?? '');
}

/** No body when the engine cannot be asked, or has nothing: that is judged as the end of a stream is. */
async function opened(
  call: Call,
  container: Container,
  path: string,
): Promise<{ readonly stream: EngineStream | undefined; readonly body: AsyncIterable<Buffer> | undefined }> {
  let stream: EngineStream | undefined;
  try {
    stream = await openOnNode(call, container.node, { path });
    const head = await stream.head(call.signal);
    if (head.statusCode === 200) return { stream, body: stream.body(head) };
  } catch (error) {
    call.signal.throwIfAborted();
    call.services.logger.debug(
      { container: container.name, reason: reasonOf(error) },
      'a stream was not taken up again',
    );
  }
  stream?.destroy();
  return { stream: undefined, body: undefined };
}

/** Takes all of a body; an error of `take` is passed on. */
async function drained(
  body: AsyncIterable<Buffer> | undefined,
  take: (chunk: Buffer) => Promise<void>,
): Promise<StreamEnd> {
  if (!body) return 'cut';
  let failure: unknown;
  try {
    for await (const chunk of body) {
      await take(chunk).catch((error: unknown) => {
        failure = error;
        throw error;
      });
    }
    return 'ended';
  } catch (error) {
    if (failure !== undefined) throw error;
    return 'cut';
  }
}
