import type { Cluster } from '../cluster/cluster.ts';
import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import { ClusterError, ConflictError, reasonOf } from '../common/errors.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import type { VolumeSummary } from '../engine/types.ts';
import { type Carriage, carriageOf } from './carriage.ts';
import { COPY_WORD, SOURCE_WORD, type VolumeHomes } from './homes.ts';
import type { VolumeMemory } from './kept-homes.ts';
import type { KeptSources } from './kept-sources.ts';
import { makeOn, removeOn } from './on-engines.ts';
import type { Turns } from './turns.ts';

/** A named volume that goes from one node to another; both by the engine's ID. */
export interface MovingVolume {
  readonly volume: string;
  readonly from: string;
  readonly to: string;
}

/** What is noted of a volume that stays behind. */
export interface SourceTerms {
  /** The container's name. */
  readonly container: string;
  /** For how long it is kept, in milliseconds. */
  readonly keepMs: number;
  /** When its engine made it, in the engine's words. */
  readonly createdAt: string;
  /** It is the container's alone: no name means it. */
  readonly isAnonymous?: boolean;
}

export interface VolumeMovesDeps {
  readonly cluster: Cluster;
  readonly homes: VolumeHomes;
  readonly memory: VolumeMemory | undefined;
  readonly sources: KeptSources | undefined;
  readonly turns: Turns;
  readonly clock: Clock;
}

/**
 * Gives volumes another home. What is about to be done is durable before an engine is asked, so that {@link commit} or {@link undo} may follow
 * whatever was interrupted, and follow each other; of two copies the home is always exactly one.
 */
export class VolumeMoves {
  readonly #deps: VolumeMovesDeps;

  constructor(deps: VolumeMovesDeps) {
    this.#deps = deps;
    if (!deps.sources) return;
    deps.sources.follow({
      isLeft: ({ nodeId, volume }) => this.#said(nodeId, volume) === SOURCE_WORD,
      removed: ({ nodeId, volume }) => this.#forget(`${nodeId}/${volume}`),
    });
  }

  /** How a volume would come along from a node; undefined when that does not list it. */
  carriageOf(volume: string, node: Node): Carriage | undefined {
    const summary = this.summaryOf(volume, node);
    return summary && carriageOf(summary);
  }

  /** As a node lists it. */
  summaryOf(volume: string, node: Node | undefined): VolumeSummary | undefined {
    return node && this.#deps.cluster.volumes.get(volume)?.holders.get(node);
  }

  /** Why no volume can move to wherever, in words; undefined when volumes can. */
  get hindrance(): string | undefined {
    const { memory, sources } = this.#deps;
    return memory && sources ? undefined : 'the manager keeps no state, and volumes move only with one';
  }

  /** Why a node cannot take a volume, in words; undefined when it can. An earlier source of it makes room. */
  refusalOf(volume: string, node: Node): string | undefined {
    if (this.hindrance !== undefined) return this.hindrance;
    if (!this.summaryOf(volume, node) || this.#said(node.id, volume) === SOURCE_WORD) return undefined;
    return `it has a volume "${volume}" of its own, which is not overwritten`;
  }

  /** Makes an empty volume as the home has it, which is not meant by its name yet. Throws 409 when the node cannot take it. */
  prepare({ volume, from, to }: { readonly volume: string; readonly from: Node; readonly to: Node }): Promise<void> {
    const { cluster, turns, sources } = this.#deps;
    return turns.run(volume, async () => {
      const why = this.refusalOf(volume, to);
      if (why !== undefined) throw new ConflictError(`${to.name} cannot take volume ${volume}: ${why}`, 'MOVE_REFUSED');
      if (this.#said(to.id, volume) === SOURCE_WORD) await this.#removeEarlier(volume, to);
      await sources?.forget(to.id, volume);
      await this.#say(to.id, volume, COPY_WORD);
      const { Driver, Labels, Options } = this.summaryOf(volume, from) ?? {};
      cluster.moves.quietVolume(to, volume, 'create');
      await makeOn(to, JSON.stringify({ Name: volume, Driver, Labels, DriverOpts: Options }));
    });
  }

  /** Its new home is the other node, durably; the source is kept for its time. May be called again. */
  async commit({ volume, from, to }: MovingVolume, terms: SourceTerms | undefined): Promise<void> {
    if (terms) await this.keep(from, volume, terms);
    // From this word on the copy is the home.
    await this.#say(from, volume, SOURCE_WORD);
    await this.#forget(`${to}/${volume}`);
  }

  /** Notes a volume that is left behind, to be removed when its time is over. */
  async keep(nodeId: string, volume: string, { keepMs, ...terms }: SourceTerms): Promise<void> {
    const { sources, clock } = this.#deps;
    await sources?.keep({ nodeId, volume, ...terms, untilMs: clock.now() + keepMs });
  }

  /** A volume that was noted as left behind is its container's still. */
  async release(nodeId: string, volume: string): Promise<void> {
    await this.#deps.sources?.forget(nodeId, volume);
  }

  /** Its home is where it was. The copy is removed, if this made one; where that cannot be done now, it is done later. May be called again. */
  async undo({ volume, from, to }: MovingVolume): Promise<void> {
    const { sources, turns } = this.#deps;
    await turns.run(volume, async () => {
      await sources?.forget(from, volume);
      if (this.#said(from, volume) === SOURCE_WORD) {
        await this.#say(to, volume, COPY_WORD);
        await this.#forget(`${from}/${volume}`);
      }
      if (this.#said(to, volume) === COPY_WORD) await this.#removeCopy(volume, to);
    });
  }

  /** An earlier source of the volume makes room for what it has become. */
  async #removeEarlier(volume: string, node: Node): Promise<void> {
    if (!this.summaryOf(volume, node)) return;
    this.#deps.cluster.moves.quietVolume(node, volume, 'destroy');
    try {
      await removeOn(node, volume);
    } catch (error) {
      if (!(error instanceof EngineAnswerError && error.status === 409)) throw error;
      // As a rule by what a move left behind when the node was lost: that goes soon after its return.
      throw new ConflictError(
        `volume ${volume} cannot be replaced on ${node.name}, where an earlier move left it: a container uses it (${reasonOf(error)})`,
        'MOVE_BUSY',
      );
    }
  }

  async #removeCopy(volume: string, nodeId: string): Promise<void> {
    const { cluster, sources } = this.#deps;
    const node = cluster.node(nodeId);
    const summary = node?.id === nodeId ? this.summaryOf(volume, node) : undefined;
    try {
      if (!node?.isHealthy) throw new ClusterError('it is away', { code: 'NODE_UNHEALTHY', status: 503 });
      cluster.moves.quietVolume(node, volume, 'destroy');
      await removeOn(node, volume);
    } catch (error) {
      const isGone = error instanceof EngineAnswerError && error.status === 404;
      if (!isGone) {
        // It is not the home in any case, and goes when its node is reached.
        await this.#say(nodeId, volume, SOURCE_WORD);
        await sources?.keep({ nodeId, volume, createdAt: summary?.CreatedAt ?? '', container: '', untilMs: 0 });
        return;
      }
    }
    await this.#forget(`${nodeId}/${volume}`);
  }

  #said(nodeId: string, volume: string): string | undefined {
    return this.#deps.memory?.released.get(`${nodeId}/${volume}`);
  }

  async #say(nodeId: string, volume: string, word: string): Promise<void> {
    if (this.#said(nodeId, volume) !== word) await this.#deps.memory?.released.put(`${nodeId}/${volume}`, word);
  }

  async #forget(key: string): Promise<void> {
    const { memory } = this.#deps;
    if (memory?.released.has(key)) await memory.released.delete(key);
  }
}
