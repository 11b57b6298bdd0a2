import type { Clock } from '../common/clock.ts';
import type { Timer } from '../common/timer.ts';
import type { ContainerSummary, VolumeSummary } from '../engine/types.ts';
import type { Cluster } from './cluster.ts';
import type { Node } from './node.ts';

/** Durable texts that are many: written through, and read from the disk when they are needed. */
export interface NoteStore {
  /** Pairs whose keys begin with `prefix`, in key order. */
  pairs(prefix: string): AsyncIterable<readonly [key: string, value: string]>;
  /** All or none, durable when it resolves; a change without value removes the key. */
  write(changes: readonly NoteChange[]): Promise<void>;
}

export interface NoteChange {
  readonly key: string;
  readonly value?: string;
}

/** A container as it was noted. */
export interface NotedContainer {
  /** As it was listed, but for its age. */
  readonly summary: ContainerSummary;
  /** A record knew it when it was noted: it is there only if a record still does. */
  readonly wasRecorded: boolean;
}

/** What was noted of a node. */
export interface Holdings {
  readonly containers: readonly NotedContainer[];
  readonly volumes: readonly VolumeSummary[];
}

/** How long changes are gathered before they are written together, and the pause after a failure, in milliseconds. */
const GATHER_MS = 1_000;
const RETRY_MS = 30_000;
/** A write holds at most this many changes. */
const MOST_PER_WRITE = 1_000;

export interface HeldNotesDeps {
  readonly notes: NoteStore;
  readonly cluster: Cluster;
  readonly clock: Clock;
  /** Told of every write: the failure, or undefined and the nodes whose volumes are noted now. */
  readonly onResult: (failure: unknown, volumesOf: readonly Node[]) => void;
}

interface Dirty {
  /** The node's ID when they changed: what another engine at its address holds is not this one's. */
  readonly nodeId: string;
  readonly containers: Set<string>;
  volumes: boolean;
}

/**
 * Notes what nodes hold, in the background: each container under a key of its own, as it is listed but for its age, and the
 * volumes of a node together. Any number of changes within a second is one write.
 */
export class HeldNotes {
  readonly #notes: NoteStore;
  readonly #cluster: Cluster;
  readonly #onResult: (failure: unknown, volumesOf: readonly Node[]) => void;
  readonly #dirty = new Map<Node, Dirty>();
  /** Nodes whose notes were compared with what they hold, with the ID they had. */
  readonly #begun = new Map<Node, string>();
  /** Last news of nodes that left. */
  #parting: NoteChange[] = [];
  readonly #gathering: Timer;
  readonly #retry: Timer;
  #isGathering = false;
  #isResting = false;
  #writing: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor({ notes, cluster, clock, onResult }: HeldNotesDeps) {
    this.#notes = notes;
    this.#cluster = cluster;
    this.#onResult = onResult;
    this.#gathering = clock.timer(() => void this.flush());
    this.#retry = clock.timer(() => this.#beginAgain());
  }

  /** A container of a node came, changed or went. */
  containerChanged(node: Node, engineId: string): void {
    if (this.#begun.get(node) === node.id) this.#mark(node).containers.add(engineId);
  }

  /** A node's volumes changed. */
  volumesChanged(node: Node): void {
    if (this.#begun.get(node) === node.id) this.#mark(node).volumes = true;
  }

  /** To be called when a node is healthy: what changed unseen is noted. */
  async begin(node: Node): Promise<void> {
    const { id } = node;
    if (this.#begun.get(node) === id) return;
    this.#dirty.delete(node);
    this.#begun.set(node, id);
    const prefix = containerKey(id, '');
    const noted = new Set<string>();
    for await (const [key, value] of this.#notes.pairs(prefix)) {
      if (this.#begun.get(node) !== node.id || node.id !== id) return;
      const engineId = key.slice(prefix.length);
      noted.add(engineId);
      if (node.containers.get(engineId)?.note !== value) this.containerChanged(node, engineId);
    }
    for (const engineId of node.containers.keys()) if (!noted.has(engineId)) this.containerChanged(node, engineId);
    let volumes: string | undefined;
    for await (const [, value] of this.#notes.pairs(volumesKey(id))) volumes = value;
    if (volumes !== this.#volumesOf(node)) this.volumesChanged(node);
  }

  /** To be called before a node's holdings leave the model though they are there (it left discovery, its engine is another). */
  leave(node: Node): void {
    const dirty = this.#dirty.get(node);
    if (dirty) this.#parting.push(...this.#changesOf(node, dirty));
    this.#dirty.delete(node);
    this.#begun.delete(node);
  }

  /** What was noted of a node. */
  async read(nodeId: string): Promise<Holdings> {
    await this.flush();
    const prefix = containerKey(nodeId, '');
    const containers: NotedContainer[] = [];
    for await (const [key, value] of this.#notes.pairs(prefix)) {
      const { wasRecorded = false, ...entry } = JSON.parse(value) as ContainerSummary & {
        readonly wasRecorded?: boolean;
      };
      containers.push({ summary: { ...entry, Id: key.slice(prefix.length) }, wasRecorded });
    }
    const volumes: VolumeSummary[] = [];
    for await (const [, value] of this.#notes.pairs(volumesKey(nodeId))) volumes.push(...JSON.parse(value));
    return { containers, volumes };
  }

  /** Forgets what was noted of a node. Rejects when that cannot be written. */
  async forget(nodeId: string): Promise<void> {
    const changes: NoteChange[] = [{ key: volumesKey(nodeId) }];
    for await (const [key] of this.#notes.pairs(containerKey(nodeId, ''))) changes.push({ key });
    await this.#writeInTurn(changes);
  }

  /** Forgets what was noted of one container. Rejects when that cannot be written. */
  forgetContainer(nodeId: string, engineId: string): Promise<void> {
    return this.#writeInTurn([{ key: containerKey(nodeId, engineId) }]);
  }

  /** Replaces what is noted of the volumes of a node that is not in the model. Rejects when that cannot be written. */
  putVolumes(nodeId: string, volumes: readonly VolumeSummary[]): Promise<void> {
    return this.#writeInTurn([{ key: volumesKey(nodeId), value: JSON.stringify(volumes) }]);
  }

  /** Writes what is waiting; resolves also when it could not be written. */
  flush(): Promise<void> {
    this.#gathering.stop();
    this.#isGathering = false;
    this.#writing = this.#writing.then(() => this.#write());
    return this.#writing;
  }

  /** Writes what is waiting, for the last time. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#retry.stop();
    await this.flush();
  }

  #mark(node: Node): Dirty {
    const dirty = this.#dirty.get(node) ?? { nodeId: node.id, containers: new Set<string>(), volumes: false };
    this.#dirty.set(node, dirty);
    if (!this.#isClosed && !this.#isGathering) this.#gathering.start(GATHER_MS);
    this.#isGathering = true;
    return dirty;
  }

  /** After what is being written: that may be of an earlier state. */
  #writeInTurn(changes: readonly NoteChange[]): Promise<void> {
    const written = this.#writing.then(async () => {
      for (let at = 0; at < changes.length; at += MOST_PER_WRITE)
        await this.#notes.write(changes.slice(at, at + MOST_PER_WRITE));
    });
    this.#writing = written.catch(() => undefined);
    return written;
  }

  async #write(): Promise<void> {
    const changes = this.#parting.splice(0);
    const present = [...this.#dirty].filter(([node, { nodeId }]) => nodeId === node.id);
    for (const [node, dirty] of present) changes.push(...this.#changesOf(node, dirty));
    this.#dirty.clear();
    if (changes.length === 0) return;
    try {
      while (changes.length > 0) {
        await this.#notes.write(changes.slice(0, MOST_PER_WRITE));
        changes.splice(0, MOST_PER_WRITE);
      }
      this.#onResult(
        undefined,
        present.flatMap(([node, { volumes }]) => (volumes ? node : [])),
      );
    } catch (error) {
      this.#onResult(error, []);
      // Nothing is queued meanwhile: later all nodes are compared with their notes.
      this.#begun.clear();
      if (!this.#isClosed && !this.#isResting) this.#retry.start(RETRY_MS);
      this.#isResting = true;
    }
  }

  #beginAgain(): void {
    this.#isResting = false;
    for (const node of this.#cluster.healthyNodes())
      void this.begin(node).catch((error: unknown) => this.#onResult(error, []));
  }

  #changesOf(node: Node, { nodeId, containers, volumes }: Dirty): NoteChange[] {
    const changes = [...containers].map((engineId): NoteChange => {
      const value = node.containers.get(engineId)?.note;
      const key = containerKey(nodeId, engineId);
      return value === undefined ? { key } : { key, value };
    });
    if (volumes) changes.push({ key: volumesKey(nodeId), value: this.#volumesOf(node) });
    return changes;
  }

  #volumesOf(node: Node): string {
    return JSON.stringify(this.#cluster.volumes.of(node));
  }
}

function containerKey(nodeId: string, engineId: string): string {
  return `container/${nodeId}/${engineId}`;
}

/** With its end, so that no other node's key begins so. */
function volumesKey(nodeId: string): string {
  return `volumes/${nodeId}/`;
}
