import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { LoadClient } from './client.ts';
import { plainRequest } from './requests.ts';
import type { Target } from './target.ts';

/** A browser's session with the page of a manager. */
export interface PageSession {
  readonly port: number;
  readonly cookie: string;
  readonly token: string;
}

/** Asks the manager for a link to its page, and logs in with it. */
export async function logIn(manager: Target, port: number): Promise<PageSession> {
  const client = new LoadClient(manager);
  const { status, body } = await client.fetch(plainRequest('POST', '/enxame/v1/page/login'));
  client.close();
  if (status !== 200) throw new Error(`no link to the page: ${status} ${body.toString()}`);
  const link = String((JSON.parse(body.toString()) as { readonly path?: string }).path).split('#')[1];
  const headers = { 'Content-Type': 'application/json', Origin: `http://127.0.0.1:${port}` };
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path: '/api/v1/login', method: 'POST', headers }, (answer) => {
      const cookie = answer.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
      let text = '';
      answer.on('data', (piece) => {
        text += piece;
      });
      answer.on('end', () => resolve({ port, cookie, token: (JSON.parse(text) as { token: string }).token }));
    });
    asked.on('error', reject).end(JSON.stringify({ link }));
  });
}

const READY = 'event: ready\n';
const DELTA = 'event: delta\n';
/** No mark is longer: enough of the text before a cut to find one that was cut in two. */
const OVERLAP = READY.length - 1;

/** One client of the page's stream, which counts what it gets and understands nothing of it. Close it. */
export class PageViewer {
  readonly #socket: Socket;
  readonly #ready: Promise<void>;
  #onReady: () => void = () => undefined;
  #onFailure: (error: Error) => void = () => undefined;
  #text = '';
  #bytes = 0;
  #deltas = 0;

  constructor({ port, cookie, token }: PageSession) {
    this.#ready = new Promise((resolve, reject) => {
      this.#onReady = resolve;
      this.#onFailure = reject;
    });
    this.#ready.catch(() => undefined);
    this.#socket = connect({ host: '127.0.0.1', port, noDelay: true });
    const head = [`GET /api/v1/stream?token=${token} HTTP/1.1`, `Host: 127.0.0.1:${port}`, `Cookie: ${cookie}`];
    this.#socket.write(`${head.join('\r\n')}\r\n\r\n`);
    this.#socket.on('data', (piece) => this.#onData(piece));
    this.#socket.on('error', (error) => this.#onFailure(error));
    this.#socket.on('close', () => this.#onFailure(new Error('the manager closed the stream of the page')));
  }

  /** Resolves when the whole state is there. */
  ready(): Promise<void> {
    return this.#ready;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get deltas(): number {
    return this.#deltas;
  }

  close(): void {
    this.#socket.destroy();
  }

  #onData(piece: Buffer): void {
    this.#bytes += piece.length;
    const text = this.#text + piece.toString('latin1');
    if (text.includes(READY)) this.#onReady();
    for (let at = text.indexOf(DELTA); at >= 0; at = text.indexOf(DELTA, at + 1)) this.#deltas += 1;
    this.#text = text.slice(-OVERLAP);
  }
}
