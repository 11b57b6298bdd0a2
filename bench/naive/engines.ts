import { Agent, type IncomingMessage, request } from 'node:http';

const TIMEOUT_MS = 1000;

/** One answer of one engine, read whole. */
export interface EngineAnswer {
  readonly status: number;
  readonly body: string;
}

/** Calls to a list of engines, without any memory of them. */
export class Engines {
  readonly addresses: readonly string[];
  readonly #agent = new Agent({ keepAlive: true });
  #turn = 0;

  constructor(addresses: readonly string[]) {
    this.addresses = addresses;
  }

  /** The next engine in turn. */
  next(): string {
    this.#turn = (this.#turn + 1) % this.addresses.length;
    return this.addresses[this.#turn] ?? '';
  }

  /** Asks one engine; undefined when it does not answer in time. */
  async get(address: string, path: string): Promise<EngineAnswer | undefined> {
    try {
      const response = await this.open(address, 'GET', path, {}, TIMEOUT_MS);
      let body = '';
      for await (const chunk of response) body += String(chunk);
      return { status: response.statusCode ?? 0, body };
    } catch {
      return undefined;
    }
  }

  /** Asks all engines at once. */
  getAll(path: string): Promise<(EngineAnswer | undefined)[]> {
    return Promise.all(this.addresses.map((address) => this.get(address, path)));
  }

  /** The engine that has a container; asks them all. */
  async holderOf(container: string): Promise<string | undefined> {
    const answers = await this.getAll(`/containers/${container}/json`);
    return this.addresses[answers.findIndex((answer) => answer?.status === 200)];
  }

  /** Starts a request; resolves with the head of its answer. @param timeoutMs 0 waits for ever */
  open(
    address: string,
    method: string,
    path: string,
    headers: NodeJS.Dict<string | string[]>,
    timeoutMs: number,
    body?: NodeJS.ReadableStream,
  ): Promise<IncomingMessage> {
    const [host = '', port = ''] = address.split(':');
    return new Promise((resolve, reject) => {
      const outgoing = request({ host, port, method, path, headers, agent: this.#agent, timeout: timeoutMs }, resolve);
      outgoing.on('error', reject);
      outgoing.on('timeout', () => outgoing.destroy(new Error('timeout')));
      if (body === undefined) outgoing.end();
      else body.pipe(outgoing);
    });
  }
}
