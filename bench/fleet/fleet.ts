import type { Fault } from '../../simulator/fault.ts';
import type { Population } from '../../simulator/population.ts';
import { BenchChild } from '../process/child.ts';
import type { EngineTls } from '../tls/material.ts';
import type { FleetCommand, FleetCounters } from './command.ts';

/** Descriptors are limited per process, and a manager holds several connections to each engine. */
const NODES_PER_WORKER = 2500;

/** A simulated fleet in child processes of its own. Close it; it also ends when this process does. */
export class Fleet implements AsyncDisposable {
  readonly population: Population;
  /** `host:port` of every node in order. */
  readonly addresses: readonly string[];
  readonly #workers: readonly BenchChild<FleetCommand>[];

  private constructor(
    population: Population,
    workers: readonly BenchChild<FleetCommand>[],
    addresses: readonly string[],
  ) {
    this.population = population;
    this.#workers = workers;
    this.addresses = addresses;
  }

  /** Starts all engines; they listen when this resolves. */
  static async start(population: Population, tls?: EngineTls): Promise<Fleet> {
    const count = Math.ceil(population.nodes / NODES_PER_WORKER);
    const workers = Array.from(
      { length: count },
      () => new BenchChild<FleetCommand>(new URL('./worker.js', import.meta.url)),
    );
    const share = Math.ceil(population.nodes / count);
    try {
      const addresses = await Promise.all(
        workers.map((worker, i) => {
          const range = { from: i * share, to: Math.min(population.nodes, (i + 1) * share) };
          return worker.call<string[]>({ kind: 'start', population, ...range, ...(tls === undefined ? {} : { tls }) });
        }),
      );
      return new Fleet(population, workers, addresses.flat());
    } catch (error) {
      await Promise.all(workers.map((worker) => worker.close()));
      throw error;
    }
  }

  /** Process IDs, to account the fleet's own CPU time. */
  get pids(): readonly number[] {
    return this.#workers.map((worker) => worker.pid);
  }

  /** Gives nodes a fault, or makes them well. */
  async apply(nodes: readonly number[], fault: Fault): Promise<void> {
    await this.#all({ kind: 'fault', nodes, fault });
  }

  /** Changes containers all over the fleet at this rate; 0 stops. */
  async churn(operationsPerSecond: number): Promise<void> {
    await this.#all({ kind: 'churn', operationsPerSecond: operationsPerSecond / this.#workers.length });
  }

  /** Emits `count` numbered events, spread over nodes; resolves when the last is out. */
  async emit(first: number, count: number, perSecond: number): Promise<void> {
    const share = Math.ceil(count / this.#workers.length);
    const rate = perSecond / this.#workers.length;
    await Promise.all(
      this.#workers.map((worker, i) =>
        worker.call({
          kind: 'emit',
          from: first + i * share,
          count: Math.min(share, count - i * share),
          perSecond: rate,
        }),
      ),
    );
  }

  /** What every engine holds, by node. */
  async dump(): Promise<readonly (readonly string[])[]> {
    return (await this.#all<string[][]>({ kind: 'dump' })).flat();
  }

  async counters(): Promise<FleetCounters> {
    const all = await this.#all<FleetCounters>({ kind: 'counters' });
    const sum = (pick: (counters: FleetCounters) => number): number => all.reduce((total, one) => total + pick(one), 0);
    return {
      requests: sum((one) => one.requests),
      openConnections: sum((one) => one.openConnections),
      eventSubscribers: sum((one) => one.eventSubscribers),
      churnOperations: sum((one) => one.churnOperations),
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #all<Result>(command: FleetCommand): Promise<Result[]> {
    return Promise.all(this.#workers.map((worker) => worker.call<Result>(command)));
  }
}
