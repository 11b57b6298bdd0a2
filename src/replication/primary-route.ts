import type { Clock } from '../common/clock.ts';
import { ClusterError, EngineError, reasonOf } from '../common/errors.ts';
import { NEWEST_API, OLDEST_API } from '../engine/api-version.ts';
import { EngineClient } from '../engine/client.ts';
import type { Connector } from '../engine/connectors/connector.ts';
import type { Election, ManagerName } from './election.ts';
import { Unanswered } from './unanswered.ts';

export interface PrimaryRouteDeps {
  readonly election: Pick<Election, 'primary' | 'self' | 'subscribe'>;
  /** Whether this manager does what the primary does. */
  readonly isPrimary: () => boolean;
  /** How the manager at `host:port` is reached. */
  readonly connect: (advertise: string) => Promise<Connector>;
  readonly clock: Clock;
}

/** How long calls wait for a primary, in milliseconds: longer than it takes to elect one. */
const PATIENCE_MS = 20_000;
/** Between two looks while there is none. */
const LOOK_MS = 50;
/** After a change that went through here, reads go the same way for as long, in milliseconds: this manager’s own model may not have seen it yet. */
const FRESH_MS = 3_000;
/** How long one that is not the primary any more may take to answer what it was sent, in milliseconds. */
const LAST_ANSWERS_MS = 2_000;

interface KnownPrimary {
  readonly name: ManagerName;
  /** The same for all calls, those too that come while it is made. */
  readonly client: Promise<EngineClient>;
  readonly unanswered: Unanswered;
}

/** The way of calls from this manager to the primary. */
export class PrimaryRoute {
  readonly #deps: PrimaryRouteDeps;
  #known: KnownPrimary | undefined;
  #changing = 0;
  #freshUntilMs = 0;

  constructor(deps: PrimaryRouteDeps) {
    this.#deps = deps;
    deps.election.subscribe(() => this.#leave());
  }

  /** Names this manager to the ones that it forwards to. */
  get self(): string {
    return this.#deps.election.self.advertise;
  }

  /** `host:port` of the primary, as far as the store told last. */
  get primary(): string | undefined {
    return this.#deps.election.primary?.advertise;
  }

  get isPrimary(): boolean {
    return this.#deps.isPrimary();
  }

  /** Whether a read would miss a change that a client of this manager just made. */
  get isBehind(): boolean {
    return this.#changing > 0 || this.#deps.clock.now() < this.#freshUntilMs;
  }

  /**
   * Notes a change that goes through here. The returned function is called when it is done. One that may go on for days (a stream, a wait) counts
   * at its end alone: reads would be the primary's for as long.
   */
  beginChange(isLong: boolean): () => void {
    const weight = isLong ? 0 : 1;
    this.#changing += weight;
    return () => {
      this.#changing -= weight;
      this.#freshUntilMs = this.#deps.clock.now() + FRESH_MS;
    };
  }

  /**
   * To be called before a change that another manager sent here is sent on: while this one was suspended the sender gave the change up, and its
   * client may have asked again. Rejects with the reason of `signal` once the sender has left.
   */
  async lookBack(signal: AbortSignal): Promise<void> {
    await this.#deps.clock.sleep(LOOK_MS, signal);
  }

  /**
   * Offers the primary to `forward` until it was reached, and resolves with true; with false when this manager is the primary by then. Waits some seconds
   * while there is none, unless the call is a read, which resolves with false then. Rejects with 503 when none is found, and with what `forward`
   * rejects with once it has reached one.
   */
  async forward(
    forward: (primary: EngineClient) => Promise<void>,
    kind: 'read' | 'change',
    signal: AbortSignal,
  ): Promise<boolean> {
    const { clock, election } = this.#deps;
    const deadlineMs = clock.now() + PATIENCE_MS;
    let failure: unknown;
    for (;;) {
      if (this.isPrimary) return false;
      const { primary, self } = election;
      // At this one's own address there is no other: what leads there is its earlier life, until the lease of that ends.
      if (primary && primary.advertise !== self.advertise) {
        try {
          await forward(await this.#knownAs(primary).client);
          return true;
        } catch (error) {
          if (error instanceof NotReachedError) failure = error.cause;
          else if (!(error instanceof EngineError)) throw error;
          else if (kind === 'change') throw lostBeforeAnswer(primary, error);
        }
      }
      if (kind === 'read') return false;
      if (clock.now() >= deadlineMs) throw noPrimary(self, primary, failure);
      await clock.sleep(LOOK_MS, signal);
    }
  }

  #knownAs(name: ManagerName): KnownPrimary {
    if (this.#known?.name.id === name.id) return this.#known;
    this.#giveUp();
    const unanswered = new Unanswered();
    const known = { name, client: this.#clientOf(name, unanswered), unanswered };
    known.client.catch(() => {
      if (this.#known === known) this.#known = undefined;
    });
    this.#known = known;
    return known;
  }

  async #clientOf({ advertise }: ManagerName, unanswered: Unanswered): Promise<EngineClient> {
    const connector = await this.#deps.connect(advertise).catch((error: unknown) => {
      throw new NotReachedError(error);
    });
    const client = new EngineClient(unanswered.over(reachable(connector)));
    // It takes whatever version a client speaks.
    client.negotiate(OLDEST_API, NEWEST_API);
    return client;
  }

  #leave(): void {
    if (this.#known?.name.id !== this.#deps.election.primary?.id) this.#giveUp();
  }

  /** One that is not the primary any more may be suspended, and answer never. Streams that have begun go on. */
  #giveUp(): void {
    const known = this.#known;
    this.#known = undefined;
    if (known) this.#deps.clock.timer(() => known.unanswered.end()).start(LAST_ANSWERS_MS);
  }
}

/** Nothing was sent to the primary. */
class NotReachedError extends Error {
  constructor(cause: unknown) {
    super(reasonOf(cause), { cause });
  }
}

/** A connector whose failures are told from those of calls that were sent. */
function reachable(connector: Connector): Connector {
  return {
    address: connector.address,
    host: connector.host,
    connect: (timeoutMs, signal, reader) =>
      connector.connect(timeoutMs, signal, reader).catch((error: unknown) => {
        throw signal?.aborted ? error : new NotReachedError(error);
      }),
    close: () => connector.close(),
  };
}

function noPrimary(self: ManagerName, primary: ManagerName | undefined, failure: unknown): ClusterError {
  return new ClusterError(whyNoPrimary(self, primary, failure), { code: 'NO_PRIMARY', status: 503 });
}

/** In the words of classic swarm where it had some. */
function whyNoPrimary(self: ManagerName, primary: ManagerName | undefined, failure: unknown): string {
  if (primary && primary.advertise === self.advertise && primary.id !== self.id)
    return `the primary manager is another one than this, and says that it is reached at ${self.advertise} too: give each manager its own --advertise`;
  if (primary === undefined || failure === undefined)
    return 'No elected primary cluster manager: the managers have no majority of the store, or none is up. Ask again';
  return `Unable to reach primary cluster manager (${primary.advertise}): ${reasonOf(failure)}`;
}

function lostBeforeAnswer({ advertise }: ManagerName, cause: unknown): ClusterError {
  return new ClusterError(
    `the primary manager ${advertise} was lost before it answered: look whether it was done, and ask again`,
    { code: 'PRIMARY_LOST', status: 503, cause },
  );
}
