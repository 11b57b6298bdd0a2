import { EngineError } from '../common/errors.ts';
import { answerError } from '../engine/answer-body.ts';
import type { EngineClient } from '../engine/client.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import { failureOf, type JsonMessage, messagesOf } from './json-messages.ts';

/** What to pull, as the Engine API has it. */
export interface PullRequest {
  /** Query of `POST /images/create`. */
  readonly query: URLSearchParams;
  /** `X-Registry-Auth`, if the client sent one. */
  readonly registryAuth?: string | undefined;
}

export interface PullOptions {
  readonly signal: AbortSignal;
  readonly onMessage?: ((message: JsonMessage) => void) | undefined;
}

/**
 * Has one engine pull. Resolves when the engine is done; rejects with the engine's own message, also when it came after
 * the progress began.
 */
export async function pullOn(client: EngineClient, request: PullRequest, options: PullOptions): Promise<void> {
  const { signal, onMessage } = options;
  const exchange = await client.open({
    method: 'POST',
    path: `/images/create?${request.query}`,
    headers: {
      'Content-Length': '0',
      Connection: 'close',
      ...(request.registryAuth ? { 'X-Registry-Auth': request.registryAuth } : {}),
    },
    signal,
  });
  if (exchange.statusCode >= 400) throw await answerError(exchange, signal);
  for await (const message of messagesOf(exchange, signal)) {
    const failure = failureOf(message);
    if (failure !== undefined) throw new EngineAnswerError(failure, statusFor(failure));
    onMessage?.(message);
  }
}

/** An error in the stream has no status; the words for what a registry does not have get the one engines use before it. */
function statusFor(failure: string): number {
  return /not found|manifest unknown|does not exist|no such/i.test(failure) ? 404 : 500;
}

/** True for what the engine said, false when it could not be reached. */
export function isAnswer(error: unknown): error is EngineAnswerError {
  return error instanceof EngineError && error.code === 'ENGINE_ANSWER';
}
