import type { Population } from '../../simulator/population.ts';
import { Fleet } from '../fleet/fleet.ts';
import type { Answer } from '../load/client.ts';
import { type Target, targetOf } from '../load/target.ts';
import { ProcessMeter } from '../measure/process-meter.ts';
import { BenchChild } from '../process/child.ts';
import type { RunTls } from '../tls/create-material.ts';
import type { PipeCommand } from './pipe.ts';
import type { PrebuiltCommand } from './prebuilt.ts';

/** What a manager is compared with, each a process of its own. */
export type FloorName = 'engine' | 'prebuilt' | 'pipe' | 'pipe-reuse';

/** One running floor. */
export interface Floor {
  readonly target: Target;
  readonly meter: ProcessMeter;
}

/** The engine floor, with the fleet of one that it is. */
export interface EngineFloor extends Floor {
  readonly fleet: Fleet;
}

/** Starts floors on demand and ends them all. */
export class Floors implements AsyncDisposable {
  readonly #population: Population;
  readonly #tls: RunTls | undefined;
  readonly #closers: (() => Promise<void>)[] = [];
  #engine: Promise<EngineFloor> | undefined;
  #prebuilt: Promise<Floor & { readonly child: BenchChild<PrebuiltCommand> }> | undefined;
  readonly #pipes = new Map<boolean, Promise<Floor>>();

  constructor(population: Population, tls?: RunTls) {
    this.#population = population;
    this.#tls = tls;
  }

  /** One simulated engine alone in its process: what the work costs where it is done. It is node 0 of the same fleet. */
  engine(): Promise<EngineFloor> {
    this.#engine ??= this.#startEngine();
    return this.#engine;
  }

  /** A bare node:http server that gives `answer` to every request. */
  async prebuilt(answer: Answer): Promise<Floor> {
    this.#prebuilt ??= this.#startPrebuilt();
    const floor = await this.#prebuilt;
    const type = answer.head.field('content-type') ?? 'application/json';
    await floor.child.call({ kind: 'answer', status: answer.status, type, body: answer.body });
    return floor;
  }

  /** A raw socket pipe to the engine floor; `reuse` reads into one buffer instead of allocating. */
  pipe(reuse: boolean = false): Promise<Floor> {
    const existing = this.#pipes.get(reuse) ?? this.#startPipe(reuse);
    this.#pipes.set(reuse, existing);
    return existing;
  }

  async close(): Promise<void> {
    await Promise.all(this.#closers.splice(0).map((close) => close()));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #startEngine(): Promise<EngineFloor> {
    const fleet = await Fleet.start({ ...this.#population, nodes: 1 }, this.#tls?.engines);
    this.#closers.push(() => fleet.close());
    const address = fleet.addresses[0] ?? '';
    return { fleet, target: targetOf(address, this.#tls?.material), meter: new ProcessMeter(fleet.pids) };
  }

  async #startPrebuilt(): Promise<Floor & { readonly child: BenchChild<PrebuiltCommand> }> {
    const child = new BenchChild<PrebuiltCommand>(new URL('./prebuilt.js', import.meta.url));
    this.#closers.push(() => child.close());
    const tls = this.#tls?.material;
    const port = await child.call<number>({ kind: 'listen', ...(tls === undefined ? {} : { tls }) });
    return { child, target: targetOf(`127.0.0.1:${port}`, tls), meter: new ProcessMeter([child.pid]) };
  }

  async #startPipe(reuse: boolean): Promise<Floor> {
    this.#engine ??= this.#startEngine();
    const upstream = (await this.#engine).fleet.addresses[0] ?? '';
    const child = new BenchChild<PipeCommand>(new URL('./pipe.js', import.meta.url));
    this.#closers.push(() => child.close());
    const tls = this.#tls?.material;
    const port = await child.call<number>({ kind: 'listen', upstream, reuse, ...(tls === undefined ? {} : { tls }) });
    return { target: targetOf(`127.0.0.1:${port}`, tls), meter: new ProcessMeter([child.pid]) };
  }
}
