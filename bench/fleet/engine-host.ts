import { SimulatedEngine } from '../../simulator/engine.ts';
import { EngineState } from '../../simulator/engine-state.ts';
import type { Fault } from '../../simulator/fault.ts';
import {
  FLEET_IMAGES,
  FLEET_NETWORKS,
  FLEET_VOLUMES,
  hostOf,
  type Population,
  profileOf,
  seedOf,
} from '../../simulator/population.ts';
import type { EngineTls } from '../tls/material.ts';
import { Churn } from './churn.ts';
import { EMITTED_ACTION, type FleetCounters, SERIAL_ATTRIBUTE } from './command.ts';

const EMIT_TICK_MS = 10;
/** Listening is asynchronous; this many at once keep the event loop answering. */
const LISTEN_BATCH = 200;

/** Nodes `from` (included) to `to` (excluded) of a fleet, in this process. */
export class EngineHost {
  readonly #from: number;
  readonly #engines: readonly SimulatedEngine[];
  readonly #churn: Churn;
  #requests = 0;

  constructor(population: Population, from: number, to: number, tls?: EngineTls) {
    this.#from = from;
    const nodes = Array.from({ length: to - from }, (_, i) => from + i);
    this.#engines = nodes.map((node) => this.#createEngine(population, node, tls));
    this.#churn = new Churn(() => this.#pickHealthy(), nodes.length, String(from));
  }

  /** Opens all ports; answers `host:port` in order. */
  async start(): Promise<string[]> {
    for (let at = 0; at < this.#engines.length; at += LISTEN_BATCH) {
      await Promise.all(this.#engines.slice(at, at + LISTEN_BATCH).map((engine) => engine.listen()));
    }
    return this.#engines.map((engine) => engine.address);
  }

  /** Gives nodes a fault; those that live elsewhere are skipped. */
  async apply(nodes: readonly number[], fault: Fault): Promise<void> {
    await Promise.all(nodes.map((node) => this.#engines[node - this.#from]?.apply(fault)));
  }

  churn(operationsPerSecond: number): void {
    this.#churn.run(operationsPerSecond);
  }

  /** Emits events numbered from `first`; resolves with the time each took to hand out, when the last one is out. */
  emit(first: number, count: number, perSecond: number): Promise<void> {
    const startedAt = performance.now();
    let sent = 0;
    return new Promise((resolve) => {
      const timer = setInterval(() => {
        const due = Math.min(count, Math.ceil(((performance.now() - startedAt) / 1000) * perSecond));
        for (; sent < due; sent++) this.#emitOne(first + sent);
        if (sent < count) return;
        clearInterval(timer);
        resolve();
      }, EMIT_TICK_MS);
    });
  }

  /** `id state` of every container by node. */
  dump(): string[][] {
    return this.#engines.map(({ state }) =>
      [...state.containers.values()].map((container) => `${container.id} ${container.state}`).sort(),
    );
  }

  counters(): FleetCounters {
    return {
      requests: this.#requests,
      openConnections: this.#engines.reduce((sum, engine) => sum + engine.openConnections, 0),
      eventSubscribers: this.#engines.reduce((sum, engine) => sum + engine.state.events.subscribers, 0),
      churnOperations: this.#churn.done,
    };
  }

  async close(): Promise<void> {
    this.#churn.run(0);
    await Promise.all(this.#engines.map((engine) => engine.close()));
  }

  #createEngine(population: Population, node: number, tls: EngineTls | undefined): SimulatedEngine {
    const state = new EngineState(profileOf(node));
    const now = Date.now();
    for (const tag of FLEET_IMAGES) state.addImage(tag);
    for (const name of FLEET_NETWORKS) state.addNetwork(name, 'bridge');
    for (const name of FLEET_VOLUMES) state.addVolume(name);
    for (let index = 0; index < population.containers; index++) state.preload(seedOf(population, node, index, now));
    return new SimulatedEngine(state, {
      host: hostOf(node),
      intercept: () => {
        this.#requests += 1;
        return false;
      },
      ...(tls === undefined ? {} : { tls: tlsOptionsOf(tls, node) }),
    });
  }

  #pickHealthy(): EngineState | undefined {
    const engine = this.#engines[Math.floor(Math.random() * this.#engines.length)];
    return engine?.fault.kind === 'none' ? engine.state : undefined;
  }

  #emitOne(serial: number): void {
    const state = this.#engines[serial % this.#engines.length]?.state;
    const container = state?.containers.values().next().value;
    if (state === undefined || container === undefined) return;
    const { labels, image, name } = container;
    const attributes = { ...labels, image, name, [SERIAL_ATTRIBUTE]: String(serial) };
    state.events.emit('container', EMITTED_ACTION, container.id, attributes);
  }
}

function tlsOptionsOf(tls: EngineTls, node: number): { ca: string; key: string; cert: string; requestCert: true } {
  const cert = tls.certs[Math.floor(node / tls.nodesPerCert)] ?? '';
  return { ca: tls.ca, key: tls.key, cert, requestCert: true };
}
