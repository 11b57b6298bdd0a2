import { randomBytes } from 'node:crypto';
import type { Cluster } from '../cluster/cluster.ts';
import type { Clock } from '../common/clock.ts';
import type { Timer } from '../common/timer.ts';
import { VERSION } from '../common/version.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import { ContainerPages } from './container-pages.ts';
import type { EventJournal } from './event-journal.ts';
import { FrameLog } from './frame-log.ts';
import { ModelChanges, type WholeParts } from './model-changes.ts';
import { containerRow, type RowSources } from './model-rows.ts';
import { MovesUnderWay } from './moves-under-way.ts';
import { NodeNumbers } from './node-numbers.ts';
import type { ClusterName, Hello, Ready } from './protocol.ts';
import { PROTOCOL } from './protocol-version.ts';
import { eventId, revisionOf, sseEvent } from './sse.ts';
import { Standing, type StandingSources } from './standing.ts';

export interface ModelStreamDeps extends StandingSources {
  readonly cluster: Cluster;
  readonly desired: DesiredState;
  readonly journal: EventJournal;
  readonly clock: Clock;
}

export interface ModelStreamOptions {
  /** Labels that name failure domains, the widest first. */
  readonly domains: readonly string[];
  readonly name: ClusterName;
}

/** The whole state for one viewer, as of a revision. The buffers are shared and must not be modified. */
export interface Snapshot {
  readonly revision: number;
  readonly buffers: readonly Buffer[];
}

/** Changes wait for each other so long, in milliseconds: one write to each viewer costs much the same for one as for ten. */
const GATHER_MS = 100;
/** How often is looked at what no event tells, in milliseconds. */
const LOOK_MS = 1_000;
/** Problems are gathered from everywhere, and every so many looks are enough. */
const LOOKS_PER_PROBLEMS = 5;
/** Goes on so long after the last viewer, so that one that comes back can go on where it was, in milliseconds. */
const LINGER_MS = 60_000;
/** What viewers that are behind may go on from, in bytes. */
const LOG_BYTES = 8 * 1024 * 1024;
const EVENTS_AT_START = 200;

/**
 * The model as a stream of changes, each rendered once for all viewers. While nobody watches it does nothing, and a change costs no more
 * than an entry in a map until the next delta.
 */
export class ModelStream {
  /** Another one for each manager. */
  readonly epoch: string = randomBytes(8).toString('hex');
  readonly log: FrameLog = new FrameLog(LOG_BYTES);
  readonly numbers: NodeNumbers = new NodeNumbers();
  readonly #deps: ModelStreamDeps;
  readonly #options: ModelStreamOptions;
  readonly #standing: Standing;
  readonly #moves: MovesUnderWay;
  readonly #changes: ModelChanges;
  readonly #pages: ContainerPages;
  readonly #gather: Timer;
  readonly #look: Timer;
  readonly #linger: Timer;
  readonly #followers = new Set<() => void>();
  #unsubscribe: (() => void) | undefined;
  #isGathering = false;
  #looks = 0;
  #whole: WholeParts = {};

  constructor(deps: ModelStreamDeps, options: ModelStreamOptions) {
    const { cluster, desired, clock } = deps;
    this.#deps = deps;
    this.#options = options;
    this.#standing = new Standing(deps, this.numbers);
    this.#moves = new MovesUnderWay(desired);
    const sources: RowSources = {
      numbers: this.numbers,
      desired,
      nodeName: (id) => cluster.node(id)?.name ?? id,
      domains: options.domains,
      isLost: (node) => this.#standing.isLost(node),
      isDrilled: (node) => this.#standing.isDrilled(node),
    };
    this.#changes = new ModelChanges({ ...sources, find: (id) => cluster.findContainer(id) });
    this.#pages = new ContainerPages(cluster.containerList, (container) => containerRow(container, sources));
    this.#gather = clock.timer(() => this.flush());
    this.#look = clock.timer(() => this.#lookAround());
    this.#linger = clock.timer(() => this.#unfollow());
    this.#moves.onChange = () => {
      if (this.#unsubscribe) this.#add({ moves: this.#moveRows() });
    };
    deps.journal.onRow = (row) => {
      if (!this.#unsubscribe) return;
      this.#changes.onEvent(row);
      this.#wait();
    };
  }

  /** Calls `onFrames` whenever the log has more, until the returned function is called. */
  follow(onFrames: () => void): () => void {
    this.#linger.stop();
    this.#begin();
    this.#followers.add(onFrames);
    return () => {
      if (this.#followers.delete(onFrames) && this.#followers.size === 0) this.#linger.start(LINGER_MS);
    };
  }

  /** The revision that a viewer with this `Last-Event-ID` has, if it can go on from there. */
  resumable(lastEventId: string | undefined): number | undefined {
    const revision = revisionOf(lastEventId, this.epoch);
    return revision !== undefined && this.log.reaches(revision) ? revision : undefined;
  }

  /** The first event for a viewer. */
  hello(actions: boolean, why: Hello['why'] | undefined): Buffer {
    const { cluster, clock } = this.#deps;
    const { name, domains } = this.#options;
    const hello: Hello = {
      protocol: PROTOCOL,
      version: VERSION,
      epoch: this.epoch,
      resumed: why === undefined,
      ...(why && { why }),
      cluster: name,
      actions,
      domains,
      nodes: cluster.nodes.length,
      containers: cluster.nodes.reduce((sum, node) => sum + node.containers.size, 0),
      now: clock.now(),
    };
    return sseEvent('hello', JSON.stringify(hello));
  }

  /** All nodes: what a map can be drawn from while the rest is rendered. */
  sketch(): Buffer {
    return sseEvent('nodes', `[${this.#changes.nodeRows(this.#deps.cluster.nodes).join()}]`);
  }

  /**
   * The whole state but `hello`, for a viewer that has `sketch`. Others have their turn while it is rendered; it is as of one moment all the
   * same.
   */
  async snapshot(sketch: Buffer): Promise<Snapshot> {
    await this.#pages.prepare();
    // What is told from here on is what the snapshot does not have.
    this.flush();
    const { journal } = this.#deps;
    const nodes = this.sketch();
    const ready: Ready = {
      moves: this.#moveRows(),
      failover: this.#standing.failover,
      problems: this.#standing.problems,
      events: journal.latest(EVENTS_AT_START).toReversed(),
      use: this.#standing.allUse(),
    };
    const { revision } = this.log;
    const end = sseEvent('ready', JSON.stringify(ready), eventId(this.epoch, revision));
    return { revision, buffers: [...(nodes.equals(sketch) ? [] : [nodes]), ...this.#pages.events().buffers, end] };
  }

  /** Tells what changed so far. */
  flush(): void {
    this.#gather.stop();
    this.#isGathering = false;
    const deltas = this.#changes.take(this.#deps.clock.now(), this.#whole);
    this.#whole = {};
    if (deltas.length === 0) return;
    for (const delta of deltas) this.log.add((revision) => sseEvent('delta', delta, eventId(this.epoch, revision)));
    for (const onFrames of this.#followers) onFrames();
  }

  /** Idempotent. */
  close(): void {
    this.#linger.stop();
    this.#unfollow();
    this.#moves.close();
  }

  #begin(): void {
    if (this.#unsubscribe) return;
    const { cluster } = this.#deps;
    this.#unsubscribe = cluster.subscribe((event) => {
      this.#changes.onModel(event);
      this.#wait();
    });
    this.#standing.lookAtFailover();
    this.#standing.lookAtProblems();
    this.#standing.changedNodes();
    this.#look.start(LOOK_MS);
  }

  #unfollow(): void {
    if (!this.#unsubscribe) return;
    this.#unsubscribe();
    this.#unsubscribe = undefined;
    this.#gather.stop();
    this.#look.stop();
    this.#isGathering = false;
    this.#whole = {};
    this.#changes.clear();
    this.#pages.clear();
    this.log.clear();
  }

  #wait(): void {
    if (this.#isGathering || this.#changes.areNone) return;
    this.#isGathering = true;
    this.#gather.start(GATHER_MS);
  }

  #add(parts: WholeParts): void {
    this.#whole = { ...this.#whole, ...parts };
    if (this.#isGathering) return;
    this.#isGathering = true;
    this.#gather.start(GATHER_MS);
  }

  #lookAround(): void {
    this.#looks += 1;
    if (this.#standing.lookAtFailover()) this.#add({ failover: this.#standing.failover });
    if (this.#looks % LOOKS_PER_PROBLEMS === 0 && this.#standing.lookAtProblems())
      this.#add({ problems: this.#standing.problems });
    for (const node of this.#standing.changedNodes()) this.#changes.look(node);
    const use = this.#looks % LOOKS_PER_PROBLEMS === 0 ? this.#standing.freshUse() : [];
    if (use.length > 0) this.#add({ use });
    this.#wait();
    this.#look.start(LOOK_MS);
  }

  #moveRows(): Ready['moves'] {
    const { cluster } = this.#deps;
    return this.#moves.rows((id) => {
      const node = cluster.node(id);
      return node ? this.numbers.of(node) : null;
    });
  }
}
