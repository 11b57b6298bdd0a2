import type { FakeEngineOptions } from '../../simulator/fake-engine.ts';
import { Stops } from '../../src/cluster/stops.ts';
import { Tombstones } from '../../src/cluster/tombstones.ts';
import { systemClock } from '../../src/common/clock.ts';
import { silentLogger } from '../../src/common/logger.ts';
import { Attempts } from '../../src/desired/attempts.ts';
import { parseSpec } from '../../src/desired/container-spec.ts';
import type { DesiredState } from '../../src/desired/desired-state.ts';
import { showAsRecorded } from '../../src/desired/recorded-identities.ts';
import type { EngineAnswer } from '../../src/engine/exchange.ts';
import { RecordView } from '../../src/kv/record-view.ts';
import type { ContainerImages, ContainerNetworks } from '../../src/lifecycle/deps.ts';
import { ContainerLifecycle } from '../../src/lifecycle/lifecycle.ts';
import { Placer } from '../../src/scheduler/placer.ts';
import { schedulerOptions } from '../../src/scheduler/scheduler.ts';
import { VOLUME_RECORDS, type VolumeRecord } from '../../src/volumes/records.ts';
import { VolumeService } from '../../src/volumes/volume-service.ts';
import { FakeCluster } from './fake-cluster.ts';
import { memoryDesired, memoryRecords, type TestDisk } from './memory-records.ts';

/** What a manager keeps, here as long as the test. */
interface Kept {
  readonly tombstones: Tombstones;
  readonly stops: Stops;
  readonly volumes: RecordView<VolumeRecord>;
  readonly desired: DesiredState;
}

/** What is not as usual in a {@link FakeLifecycle}. */
export interface FakeLifecycleOptions {
  readonly createRetries?: number;
  readonly settleMs?: number;
  readonly images?: Partial<ContainerImages>;
  readonly networks?: Partial<ContainerNetworks>;
  /** Where records are kept. */
  readonly disk?: TestDisk;
}

/** A lifecycle with volumes over fake engines; every image is everywhere and networks mean nothing. Close it, or use `await using`. */
export class FakeLifecycle implements AsyncDisposable {
  readonly fake: FakeCluster;
  readonly volumes: VolumeService;
  readonly networks: ContainerNetworks;
  readonly lifecycle: ContainerLifecycle;
  readonly desired: DesiredState;
  readonly attempts: Attempts = new Attempts('test');
  readonly tombstones: Tombstones;

  private constructor(fake: FakeCluster, kept: Kept, options: FakeLifecycleOptions) {
    const { createRetries = 0, settleMs = 0, images, networks } = options;
    const { cluster } = fake;
    this.fake = fake;
    this.networks = { ...NETWORKS, ...networks };
    this.desired = kept.desired;
    this.tombstones = kept.tombstones;
    cluster.names.heldBy = (name) => kept.desired.holderOf(name);
    showAsRecorded(cluster, kept.desired, this.attempts);
    const [first] = fake.nodes;
    if (!first) throw new RangeError('no engine');
    this.volumes = new VolumeService({
      cluster,
      records: kept.volumes,
      placer: { chooseByLabels: () => first },
      clock: systemClock,
    });
    this.lifecycle = new ContainerLifecycle(
      {
        cluster,
        placer: new Placer(cluster, schedulerOptions()),
        images: {
          isKnown: () => true,
          labelsOf: () => ({}),
          ensureOn: async (_node, reference) => ({ reference }),
          ...images,
        },
        networks: this.networks,
        volumes: this.volumes,
        tombstones: kept.tombstones,
        stops: kept.stops,
        desired: kept.desired,
        attempts: this.attempts,
        fences: { refusals: () => new Map(), isObeyed: () => true },
        clock: systemClock,
        logger: silentLogger(),
      },
      { createRetries, settleMs },
    );
    this.lifecycle.unfinishedMoves.start();
  }

  static async start(
    engines: readonly FakeEngineOptions[],
    options: FakeLifecycleOptions = {},
  ): Promise<FakeLifecycle> {
    const kept = {
      tombstones: await Tombstones.open(memoryRecords()),
      stops: await Stops.open(memoryRecords()),
      volumes: await RecordView.open(memoryRecords(), VOLUME_RECORDS),
      desired: await memoryDesired(options.disk),
    };
    return new FakeLifecycle(await FakeCluster.start(engines), kept, options);
  }

  /** Creates a container as a client would. */
  async create(
    name: string | undefined,
    body: object = {},
    signal: AbortSignal = new AbortController().signal,
  ): Promise<EngineAnswer> {
    const value = { Image: 'redis', ...body };
    const largestNodeCpus = this.fake.cluster.loads.largestNanoCpus() / 1e9;
    const spec = parseSpec({ text: JSON.stringify(value), api: '1.44', largestNodeCpus }, value, name);
    return this.lifecycle.create(spec, { registryAuth: undefined, signal });
  }

  /** Creates a container that is to be created; returns the ID the client got. */
  async made(name: string | undefined, body: object = {}): Promise<string> {
    const answer = await this.create(name, body);
    if (answer.statusCode !== 201) throw new Error(`${answer.statusCode}: ${answer.body.toString()}`);
    return (JSON.parse(answer.body.toString()) as { readonly Id: string }).Id;
  }

  /** The node's name that the cluster shows for a container. */
  nodeOf(reference: string): string {
    return this.fake.cluster.container(reference).node.name;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.fake.close();
  }
}

const NETWORKS: ContainerNetworks = {
  homesOf: () => [],
  isLocal: () => false,
  refusalsFor: () => new Map(),
  spans: () => false,
  idOf: (reference) => reference,
  referenceOn: (_node, reference) => reference,
  prepareAttach: async () => undefined,
  split: (body) => ({ body, connects: [] }),
  start: (_container, call) => call(),
  attachEnded: async () => undefined,
};
