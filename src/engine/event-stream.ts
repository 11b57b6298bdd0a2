import { EngineError, reasonOf } from '../common/errors.ts';
import { answerError } from './answer-body.ts';
import type { EngineClient } from './client.ts';
import type { RawExchange } from './exchange.ts';
import { BodyReader } from './http/body-reader.ts';
import { LineSplitter } from './line-splitter.ts';

/** An open subscription to `GET /events` of one engine. */
export interface EventStream {
  /** Settles when the stream ended, with the reason; never rejects. */
  readonly ended: Promise<Error>;
  close(): void;
}

/**
 * Subscribes to an engine's events, within `timeoutMs`. Resolves once the engine accepted the subscription, so that a listing made
 * afterwards misses nothing. `onEvent` gets each message as the engine wrote it: 64-bit times survive only as text.
 */
export async function openEventStream(
  client: EngineClient,
  onEvent: (text: string) => void,
  timeoutMs: number,
): Promise<EventStream> {
  const exchange = await client.open({ method: 'GET', path: '/events', headers: {}, timeoutMs });
  if (exchange.statusCode !== 200) throw await refusal(client, exchange, timeoutMs);
  const lines = new LineSplitter(onEvent);
  const body = new BodyReader(exchange.framing, (data) => lines.feed(data));
  return { ended: pump(exchange, body), close: () => exchange.socket.destroy() };
}

async function refusal(client: EngineClient, exchange: RawExchange, timeoutMs: number): Promise<EngineError> {
  const error = await answerError(exchange, AbortSignal.timeout(timeoutMs)).catch((reason: unknown) => reason);
  return new EngineError(
    `subscribe to events of ${client.connector.address}: ${reasonOf(error)}`,
    'ENGINE_UNREACHABLE',
    error,
  );
}

function pump({ socket, rest }: RawExchange, body: BodyReader): Promise<Error> {
  return new Promise((resolve) => {
    const stop = (reason: Error): void => {
      socket.destroy();
      resolve(reason);
    };
    const onData = (bytes: Buffer): void => {
      try {
        body.feed(bytes);
        if (body.isWhole) stop(ended());
      } catch (error) {
        stop(error as Error);
      }
    };
    socket.on('data', onData);
    socket.once('end', () => stop(body.mayEndHere ? ended() : new Error('the engine cut its event stream short')));
    socket.once('error', stop);
    socket.once('close', () => stop(new Error('the connection was closed')));
    onData(rest);
    socket.resume();
  });
}

function ended(): Error {
  return new Error('the engine ended its event stream');
}
