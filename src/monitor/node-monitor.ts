import type { LimitFunction } from 'p-limit';
import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import { eventOfSite } from '../cluster/site.ts';
import { backoffMs } from '../common/backoff.ts';
import type { Clock } from '../common/clock.ts';
import { coalesced } from '../common/coalesced.ts';
import { EngineError, reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { ANSWERS, MalformedAnswerError, parseAnswer } from '../engine/answers.ts';
import { NEWEST_API } from '../engine/api-version.ts';
import { type EventStream, openEventStream } from '../engine/event-stream.ts';
import { Probe } from '../engine/probe.ts';
import type { EngineEvent, EngineInfo } from '../engine/types.ts';
import type { Accounting } from './accounting.ts';
import { HealthWatch } from './health-watch.ts';
import { askEngineInfo, askSiteInfo, CONNECT_CALL_MS, introduce } from './introduction.ts';
import { knownAddresses } from './node-addresses.ts';
import { NodeSync } from './node-sync.ts';
import { nodeWarnings } from './node-warnings.ts';
import { RegularRefresh } from './regular-refresh.ts';
import type { ReturnGate } from './return-gate.ts';
import type { MonitorTimes } from './times.ts';

export interface MonitorDeps {
  readonly cluster: Cluster;
  readonly accounting: Accounting;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Bounds how many engines are being connected at once. */
  readonly connecting: LimitFunction;
  readonly gate?: ReturnGate | undefined;
  /** This cluster's ID, which tells a site that has it as a node. */
  readonly ownId?: string | undefined;
}

/**
 * Watches one engine for as long as it is in the cluster: connects, lists, follows its events, probes it, and
 * writes what it learns into the cluster. Nothing here waits for another engine.
 */
export class NodeMonitor {
  readonly #node: Node;
  readonly #deps: MonitorDeps;
  readonly #times: MonitorTimes;
  readonly #sync: NodeSync;
  readonly #stop = new AbortController();
  /** Aborted when the engine is not to be followed for now; renewed when it is again. */
  #following = new AbortController();
  #suspension: { readonly over: Promise<void>; readonly end: () => void } | undefined;
  /** Resolves when the engine was reached, or could not be, for the first time. */
  readonly tried: Promise<void>;
  #noteTried: () => void = () => undefined;
  /** A site said that something became of one of its nodes. */
  #onSiteNews: () => Promise<void> = NOTHING;
  /** Whether it was reached in an earlier life of the manager. */
  #isRemembered = false;
  #running: Promise<void> | undefined;

  constructor(node: Node, deps: MonitorDeps, times: MonitorTimes) {
    this.#node = node;
    this.#deps = deps;
    this.#times = times;
    this.#sync = new NodeSync(node, deps.cluster, deps.clock);
    node.attachRefresher(this.#sync);
    this.tried = new Promise((resolve) => {
      this.#noteTried = resolve;
    });
  }

  start(): void {
    this.#isRemembered = this.#node.info !== undefined;
    this.#running ??= this.#run();
  }

  /**
   * Takes the engine for lost until {@link resume}: its connections and streams end, and the node is unhealthy with this reason, without
   * asking the engine. Idempotent.
   */
  suspend(reason: string): void {
    if (this.#suspension || this.#stop.signal.aborted) return;
    let end = (): void => undefined;
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#suspension = { over, end };
    this.#following.abort(new Error(reason));
    this.#lost(reason);
    this.#noteTried();
  }

  /** Connects as to any engine that was lost. Idempotent. */
  resume(): void {
    const suspension = this.#suspension;
    if (!suspension) return;
    this.#suspension = undefined;
    if (!this.#stop.signal.aborted) this.#following = new AbortController();
    suspension.end();
  }

  /** Stops watching and closes the connections. Idempotent. */
  async close(): Promise<void> {
    const reason = new Error('the monitor was closed');
    this.#stop.abort(reason);
    this.#following.abort(reason);
    this.#suspension?.end();
    this.#noteTried();
    this.#sync.reset();
    await this.#node.client.close();
    await this.#running;
  }

  async #run(): Promise<void> {
    const times = this.#times;
    const { clock } = this.#deps;
    let failures = 0;
    while (!this.#stop.signal.aborted) {
      await this.#suspension?.over;
      const { signal } = this.#following;
      if (signal.aborted) continue;
      try {
        const stream = await this.#connectInTurn(failures, signal);
        failures = 0;
        this.#noteTried();
        await this.#watch(stream, signal);
        // Only the event stream ended: the engine is alive, its events are taken up again.
        await slept(clock, times.retryMinMs, signal);
      } catch (error) {
        if (signal.aborted) continue;
        failures += 1;
        this.#lost(reasonOf(error));
        this.#noteTried();
        const maxMs = this.#node.info ? times.lostRetryMaxMs : times.retryMaxMs;
        const waitMs = backoffMs(failures, { baseMs: times.retryMinMs, maxMs });
        await clock.sleep(waitMs, signal).catch(() => undefined); // Aborted: it is not tried again for now.
      }
    }
  }

  /** Inspections wait for engines that are connected for the first time, not for those that do not answer. */
  async #connectInTurn(failures: number, signal: AbortSignal): Promise<EventStream> {
    const done = failures === 0 ? this.#deps.accounting.hold() : undefined;
    try {
      return await this.#deps.connecting(() => this.#connect(signal));
    } finally {
      done?.();
    }
  }

  #lost(reason: string): void {
    const { cluster, logger } = this.#deps;
    const state = this.#node.state === 'Pending' && !this.#isRemembered ? 'Pending' : 'Unhealthy';
    if (this.#node.isHealthy)
      logger.warn({ node: this.#node.name, entry: this.#node.entry, reason }, 'node is unhealthy');
    // Once for each reason, not with every attempt.
    else
      logger[reason === this.#node.reason ? 'debug' : 'warn'](
        { entry: this.#node.entry, reason },
        'engine not reached',
      );
    cluster.setState(this.#node, state, reason);
    this.#sync.reset();
    // Calls and streams under way end at once, also those of an engine that hangs; new ones connect anew.
    this.#node.client.dropConnections();
    this.#node.client.dropStreams();
  }

  /** From nothing to Healthy: versions, identity, event stream, then listings, so that no change falls between; what must not run is ended. */
  async #connect(signal: AbortSignal): Promise<EventStream> {
    const { cluster, logger, gate } = this.#deps;
    const { api, isSite } = await introduce(this.#node);
    const askedMs = this.#deps.clock.now();
    const info = await (isSite ? this.#askSite(false) : askEngineInfo(this.#node));
    const before = this.#node.id;
    cluster.setInfo(this.#node, info, askedMs);
    // The old one may never have been missed: followers of states are told of the new one all the same.
    if (this.#node.isHealthy && this.#node.id !== before)
      cluster.setState(this.#node, 'Unhealthy', 'another engine answers at its address');
    // A name server that is slow holds up no engine. Never rejects.
    void knownAddresses(this.#node).then((addresses) => this.#node.setAddresses(addresses));
    this.#warn(info);
    this.#sync.reset();
    await gate?.reached(this.#node, signal);
    const stream = await openEventStream(this.#node.client, (text) => this.#onEvent(text), CONNECT_CALL_MS);
    try {
      await this.#sync.refreshAll();
      await gate?.listed(this.#node, signal);
      // It may have taken this cluster for a node of its own in the same moment: now each of the two knows of the other.
      if (isSite) await this.#askSite(false);
      signal.throwIfAborted();
    } catch (error) {
      stream.close();
      throw error;
    }
    if (!this.#node.isHealthy)
      logger.info(
        { node: info.Name, entry: this.#node.entry, api: `${api} (newest known ${NEWEST_API})` },
        'node is healthy',
      );
    cluster.setState(this.#node, 'Healthy', '');
    return stream;
  }

  /** Returns (to connect again at once) when only the event stream ended, throws when the engine is lost. */
  async #watch(stream: EventStream, signal: AbortSignal): Promise<void> {
    const times = this.#times;
    const { clock, logger } = this.#deps;
    const health = new HealthWatch(new Probe(this.#node.client.connector, clock), clock, times);
    let giveUp = (_error: Error): void => undefined;
    const malformed = new Promise<never>((_, reject) => {
      giveUp = reject;
    });
    const refreshed = {
      refreshAll: () => Promise.all([this.#sync.refreshAll(), this.#lookAtSite()]),
      refreshAllContainers: () => Promise.all([this.#sync.refreshAllContainers(), this.#lookAtSite()]),
    };
    const onFailure = (error: unknown): void => {
      // Whether an engine that is slow or silent is lost, the probe says.
      logger.debug({ node: this.#node.name, reason: reasonOf(error) }, 'refresh failed');
      if (error instanceof MalformedAnswerError || isNoNode(error)) giveUp(error as Error);
    };
    const refresh = new RegularRefresh(refreshed, clock, times, onFailure);
    this.#onSiteNews = coalesced(() => this.#lookAtSite().catch(onFailure));
    health.start();
    refresh.start();
    try {
      await Promise.race([stream.ended.then(() => this.#confirmAlive(signal)), health.lost, malformed]);
    } finally {
      this.#onSiteNews = NOTHING;
      refresh.close();
      health.close();
      stream.close();
    }
  }

  #askSite(wasTaken: boolean): Promise<EngineInfo> {
    return askSiteInfo(this.#node, this.#deps.ownId ?? '', wasTaken);
  }

  /** What a site has grown by, and whether it became part of a loop. */
  async #lookAtSite(): Promise<void> {
    if (!this.#node.isSite) return;
    const askedMs = this.#deps.clock.now();
    const info = await this.#askSite(true);
    if (this.#node.isHealthy && info.ID === this.#node.info?.ID) this.#deps.cluster.setInfo(this.#node, info, askedMs);
  }

  async #confirmAlive(signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const probe = new Probe(this.#node.client.connector, this.#deps.clock);
    try {
      await probe.ping(this.#times.probeTimeoutMs);
    } finally {
      probe.close();
    }
  }

  #onEvent(text: string): void {
    let event: EngineEvent;
    try {
      const told = parseAnswer(text, ANSWERS.event, 'an event');
      event = this.#node.isSite ? eventOfSite(told, this.#node.attemptLabel) : told;
    } catch (error) {
      // One line of an engine: the others are told, and what it was about is listed again by itself.
      const reason = reasonOf(error);
      this.#deps.logger.warn({ node: this.#node.name, reason, text: text.slice(0, 200) }, 'malformed event ignored');
      return;
    }
    if (event.Type === 'node' && this.#node.isSite) void this.#onSiteNews(); // Never rejects.
    // Clients know it by this ID, also when it is gone now.
    const id = this.#node.containers.get(event.Actor.ID)?.id;
    this.#sync.onEvent(event);
    this.#deps.cluster.emitEngineEvent(this.#node, event, text, id);
  }

  #warn(info: EngineInfo): void {
    const warnings = nodeWarnings(this.#node, info, this.#deps.cluster);
    for (const warning of warnings) this.#deps.logger.warn({ node: info.Name }, warning);
    this.#node.setWarnings(warnings);
  }
}

const NOTHING = (): Promise<void> => Promise.resolve();

/** Whether a site said that it cannot be a node now. */
function isNoNode(error: unknown): boolean {
  return error instanceof EngineError && (error.code === 'SITE_REFUSED' || error.code === 'SITE_DOWN');
}

/** False when the signal ended the wait. */
async function slept(clock: Clock, ms: number, signal: AbortSignal): Promise<boolean> {
  try {
    await clock.sleep(ms, signal);
    return true;
  } catch {
    return false;
  }
}
