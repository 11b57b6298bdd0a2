import type { IncomingMessage } from 'node:http';
import type { Node } from '../cluster/node.ts';
import { reasonOf } from '../common/errors.ts';
import { baseImages, findFile } from '../images/build-context.ts';
import type { BuildRequest } from '../images/build-request.ts';
import { acceptBody } from './body.ts';
import type { Call } from './call.ts';

/** How far into a context its Dockerfile is looked for, in bytes; so much is kept in memory meanwhile. */
const MAX_PEEK_BYTES = 16 * 1024 * 1024;

/**
 * Brings the images a Dockerfile builds on to the node that builds, as far as other nodes have them: an engine would ask
 * a registry. Nothing is taken from the request's body. Never rejects: what is missing the engine tells in its own words.
 */
export async function prepareBases(call: Call, node: Node, { dockerfile, args }: BuildRequest): Promise<void> {
  if (dockerfile === undefined) return;
  acceptBody(call);
  // Said once, not again by the reader of the body.
  delete call.req.headers.expect;
  const content = await peekFile(call.req, dockerfile);
  if (content === undefined) return;
  const { images } = call.services;
  await images.sessions.settle();
  for (const image of baseImages(content, args)) {
    if (!images.isKnown(image)) continue;
    try {
      await images.ensureOn(node, image, { signal: call.signal });
    } catch (error) {
      call.services.logger.warn(
        { node: node.name, image, reason: reasonOf(error) },
        'a base image is missing where it is built on',
      );
    }
  }
}

/** A file in the archive that a request's body is; the body is as before. Undefined when it is not in the first part. */
function peekFile(req: IncomingMessage, path: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let bytes = 0;
    let nextLookAt = 0;
    const look = (): string | undefined | 'more' => {
      const found = findFile(Buffer.concat(chunks), path, MAX_PEEK_BYTES);
      return found.kind === 'found' ? found.content : found.kind === 'absent' ? undefined : 'more';
    };
    const finish = (content: string | undefined): void => {
      req.off('readable', onReadable).off('close', onClose);
      // In the same turn as the last read: afterwards a body that was read whole would have ended.
      if (bytes > 0 && !req.destroyed) req.unshift(Buffer.concat(chunks));
      resolve(content);
    };
    const onClose = (): void => finish(undefined);
    const onReadable = (): void => {
      // Reading at the end would end the body.
      while (req.readableLength > 0) {
        const chunk = req.read() as Buffer | null;
        if (!chunk) break;
        chunks.push(chunk);
        bytes += chunk.length;
      }
      if (bytes < nextLookAt && !req.complete) return;
      nextLookAt = bytes * 2;
      const content = look();
      if (content !== 'more') finish(content);
      else if (req.complete || bytes >= MAX_PEEK_BYTES) finish(undefined);
    };
    req.on('readable', onReadable).once('close', onClose);
  });
}
