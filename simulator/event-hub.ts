/** One engine event, in Docker's own casing. */
export interface EngineEvent {
  readonly Type: string;
  readonly Action: string;
  readonly Actor: { readonly ID: string; readonly Attributes: Readonly<Record<string, string>> };
  readonly scope: 'local' | 'swarm';
  readonly time: number;
  readonly timeNano: number;
  readonly status?: string;
  readonly id?: string;
  readonly from?: string;
}

/** A subscriber gets the event and its line, serialised once for all. */
export type EventListener = (event: EngineEvent, line: string) => void;

/** Engines keep this many past events for `since`. */
const HISTORY_LENGTH = 256;

/** The events of one engine: a short history and live subscribers. */
export class EventHub {
  readonly #now: () => number;
  readonly #listeners = new Set<EventListener>();
  readonly #history: EngineEvent[] = [];
  #sequence = 0;

  /** @param now the engine's clock, milliseconds since the epoch */
  constructor(now: () => number) {
    this.#now = now;
  }

  get subscribers(): number {
    return this.#listeners.size;
  }

  /** Past events, oldest first. */
  get history(): readonly EngineEvent[] {
    return this.#history;
  }

  /** Records and delivers one event; container events carry the fields of API < 1.52 as well. */
  emit(type: string, action: string, id: string, attributes: Readonly<Record<string, string>> = {}): EngineEvent {
    const ms = this.#now();
    this.#sequence = (this.#sequence + 1) % 1_000_000;
    const legacy = type === 'container' ? { status: action, id, from: attributes.image ?? '' } : {};
    const event: EngineEvent = {
      ...legacy,
      Type: type,
      Action: action,
      Actor: { ID: id, Attributes: attributes },
      scope: 'local',
      time: Math.floor(ms / 1000),
      // Nanoseconds do not fit a double exactly; engines' consumers only need them to order events.
      timeNano: Math.floor(ms) * 1_000_000 + this.#sequence,
    };
    this.#history.push(event);
    if (this.#history.length > HISTORY_LENGTH) this.#history.shift();
    if (this.#listeners.size > 0) {
      const line = `${JSON.stringify(event)}\n`;
      for (const listener of this.#listeners) listener(event, line);
    }
    return event;
  }

  /** Returns the function that ends the subscription. */
  subscribe(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }
}
