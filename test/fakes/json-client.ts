import type { ApiVersion } from '../../src/engine/api-version.ts';
import type { EngineClient } from '../../src/engine/client.ts';
import { EngineAnswerError, type EngineRequest } from '../../src/engine/exchange.ts';

/** A client whose engine answers what `answer` returns, as JSON; an `EngineAnswerError` becomes the answer of that status. */
export function jsonClient(
  answer: (request: EngineRequest) => Promise<unknown>,
  newestApi: ApiVersion = '1.51',
): EngineClient {
  const request = async (asked: EngineRequest): Promise<unknown> => {
    try {
      return { statusCode: 200, rawHeaders: [], body: Buffer.from(JSON.stringify(await answer(asked))) };
    } catch (error) {
      if (!(error instanceof EngineAnswerError)) throw error;
      const body = Buffer.from(JSON.stringify({ message: error.message }));
      return { statusCode: error.status, rawHeaders: [], body };
    }
  };
  return { api: { min: '1.24', max: newestApi }, json: answer, request } as unknown as EngineClient;
}
