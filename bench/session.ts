import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hostOf, type Population } from '../simulator/population.ts';
import { freePort } from '../test/free-ports.ts';
import { Fleet } from './fleet/fleet.ts';
import { Floors } from './floor/floors.ts';
import { LoadClient } from './load/client.ts';
import { plainRequest } from './load/requests.ts';
import { type Target, targetOf } from './load/target.ts';
import { commandOf } from './manager/command-line.ts';
import { HEALTHY_COUNTS, type ManagerInfo } from './manager/health.ts';
import { ManagerProcess } from './manager/manager-process.ts';
import type { ProcessMeter } from './measure/process-meter.ts';
import type { BenchOptions } from './options.ts';
import { createRunTls, type RunTls } from './tls/create-material.ts';

/** Asking costs the manager some milliseconds at a thousand nodes, so not more often. */
const POLL_MS = 100;
const BOOT_DEADLINE_MS = 180_000;

/** A manager that answers, and what it took to get there. */
export interface RunningManager {
  readonly process: ManagerProcess;
  readonly target: Target;
  readonly meter: ProcessMeter;
  /** From its start until it showed every node as healthy. */
  readonly bootMs: number;
  readonly bootCpuMs: number;
}

/** One fleet with everything around it: a folder for files, certificates, floors, managers. Close it. */
export class Session implements AsyncDisposable {
  readonly options: BenchOptions;
  readonly population: Population;
  readonly fleet: Fleet;
  readonly floors: Floors;
  readonly tls: RunTls | undefined;
  readonly #folder: string;
  readonly #managers: ManagerProcess[] = [];

  private constructor(options: BenchOptions, population: Population, fleet: Fleet, folder: string, tls?: RunTls) {
    this.options = options;
    this.population = population;
    this.fleet = fleet;
    this.tls = tls;
    this.floors = new Floors(population, tls);
    this.#folder = folder;
  }

  /** Starts a fleet of the size the options say. */
  static async open(options: BenchOptions): Promise<Session> {
    const { nodes, containers, isRecorded = false } = options;
    const population = { nodes, containers, isRecorded };
    const hosts = Array.from({ length: population.nodes }, (_, node) => hostOf(node));
    const tls = options.tls ? await createRunTls(hosts) : undefined;
    const folder = await mkdtemp(join(tmpdir(), 'enxame-bench-'));
    const fleet = await Fleet.start(population, tls?.engines);
    await writeFile(join(folder, 'nodes'), `${fleet.addresses.join('\n')}\n`);
    if (tls !== undefined) await writeMaterial(folder, tls);
    return new Session(options, population, fleet, folder, tls);
  }

  /** A path of its own for files of a part. */
  fileOf(name: string): string {
    return join(this.#folder, name);
  }

  /** Only the floors are measured. */
  get hasManager(): boolean {
    return this.options.manager !== 'none';
  }

  /**
   * Starts a manager, with flags of our own (`{port}` is its port), and waits until it shows every node as healthy; undefined when there is none to
   * measure.
   */
  async startManager(
    flags: readonly string[] = [],
    command: string = this.options.manager,
  ): Promise<RunningManager | undefined> {
    if (!this.hasManager) return undefined;
    const port = await freePort();
    const startedAt = performance.now();
    const own = flags.map((flag) => flag.replaceAll('{port}', String(port)));
    const process = new ManagerProcess([...this.#commandFor(command, port), ...own], join(this.#folder, 'manager.log'));
    this.#managers.push(process);
    const target = targetOf(`127.0.0.1:${port}`, this.tls?.material);
    await this.#untilHealthy(process, target, startedAt + BOOT_DEADLINE_MS);
    const bootCpuMs = process.meter.cpuMs();
    return { process, target, meter: process.meter, bootMs: performance.now() - startedAt, bootCpuMs };
  }

  /** How many nodes the manager shows as healthy now; undefined when it does not answer. */
  async healthyNodes(client: LoadClient): Promise<number | undefined> {
    try {
      const { status, body } = await client.fetch(plainRequest('GET', '/info'));
      if (status !== 200) return undefined;
      return HEALTHY_COUNTS[this.options.healthy](JSON.parse(body.toString()) as ManagerInfo, this.population);
    } catch {
      return undefined;
    }
  }

  /** Throws when a manager ended by itself: then that is why a part failed. */
  assertManagersRunning(): void {
    for (const manager of this.#managers) manager.assertRunning();
  }

  async close(): Promise<void> {
    await Promise.all(this.#managers.map((manager) => manager.close()));
    await this.floors.close();
    await this.fleet.close();
    await rm(this.#folder, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #commandFor(command: string, port: number): string[] {
    const file = (name: string): string => join(this.#folder, name);
    const tlsFlags = `--tlsverify --tlscacert ${file('ca.pem')} --tlscert ${file('cert.pem')} --tlskey ${file('key.pem')}`;
    return commandOf(command, {
      port: String(port),
      stateDir: file(`state-${port}`),
      nodesFile: file('nodes'),
      nodes: this.fleet.addresses.join(','),
      ca: file('ca.pem'),
      cert: file('cert.pem'),
      key: file('key.pem'),
      tlsFlags: this.tls === undefined ? '' : tlsFlags,
    });
  }

  async #untilHealthy(manager: ManagerProcess, target: Target, deadline: number): Promise<void> {
    const client = new LoadClient(target);
    let healthy: number | undefined;
    while (healthy === undefined || healthy < this.population.nodes) {
      manager.assertRunning();
      if (performance.now() > deadline)
        throw new Error(`only ${healthy ?? 0} of ${this.population.nodes} nodes became healthy`);
      await sleep(POLL_MS);
      healthy = await this.healthyNodes(client);
    }
    client.close();
  }
}

async function writeMaterial(folder: string, { material }: RunTls): Promise<void> {
  const files = { 'ca.pem': material.ca, 'cert.pem': material.cert, 'key.pem': material.key };
  await Promise.all(Object.entries(files).map(([name, text]) => writeFile(join(folder, name), text, { mode: 0o600 })));
}
