import type { Duplex } from 'node:stream';
import { abortedOf, onAbort } from '../../common/abort.ts';
import { EngineError, reasonOf } from '../../common/errors.ts';
import { CLOSED_UNANSWERED, type Expected, HeadReader, type ResponseHead } from './response-head.ts';

/** Reads one response head; rejects when one of the signals is aborted. The stream is left paused right behind the head. */
export function readResponseHead(
  stream: Duplex,
  expected: Expected,
  ...signals: readonly (AbortSignal | undefined)[]
): Promise<ResponseHead> {
  return new Promise((resolve, reject) => {
    const reader = new HeadReader(expected);
    const finish = (action: () => void): void => {
      stream.off('data', onData).off('end', onEnd).off('error', onError).off('close', onEnd);
      forget();
      action();
    };
    const onData = (chunk: Buffer): void => {
      try {
        const head = reader.feed(chunk);
        if (!head) return;
        stream.pause();
        finish(() => resolve(head));
      } catch (error) {
        finish(() => reject(error));
      }
    };
    const onEnd = (): void =>
      finish(() => reject(new EngineError('the engine closed the connection before it answered', CLOSED_UNANSWERED)));
    const onError = (error: Error): void =>
      finish(() => reject(new EngineError(`read from the engine: ${reasonOf(error)}`, undefined, error)));
    const aborted = abortedOf(signals);
    if (aborted) return reject(aborted.reason);
    const forget = onAbort(signals, (reason) => finish(() => reject(reason)));
    stream.on('data', onData).on('end', onEnd).on('error', onError).on('close', onEnd);
    stream.resume();
  });
}
