import { z } from 'zod';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { uptimeMs } from '../common/uptime.ts';
import type { EngineClient } from '../engine/client.ts';
import { endContainers, strictContainers } from './end-containers.ts';
import {
  type FenceOrders,
  type HeldContainer,
  NO_ORDERS,
  readLease,
  readOrders,
  removeLease,
  writeLease,
} from './lease-file.ts';
import type { PeerPlace } from './peer-place.ts';
import type { PeerNews } from './peers.ts';

export interface FenceAgentDeps {
  readonly engine: EngineClient;
  /** The managers, asked one after the other. */
  readonly managers: readonly EngineClient[];
  /** Asks the other agents. */
  readonly askPeers: (peers: readonly string[], timeoutMs: number) => Promise<PeerNews>;
  /** Where other agents reach this one; undefined when they do not. */
  readonly place?: Pick<PeerPlace, 'told'> | undefined;
  readonly logger: Logger;
  /** A clock that counts suspended time too, in milliseconds. */
  readonly uptime?: () => number;
}

export interface FenceAgentOptions {
  /** Strict containers end when the lease could not be renewed for this long, in milliseconds. */
  readonly fenceMs: number;
  /** The file that the guard reads. */
  readonly leaseFile: string;
  /** This life of the agent, as its guard knows it. */
  readonly agent: string;
}

/** How long ending all strict containers may take, in milliseconds. */
export const KILL_MS = 5_000;

/** How long an agent that is told to end waits for an answer, in milliseconds. */
const HAND_BACK_MS = 2_000;

/** What a manager that renews says of the cluster, beside its orders. */
const ANSWER = z.object({ agents: z.number().int().min(0), peers: z.array(z.string()).max(100_000) });
type Answer = z.infer<typeof ANSWER>;

/**
 * Holds the right of this node's strict containers to run: it renews with the manager, and ends them when it could not for the fence time,
 * or finds that it was asleep for longer. It keeps them without a manager only while it reaches more than half of all agents and none
 * of those hears one: then the manager is gone, and moves nothing when it is back before it has waited for all of them.
 */
export class FenceAgent {
  readonly #deps: FenceAgentDeps;
  readonly #options: FenceAgentOptions;
  readonly #uptime: () => number;
  #nodeId: string | undefined;
  /** Undefined before the first round. */
  #untilMs: number | undefined;
  #renewedMs = Number.NEGATIVE_INFINITY;
  #hasRenewed = false;
  #hasEnded = false;
  #isEngineWell = true;
  #answer: Answer = { agents: 1, peers: [] };
  /** Those of the lease in force: the manager learns of them with the next renewal, and counts on them from then on. */
  #orders: FenceOrders = NO_ORDERS;
  #containers: readonly HeldContainer[] = [];
  /** Why the lease could not be written last. */
  #lacks: string | undefined;
  /** Why managers were not heard last, by address. */
  readonly #setbacks = new Map<string, string>();

  constructor(deps: FenceAgentDeps, options: FenceAgentOptions) {
    this.#deps = deps;
    this.#options = options;
    this.#uptime = deps.uptime ?? uptimeMs;
  }

  /** Whether its last attempt to reach a manager succeeded, and not long ago: what other agents ask. */
  get hears(): boolean {
    return this.#hasRenewed && this.#uptime() - this.#renewedMs < this.#options.fenceMs / 2;
  }

  /** Until `signal` is aborted; then the manager is told that nobody looks after this node any more. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const pauseMs = this.#options.fenceMs / 8;
    while (!signal.aborted) {
      await this.step();
      await sleep(pauseMs, signal);
    }
    await this.#handBack();
  }

  /** One round: what must end ends before anything is asked. */
  async step(): Promise<void> {
    if (this.#untilMs === undefined) await this.#begin();
    else await this.#endIfOver();
    await this.#renew();
    if (!this.#hasRenewed) await this.#askAround();
    await this.#endIfOver();
  }

  /** Goes on with the lease of an earlier life. Without one nobody knows what was promised: what cannot be renewed at once must end. */
  async #begin(): Promise<void> {
    const lease = await readLease(this.#options.leaseFile).catch(() => undefined);
    this.#untilMs = lease?.untilMs ?? this.#uptime();
    this.#containers = lease?.containers ?? [];
    this.#orders = lease?.orders ?? NO_ORDERS;
    if (lease) await this.#endIfOver();
  }

  async #endIfOver(): Promise<void> {
    const { engine, logger } = this.#deps;
    if (this.#uptime() < (this.#untilMs ?? 0) || this.#hasEnded) return;
    try {
      await endContainers(engine, { containers: this.#containers, orders: this.#orders });
      this.#hasEnded = true;
      logger.warn('the lease is over: strict containers are ended');
    } catch (error) {
      logger.error({ reason: reasonOf(error) }, 'a strict container cannot be ended');
    }
  }

  async #renew(): Promise<void> {
    const { engine, managers, place, logger } = this.#deps;
    const { fenceMs } = this.#options;
    const timeoutMs = Math.max(fenceMs / 6, 500);
    const wasHeard = this.#hasRenewed;
    this.#hasRenewed = false;
    if (!(await this.#look(this.#orders, timeoutMs))) return;
    try {
      this.#nodeId ??= (await engine.json<{ readonly ID: string }>({ method: 'GET', path: '/info', timeoutMs })).ID;
    } catch (error) {
      return logger.warn({ reason: reasonOf(error) }, 'the engine does not say who it is');
    }
    const peer = await place?.told();
    for (const manager of managers) {
      const askedMs = this.#uptime();
      const body = JSON.stringify({ fenceMs, killMs: KILL_MS, peer, strict: this.#orders.strict, lacks: this.#lacks });
      const path = `/enxame/v1/agents/${encodeURIComponent(this.#nodeId)}`;
      try {
        const said = await manager.json<unknown>({ method: 'POST', path, body, isUnversioned: true, timeoutMs });
        this.#answer = readAnswer(said);
        const orders = readOrders(said);
        // What is new among them is to be known with its process before it is promised.
        if (!isSame(orders, this.#orders) && !(await this.#look(orders, timeoutMs))) return;
        await this.#extend(askedMs, orders);
        this.#renewedMs = askedMs;
        this.#hasRenewed = true;
        if (!wasHeard) logger.info({ manager: manager.connector.address }, 'strict containers may run here');
        return;
      } catch (error) {
        const { address } = manager.connector;
        const reason = reasonOf(error);
        const isNews = wasHeard || this.#setbacks.get(address) !== reason;
        this.#setbacks.set(address, reason);
        logger[isNews ? 'warn' : 'debug']({ manager: address, reason }, 'not renewed');
      }
    }
  }

  /**
   * Learns what to end when the engine does not answer any more. Behind an engine that is dead nobody can look after its containers: false,
   * and nothing is renewed.
   */
  async #look(orders: FenceOrders, timeoutMs: number): Promise<boolean> {
    try {
      this.#containers = await strictContainers(this.#deps.engine, orders, timeoutMs);
      this.#isEngineWell = true;
    } catch (error) {
      if (this.#isEngineWell)
        this.#deps.logger.warn({ reason: reasonOf(error) }, 'the engine does not list its strict containers');
      this.#isEngineWell = false;
    }
    return this.#isEngineWell;
  }

  async #askAround(): Promise<void> {
    const { fenceMs } = this.#options;
    const askedMs = this.#uptime();
    if (
      this.#hasEnded ||
      !this.#isEngineWell ||
      askedMs - this.#renewedMs < fenceMs / 2 ||
      askedMs >= (this.#untilMs ?? 0)
    )
      return;
    const { agents, peers } = this.#answer;
    try {
      const { reached, isManagerHeard } = await this.#deps.askPeers(peers, Math.max(fenceMs / 6, 500));
      if (!isManagerHeard && (reached + 1) * 2 > agents && reached > 0) await this.#extend(askedMs, this.#orders);
    } catch (error) {
      this.#deps.logger.error(
        { reason: reasonOf(error) },
        'the lease cannot be written: strict containers end with it',
      );
    }
  }

  /** They may run for the fence time, counted from before it was asked for. */
  async #extend(askedMs: number, orders: FenceOrders): Promise<void> {
    const untilMs = askedMs + this.#options.fenceMs;
    const { leaseFile, agent } = this.#options;
    try {
      await writeLease(leaseFile, { untilMs, containers: this.#containers, orders, agent });
      this.#lacks = undefined;
    } catch (error) {
      // The manager is told: what it started here would be ended at once.
      this.#lacks = `write the lease: ${reasonOf(error)}`;
      throw new Error(this.#lacks, { cause: error });
    }
    this.#orders = orders;
    this.#untilMs = untilMs;
    this.#hasEnded = false;
  }

  /** Behind an engine that is gone its host may be ending: then the lease runs out, and what is strict is brought back elsewhere. */
  async #handBack(): Promise<void> {
    if (this.#nodeId === undefined || !(await this.#look(this.#orders, HAND_BACK_MS))) return;
    const path = `/enxame/v1/agents/${encodeURIComponent(this.#nodeId)}`;
    for (const manager of this.#deps.managers) {
      try {
        await manager.json({ method: 'DELETE', path, isUnversioned: true, timeoutMs: HAND_BACK_MS });
        await removeLease(this.#options.leaseFile);
        return;
      } catch (error) {
        // The guard goes on: it ends them when the lease is over.
        this.#deps.logger.warn({ reason: reasonOf(error) }, 'the manager was not told that this agent stops');
      }
    }
  }
}

/** What is none renews nothing: the agent would not know how many others there are to ask. */
function readAnswer(said: unknown): Answer {
  const { success, data } = ANSWER.safeParse(said);
  if (!success) throw new Error('its answer is none to an agent that renews');
  return data;
}

function isSame(one: FenceOrders, other: FenceOrders): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

async function sleep(ms: number, signal: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}
