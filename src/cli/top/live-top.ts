import type { ContainerUsage, LatestStats } from '../../api/routes/stats.ts';
import type { Clock } from '../../common/clock.ts';
import { reasonOf } from '../../common/errors.ts';
import { printable } from '../../common/printable.ts';
import type { Timer } from '../../common/timer.ts';
import { logLines } from '../logs/log-lines.ts';
import type { ManagerClient } from '../manager-client.ts';
import type { Terminal } from '../terminal.ts';
import { containerRoom, type ScreenSize, topScreen } from './screen.ts';
import { FIRST_STATE, keysOf, onKey, type TopState } from './state.ts';

export interface LiveTopDeps {
  readonly client: ManagerClient;
  readonly terminal: Terminal;
  readonly clock: Clock;
  readonly env: ScreenSize['env'];
}

/** The other screen, no cursor, no wrapping of long lines; and back. */
const ENTER = '\u001b[?1049h\u001b[?25l\u001b[?7l';
const LEAVE = '\u001b[?7h\u001b[?25h\u001b[?1049l';
/** Lines of a log that are kept. */
const MOST_LOG_LINES = 500;
const LOG_TAIL = 200;

/** The live view: asks the manager every so often, and shows what it said until the next answer. */
export class LiveTop {
  readonly #deps: LiveTopDeps;
  readonly #intervalMs: number;
  readonly #signal: AbortSignal;
  readonly #timer: Timer;
  #state: TopState;
  #stats: LatestStats | undefined;
  #shown: readonly ContainerUsage[] = [];
  #log: AbortController | undefined;
  #isAsking = false;
  #isDue = false;
  #drawn = '';
  #leave: () => void = () => undefined;

  /** `first` is what is shown at first; the signal ends the view. */
  constructor(deps: LiveTopDeps, first: Partial<TopState>, intervalMs: number, signal: AbortSignal) {
    this.#deps = deps;
    this.#state = { ...FIRST_STATE, ...first };
    this.#intervalMs = intervalMs;
    this.#signal = signal;
    this.#timer = deps.clock.timer(() => this.#ask());
  }

  /** Resolves when a person leaves it; the terminal is as it was then. */
  async run(): Promise<void> {
    const { terminal } = this.#deps;
    const left = new Promise<void>((resolve) => {
      this.#leave = resolve;
    });
    const onAbort = (): void => this.#leave();
    this.#signal.addEventListener('abort', onAbort, { once: true });
    if (this.#signal.aborted) onAbort();
    terminal.write(ENTER);
    const release = terminal.take(
      (text) => this.#onKeys(text),
      () => this.#draw(true),
    );
    try {
      this.#draw(true);
      this.#ask();
      await left;
    } finally {
      this.#timer.stop();
      this.#log?.abort();
      this.#signal.removeEventListener('abort', onAbort);
      release();
      terminal.write(LEAVE);
    }
  }

  #onKeys(text: string): void {
    for (const key of keysOf(text)) {
      const [state, action] = onKey(this.#state, key, this.#shown.length);
      this.#state = state;
      if (action === 'leave') return this.#leave();
      if (action === 'ask') this.#ask();
      if (action === 'open-log') this.#openLog();
      if (action === 'close-log') this.#log?.abort();
    }
    this.#draw();
  }

  /** Asks at once; while an answer is awaited, right after it. */
  #ask(): void {
    this.#timer.stop();
    if (this.#isAsking) {
      this.#isDue = true;
      return;
    }
    this.#isAsking = true;
    void this.#update().finally(() => {
      this.#isAsking = false;
      const isDue = this.#isDue;
      this.#isDue = false;
      if (isDue) this.#ask();
      else this.#timer.start(this.#intervalMs);
    });
  }

  /** Never rejects: why there is no answer is shown. */
  async #update(): Promise<void> {
    if (this.#state.isHeld) return;
    const { sort, search } = this.#state;
    const limit = String(Math.min(1_000, this.#deps.terminal.size().rows));
    try {
      const query = new URLSearchParams({ sort, search, limit });
      const stats = await this.#deps.client.get<LatestStats>(`/enxame/v1/stats?${query}`, this.#signal);
      this.#stats = stats;
      this.#state = { ...this.#state, note: '' };
    } catch (error) {
      this.#state = { ...this.#state, note: reasonOf(error) };
    }
    this.#draw();
  }

  #draw(isWhole: boolean = false): void {
    const { terminal, env } = this.#deps;
    const size = { ...terminal.size(), env };
    const stats = this.#stats && searched(this.#stats, this.#state.search);
    const containers = stats?.containers ?? [];
    this.#shown = containers.slice(0, containerRoom(size.rows, this.#stats?.nodes.length ?? 0));
    const selected = Math.max(0, Math.min(this.#state.selected, this.#shown.length - 1));
    this.#state = { ...this.#state, selected };
    const lines = topScreen(this.#state, stats, size);
    const drawn = `\u001b[H${lines.map((line) => `${line}\u001b[K`).join('\r\n')}`;
    if (drawn === this.#drawn && !isWhole) return;
    this.#drawn = drawn;
    terminal.write(isWhole ? `\u001b[2J${drawn}` : drawn);
  }

  #openLog(): void {
    const container = this.#shown[this.#state.selected];
    if (!container) return;
    this.#log?.abort();
    const log = new AbortController();
    this.#log = log;
    this.#state = { ...this.#state, logOf: `${container.node}/${container.name}` };
    void this.#readLog(container, AbortSignal.any([log.signal, this.#signal]));
  }

  /** Never rejects. */
  async #readLog({ id }: ContainerUsage, signal: AbortSignal): Promise<void> {
    const { client } = this.#deps;
    const path = `/containers/${id}`;
    const show = (text: string): void => {
      if (signal.aborted) return;
      this.#state = { ...this.#state, log: [...this.#state.log, printable(text)].slice(-MOST_LOG_LINES) };
      this.#draw();
    };
    try {
      const details = await client.get<{ readonly Config?: { readonly Tty?: boolean } }>(`${path}/json`, signal);
      const query = `stdout=1&stderr=1&timestamps=1&follow=1&tail=${LOG_TAIL}`;
      const bytes = await client.stream(`${path}/logs?${query}`, signal);
      for await (const { text } of logLines(bytes, details.Config?.Tty === true)) show(text);
      show('(the log has ended)');
    } catch (error) {
      show(`(${reasonOf(error)})`);
    }
  }
}

/** As the manager searches, until its answer is there. */
function searched(stats: LatestStats, search: string): LatestStats {
  if (search === '') return stats;
  const words = search.toLowerCase();
  const isMeant = ({ node, name, image }: ContainerUsage): boolean =>
    `${node}/${name} ${image}`.toLowerCase().includes(words);
  return { ...stats, containers: stats.containers.filter(isMeant) };
}
