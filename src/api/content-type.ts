import type { IncomingMessage } from 'node:http';
import { BadRequestError } from '../common/errors.ts';

/**
 * Refuses a JSON body that is not called so, as engines do and in their words: what a web page can send to other sites unasked is
 * never called JSON. Without a body no type is fine too.
 */
export function requireJson(req: IncomingMessage): void {
  const type = req.headers['content-type'] ?? '';
  if (type === '' && !hasBody(req)) return;
  const media = /^\s*([^\s;]+\/[^\s;]+)\s*(;|$)/.exec(type)?.[1];
  if (media === undefined) {
    throw new BadRequestError(`malformed Content-Type header (${type}): mime: no media type`, 'BAD_CONTENT_TYPE');
  }
  if (media.toLowerCase() !== 'application/json') {
    throw new BadRequestError(
      `unsupported Content-Type header (${type}): must be 'application/json'`,
      'BAD_CONTENT_TYPE',
    );
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
