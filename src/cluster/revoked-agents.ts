import type { Clock } from '../common/clock.ts';
import { Emitter } from '../common/emitter.ts';
import { type RecordFormat, RecordView, type RecordViewDeps } from '../kv/record-view.ts';

/** That an agent may dial no manager any more. */
export interface Revocation {
  /** RFC 3339. */
  readonly since: string;
}

const FORMAT: RecordFormat<Revocation> = { read: parse, write: (revocation) => JSON.stringify(revocation) };

/** Agents that may dial no manager, by name: durable, and the same for all managers of a cluster. */
export class RevokedAgents {
  readonly #view: RecordView<Revocation>;
  readonly #clock: Clock;
  readonly #news: Emitter<string>;

  private constructor(view: RecordView<Revocation>, clock: Clock, news: Emitter<string>) {
    this.#view = view;
    this.#clock = clock;
    this.#news = news;
  }

  static async open(deps: RecordViewDeps): Promise<RevokedAgents> {
    const news = new Emitter<string>((error) => deps.logger.error({ err: error }, 'a listener of revocations failed'));
    const view = await RecordView.open(deps, FORMAT, (id, after) => {
      if (after) news.emit(id);
    });
    return new RevokedAgents(view, deps.clock, news);
  }

  list(): readonly ({ readonly id: string } & Revocation)[] {
    return [...this.#view.keys()].flatMap((id) => ({ id, ...(this.#view.get(id) ?? { since: '' }) }));
  }

  has(id: string): boolean {
    return this.#view.has(id);
  }

  /** Tells of each agent that is revoked from now on, here or at another manager. Returns what ends it. */
  subscribe(listener: (id: string) => void): () => void {
    return this.#news.subscribe(listener);
  }

  /** Resolves when it is durable and counts. Rejects when it cannot be written. */
  async revoke(id: string): Promise<void> {
    if (!this.has(id)) await this.#view.put(id, { since: new Date(this.#clock.now()).toISOString() });
  }

  /** Takes it back; no failure when there is nothing to take back. Rejects when it cannot be written. */
  async allow(id: string): Promise<void> {
    await this.#view.delete(id);
  }
}

function parse(text: string): Revocation | undefined {
  try {
    const { since } = JSON.parse(text) as Partial<Revocation>;
    return { since: since ?? '' };
  } catch {
    return undefined;
  }
}
