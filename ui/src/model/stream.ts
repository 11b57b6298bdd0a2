import type { Bye, StreamMessages } from '../../../src/page/protocol.ts';
import { addressOf, ask, PageFault, token } from './session.ts';
import type { Swarm } from './swarm.ts';

/**
 * `gone`: the manager does not answer, and is asked again. `login`: there is no session. `old`: the page is of another version than the
 * manager. `full`: there are too many viewers, and it is tried again.
 */
export type Link = 'connecting' | 'live' | 'gone' | 'login' | 'old' | 'full';

/** The version of the protocol that this page speaks. */
export const PROTOCOL = 1;

const FIRST_RETRY_MS = 500;
const MOST_RETRY_MS = 5_000;
/** After so long without a message it is asked whether the manager is there: a connection may die without a word. */
const SILENCE_MS = 30_000;
const CHECK_MS = 5_000;

/** Keeps one stream of changes open and the swarm up to date; there is one per page. */
export class Stream {
  link: Link = 'connecting';
  /** What the manager said when it ended the stream. */
  message = '';
  /** When the manager was last heard; milliseconds since the epoch. */
  heardAt: number = Date.now();
  readonly #swarm: Swarm;
  readonly #onChange: () => void;
  #source: EventSource | undefined;
  #retryMs = FIRST_RETRY_MS;
  #timer: number | undefined;
  #bye: Bye | undefined;

  constructor(swarm: Swarm, onChange: () => void) {
    this.#swarm = swarm;
    this.#onChange = onChange;
    const hurry = (): void => {
      if (this.link === 'gone' && !this.#source) void this.#tryAgain();
    };
    // A phone that wakes up need not wait.
    document.addEventListener('visibilitychange', () => document.visibilityState === 'visible' && hurry());
    window.addEventListener('online', hurry);
    setInterval(() => void this.#checkSilence(), CHECK_MS);
  }

  open(): void {
    this.close();
    if (token() === null) return this.#be('login');
    const query = new URLSearchParams({ token: token() ?? '' });
    const source = new EventSource(`${addressOf('stream')}?${query}`);
    this.#source = source;
    this.#bye = undefined;
    this.#listen(source);
    source.addEventListener('error', () => {
      if (this.#source !== source) return;
      // The browser connects again by itself, and says where it was; not after an answer that is no stream.
      if (source.readyState === EventSource.CONNECTING) this.#be('gone');
      else this.#lose();
    });
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#source?.close();
    this.#source = undefined;
  }

  #listen(source: EventSource): void {
    const swarm = this.#swarm;
    const on = <K extends keyof StreamMessages>(kind: K, take: (data: StreamMessages[K]) => void): void => {
      source.addEventListener(kind, (event) => {
        this.heardAt = Date.now();
        take(JSON.parse(event.data) as StreamMessages[K]);
      });
    };
    on('hello', (hello) => {
      if (hello.protocol !== PROTOCOL) {
        this.close();
        return this.#be('old');
      }
      swarm.takeHello(hello);
      this.#retryMs = FIRST_RETRY_MS;
      if (hello.resumed) this.#be('live');
    });
    on('nodes', (rows) => swarm.takeNodes(rows));
    on('containers', (rows) => swarm.takeContainers(rows));
    on('ready', (ready) => {
      swarm.takeReady(ready);
      this.#be('live');
    });
    on('delta', (delta) => swarm.takeDelta(delta));
    on('bye', (bye) => {
      this.#bye = bye;
      this.message = bye.message;
      this.#lose();
    });
  }

  /** Asks again later, or says why that is of no use. */
  #lose(): void {
    this.close();
    const bye = this.#bye;
    if (bye?.why === 'session') return this.#be('login');
    this.#be(bye?.why === 'full' ? 'full' : 'gone');
    if (bye?.retryMs === null) return;
    this.#timer = window.setTimeout(() => void this.#tryAgain(), bye?.retryMs ?? this.#retryMs);
    this.#retryMs = Math.min(MOST_RETRY_MS, this.#retryMs * 1.6);
  }

  /** An `EventSource` does not say why it failed: a call does. */
  async #tryAgain(): Promise<void> {
    try {
      await ask('session', AbortSignal.timeout(5_000));
      this.open();
    } catch (error) {
      if (error instanceof PageFault && error.status === 401) return this.#be('login');
      this.#bye = undefined;
      this.#lose();
    }
  }

  async #checkSilence(): Promise<void> {
    if (this.link !== 'live' || Date.now() - this.heardAt < SILENCE_MS) return;
    const before = this.heardAt;
    try {
      await ask('session', AbortSignal.timeout(CHECK_MS));
      this.heardAt = Date.now();
    } catch {
      if (this.heardAt === before) this.#lose();
    }
  }

  #be(link: Link): void {
    if (link === this.link) return;
    this.link = link;
    this.#onChange();
  }
}
