import type { Socket } from 'node:net';
import { endOfHead } from '../../simulator/http/head.ts';
import { SERIAL_ATTRIBUTE } from '../fleet/command.ts';
import { plainRequest } from './requests.ts';
import { open, type Target } from './target.ts';

const MARK = `"${SERIAL_ATTRIBUTE}":"`;
const TIME_MARK = '"timeNano":';
/** Enough of the text before a cut to find a mark that was cut in two. */
const OVERLAP = 4096;

/** One client of `GET /events` that notes which numbered events it got. Close it. */
export class EventSubscriber {
  readonly #socket: Socket;
  readonly #seen = new Set<number>();
  readonly #latenciesMs: number[] = [];
  #duplicates = 0;
  #text = '';
  #ended = false;

  private constructor(socket: Socket) {
    this.#socket = socket;
    // How the other side leaves does not matter here, only whether.
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.#ended = true;
    });
    socket.on('end', () => socket.end());
  }

  /** Connects; resolves when the head of the answer is there, so that nothing emitted from now on may be missing. */
  static async open(target: Target): Promise<EventSubscriber> {
    const socket = open(target);
    const subscriber = new EventSubscriber(socket);
    socket.write(plainRequest('GET', '/events'));
    await subscriber.#readHead();
    socket.on('data', (chunk: Buffer) => subscriber.#onData(chunk));
    return subscriber;
  }

  /** Different events received. */
  get received(): number {
    return this.#seen.size;
  }

  get duplicates(): number {
    return this.#duplicates;
  }

  /** The other side ended the stream. */
  get ended(): boolean {
    return this.#ended;
  }

  /** From the engine's time stamp to here, by millisecond clocks of one machine. */
  get latenciesMs(): readonly number[] {
    return this.#latenciesMs;
  }

  /** Stops reading, as a client does that is too slow. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    this.#socket.destroy();
  }

  #readHead(): Promise<void> {
    return new Promise((resolve, reject) => {
      const onData = (chunk: Buffer): void => {
        if (endOfHead(chunk) < 0) return;
        this.#socket.off('data', onData);
        resolve();
      };
      this.#socket.on('data', onData);
      this.#socket.on('close', () => reject(new Error('the manager closed the event stream at once')));
    });
  }

  /** Searches text, not JSON: a hundred subscribers share this process with the rest of the load. */
  #onData(chunk: Buffer): void {
    const text = this.#text + chunk.toString('latin1');
    const now = Date.now();
    let from = 0;
    for (let at = text.indexOf(MARK); at >= 0; at = text.indexOf(MARK, from)) {
      const end = text.indexOf('"', at + MARK.length);
      if (end < 0) break;
      this.#note(Number(text.slice(at + MARK.length, end)));
      this.#noteLatency(text, end, now);
      from = end;
    }
    this.#text = text.slice(Math.max(from, text.length - OVERLAP));
  }

  #note(serial: number): void {
    if (this.#seen.has(serial)) this.#duplicates += 1;
    else this.#seen.add(serial);
  }

  #noteLatency(text: string, from: number, now: number): void {
    const at = text.indexOf(TIME_MARK, from);
    if (at < 0) return;
    const emittedAt = Number.parseInt(text.slice(at + TIME_MARK.length, at + TIME_MARK.length + 19), 10) / 1e6;
    this.#latenciesMs.push(Math.max(0, now - emittedAt));
  }
}
