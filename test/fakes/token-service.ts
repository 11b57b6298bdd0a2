import { request } from 'undici';
import { parseListenAddress } from '../../src/common/listen-address.ts';
import { silentLogger } from '../../src/common/logger.ts';
import { startTokenService, type TokenService, type TokenServiceOptions } from '../../src/discovery/service/service.ts';

/** Token services of one test file. */
export interface TokenServices {
  /** A quiet one on a free port that keeps nothing, unless the options say otherwise. */
  start(options?: Partial<TokenServiceOptions>): Promise<TokenService>;
  /** Closes those started so far. */
  close(): Promise<void>;
}

/** What a service answered. */
export interface Answer {
  readonly status: number;
  readonly text: string;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

/** Starts services with `defaults` and closes them together. */
export function tokenServices(defaults: Partial<TokenServiceOptions>): TokenServices {
  const started: TokenService[] = [];
  return {
    start: async (options) => {
      const listen = parseListenAddress('tcp://127.0.0.1:0');
      const service = await startTokenService({
        listen,
        stateFolder: undefined,
        logger: silentLogger(),
        ...defaults,
        ...options,
      });
      started.push(service);
      return service;
    },
    close: async () => {
      for (const service of started.splice(0)) await service.close();
    },
  };
}

/** One request and its whole answer. */
export async function call(
  url: string,
  method: 'GET' | 'POST' | 'PUT' | 'HEAD' | 'DELETE',
  body?: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await request(url, { method, headers, ...(body === undefined ? {} : { body }) });
  return { status: response.statusCode, text: await response.body.text(), headers: response.headers };
}

/** A new token of the service at `url`. */
export async function newToken(url: string): Promise<string> {
  return (await call(`${url}/clusters`, 'POST')).text;
}
