import type { ClusterEvent } from '../cluster/events.ts';
import type { Node } from '../cluster/node.ts';
import { EngineError, reasonOf } from '../common/errors.ts';
import type { ContainerRecord, Copy, MovingVolume, MovingVolumes, OpenMove } from '../desired/record.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import { fieldsOf, textOf } from '../scheduler/json.ts';
import { closeAll } from '../volumes/close-all.ts';
import { copyVolumes } from '../volumes/copy-volumes.ts';
import { MountedVolumes, type Mounting, removeMounting } from '../volumes/mounted-volumes.ts';
import { type MovingMounts, movingMounts, type VolumeUser, volumesByPath } from './carried-mounts.ts';
import type { ProvisionalDeps } from './deps.ts';
import { findCopy } from './move-copy.ts';

export interface MoveVolumesOptions {
  /** Those that move as one, in the order in which they need each other. */
  readonly users: readonly [VolumeUser, ...VolumeUser[]];
  readonly from: Node;
  readonly to: Node;
  readonly keepSourceMs: number;
  readonly onBytes?: ((bytes: number) => void) | undefined;
}

/**
 * The volumes of one container, or of several that share some, which go with it: made on the other node, copied while nothing writes to them, and given
 * their new home.
 */
export class MoveVolumes {
  readonly #deps: ProvisionalDeps;
  readonly #options: MoveVolumesOptions;
  readonly #mounts: MovingMounts;
  readonly #helpers: readonly [source: Copy, target: Copy, unnamed: Copy];
  readonly #open = new Set<MountedVolumes>();
  #source: MountedVolumes | undefined;
  #target: MountedVolumes | undefined;
  #image = '';

  private constructor(deps: ProvisionalDeps, options: MoveVolumesOptions, mounts: MovingMounts) {
    this.#deps = deps;
    this.#options = options;
    this.#mounts = mounts;
    const { from, to, users } = options;
    const generation = users[0].record.current.generation + 1;
    const helper = ({ id: nodeId }: Node): Copy => ({ nodeId, attempt: deps.attempts.next(), generation });
    this.#helpers = [helper(from), helper(to), helper(to)];
  }

  /** Undefined when nothing has to come along. Throws 409 with the reason when something cannot. */
  static async find(
    deps: ProvisionalDeps,
    options: MoveVolumesOptions,
    signal: AbortSignal,
  ): Promise<MoveVolumes | undefined> {
    const mounts = await movingMounts(deps, options.users, options, signal);
    return mounts && new MoveVolumes(deps, options, mounts);
  }

  /** For the durable word before an engine is asked. */
  get carried(): MovingVolumes {
    const { volumes } = this.#mounts;
    return { volumes, helpers: this.#helpers, keepSourceMs: this.#options.keepSourceMs };
  }

  /** Paths whose volumes the engine of a record's successor leaves empty. */
  emptyVolumesOf(key: string): readonly string[] {
    const { owners } = this.#mounts;
    return this.#unnamed.flatMap(({ volume, anonymousAt = '' }) => (owners.get(volume) === key ? anonymousAt : []));
  }

  /** Names that have a home of their own on the other node before the successor is made. */
  get names(): readonly string[] {
    return this.#named.map(({ volume }) => volume);
  }

  get #named(): readonly MovingVolume[] {
    return this.#mounts.volumes.filter(({ anonymousAt }) => anonymousAt === undefined);
  }

  get #unnamed(): readonly MovingVolume[] {
    return this.#mounts.volumes.filter(({ anonymousAt }) => anonymousAt !== undefined);
  }

  get #copied(): readonly MovingVolume[] {
    return this.#named.filter(({ isAlike }) => !isAlike);
  }

  /** Makes what is missing on both nodes while the container still runs. `image` is one that the other node has. */
  async prepare(image: string, signal: AbortSignal): Promise<void> {
    const { from, to } = this.#options;
    this.#image = image;
    for (const { volume } of this.#named) await this.#deps.volumes.moves.prepare({ volume, from, to });
    const sources = [...this.#copied, ...this.#unnamed].map(({ volume }) => volume);
    if (sources.length > 0) this.#source = await this.#mountSource(sources, signal);
    const targets = this.#copied.map(({ volume }) => volume);
    if (targets.length > 0)
      this.#target = await this.#mount(to, this.#mounting(targets, this.#helpers[1], image, signal));
  }

  /** Copies the volumes with a name. The container does not run. */
  async copyNamed(signal: AbortSignal): Promise<void> {
    const names = this.#copied.map(({ volume }) => volume);
    if (this.#source && this.#target) await this.#copy(this.#source, this.#target, names, 0, signal);
  }

  /** Copies those without one into the successors', which were made and not started. @param successors their engine IDs, by their records' keys */
  async copyUnnamed(successors: ReadonlyMap<string, string>, signal: AbortSignal): Promise<void> {
    const unnamed = this.#unnamed;
    if (!this.#source || unnamed.length === 0) return;
    const { to } = this.#options;
    const targets = await this.#targetsOf(unnamed, successors, signal);
    // Places are those of the source's list.
    const skipped = this.#copied.map(() => targets[0] ?? '');
    const mounting = this.#mounting([...skipped, ...targets], this.#helpers[2], this.#image, signal);
    const target = await this.#mount(to, mounting);
    const names = unnamed.map(({ volume }) => volume);
    await this.#copy(this.#source, target, names, skipped.length, signal);
  }

  /** What volumes without a name are called on the other node. */
  async #targetsOf(
    unnamed: readonly MovingVolume[],
    successors: ReadonlyMap<string, string>,
    signal: AbortSignal,
  ): Promise<readonly string[]> {
    const { owners } = this.#mounts;
    const paths = new Map<string, ReadonlyMap<string, string>>();
    for (const key of new Set(owners.values()))
      paths.set(key, await volumesByPath(this.#options.to, successors.get(key) ?? '', signal));
    return unnamed.map(({ volume, anonymousAt = '' }) => {
      const name = paths.get(owners.get(volume) ?? '')?.get(anonymousAt);
      if (name === undefined) throw new EngineError(`the successor has no volume at ${anonymousAt} for ${volume}`);
      return name;
    });
  }

  /** Removes the containers that reached the volumes. Rejects when one may be there still. */
  async close(): Promise<void> {
    await closeAll(this.#open);
  }

  /** The other node is the volumes' home from now on, durably. */
  commit(): Promise<void> {
    const { users, to } = this.#options;
    return commitVolumes(this.#deps, users[0].record, to.id, this.carried);
  }

  /** All is as it was. */
  undo(): Promise<void> {
    const { users, to } = this.#options;
    return undoVolumes(this.#deps, users[0].record, to.id, this.carried);
  }

  async #mountSource(volumes: readonly string[], signal: AbortSignal): Promise<MountedVolumes> {
    const { from, users } = this.#options;
    const mounting = this.#mounting(volumes, this.#helpers[0], this.#mounts.image, signal);
    try {
      return await this.#mount(from, mounting);
    } catch (error) {
      if (!(error instanceof EngineAnswerError && error.status === 404)) throw error;
      // Its tags were removed by force: any image will do, and the record has the reference.
      const { source } = await this.#deps.desired.body(users[0].record.key);
      const reference = textOf(fieldsOf(JSON.parse(source.text)).Image);
      const image = await this.#deps.images.ensureOn(from, reference, { signal });
      return await this.#mount(from, { ...mounting, image: image.reference });
    }
  }

  async #mount(node: Node, mounting: Mounting): Promise<MountedVolumes> {
    const mounted = await MountedVolumes.open(node, mounting);
    this.#open.add(mounted);
    return mounted;
  }

  #mounting(volumes: readonly string[], { attempt }: Copy, image: string, signal: AbortSignal): Mounting {
    const { imageVolumes } = this.#mounts;
    return { volumes, image, imageVolumes, label: this.#deps.attempts.labelOf(attempt), signal };
  }

  /** Ends when one of the nodes does not answer any more: an archive has no deadline of its own. */
  async #copy(
    source: MountedVolumes,
    target: MountedVolumes,
    names: readonly string[],
    first: number,
    signal: AbortSignal,
  ): Promise<void> {
    const { from, to, onBytes, users } = this.#options;
    const { cluster, logger } = this.#deps;
    const stop = new AbortController();
    const unsubscribe = cluster.subscribe((event: ClusterEvent) => {
      if (event.kind !== 'node-state' || event.to === 'Healthy') return;
      if (event.node === from || event.node === to)
        stop.abort(new EngineError(`${event.node.name} became unhealthy: ${event.reason}`));
    });
    try {
      const ended = AbortSignal.any([signal, stop.signal]);
      const copied = await copyVolumes(source, target, { names, first }, { signal: ended, onBytes });
      for (const [i, { entries, bytes, digest }] of copied.entries()) {
        const fields = { container: users[0].record.name, volume: names[i], from: from.name, to: to.name };
        logger.info({ ...fields, entries, bytes, digest }, 'volume copied and verified');
      }
    } finally {
      unsubscribe();
    }
  }
}

/** Gives the volumes of a move their new home, durably; those that stay behind are noted. May be called again. */
export async function commitVolumes(
  { volumes }: ProvisionalDeps,
  { name, current }: ContainerRecord,
  to: string,
  { volumes: moving, keepSourceMs }: MovingVolumes,
): Promise<void> {
  const from = current.nodeId;
  for (const { volume, createdAt, anonymousAt, isAlike } of moving) {
    const terms = { container: name, keepMs: keepSourceMs, createdAt };
    if (anonymousAt !== undefined) await volumes.moves.keep(from, volume, { ...terms, isAnonymous: true });
    // What mounts something of the network is left as it is: removing it might remove what it mounts.
    else await volumes.moves.commit({ volume, from, to }, isAlike ? undefined : terms);
  }
}

/** Takes back what a move did to volumes, or began to. May be called again. */
export async function undoVolumes(
  { volumes }: ProvisionalDeps,
  { current }: ContainerRecord,
  to: string,
  { volumes: moving }: MovingVolumes,
): Promise<void> {
  for (const { volume, anonymousAt } of moving) {
    if (anonymousAt === undefined) await volumes.moves.undo({ volume, from: current.nodeId, to });
    else await volumes.moves.release(current.nodeId, volume);
  }
}

/** Removes the containers of an interrupted move that reached volumes, where their nodes answer. Never rejects. */
export async function removeHelpers({ cluster, attempts, logger }: ProvisionalDeps, move: OpenMove): Promise<void> {
  for (const { nodeId, attempt } of move.carried?.helpers ?? []) {
    const node = cluster.node(nodeId);
    if (node?.id !== nodeId || !node.isHealthy) continue;
    try {
      const engineId = await findCopy(node, attempts.labelOf(attempt));
      if (engineId !== undefined) await removeMounting(node, engineId);
    } catch (error) {
      logger.warn({ node: node.name, reason: reasonOf(error) }, 'a container that reached volumes is not removed yet');
    }
  }
}
