import type { Container } from '../cluster/container.ts';
import type { Node } from '../cluster/node.ts';
import type { Tombstones } from '../cluster/tombstones.ts';
import type { Clock } from '../common/clock.ts';
import { ClusterError, reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { Attempts } from '../desired/attempts.ts';
import type { ContainerSpec } from '../desired/container-spec.ts';
import type { DesiredState, RecordEdit } from '../desired/desired-state.ts';
import {
  type Amendment,
  type ContainerRecord,
  type OwedStop,
  RECORD_FORMAT,
  type RecordBody,
  type Wanted,
} from '../desired/record.ts';
import { copiesOf } from '../desired/record-index.ts';
import { type NodeTies, tied } from '../desired/terms.ts';
import type { ContainerMemory } from './container-memory.ts';

export interface RecorderDeps {
  readonly desired: DesiredState;
  readonly attempts: Attempts;
  readonly tombstones: Tombstones;
  readonly memory?: Pick<ContainerMemory, 'flush'> | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A create that is recorded as begun. */
export interface Intent {
  /** The value of the container's label `io.enxame.attempt`. */
  readonly label: string;
  /** Resolves when the engine may be asked: other managers would know of it. Rejects when it cannot be written. */
  readonly written: Promise<void>;
  /** The engine made it: durable when it resolves. Rejects when another manager has become the primary, and undone it. */
  settle(engineId: string): Promise<void>;
  /**
   * Nothing is to be there: the record goes. In doubt, the engine may have made something all the same. Never rejects; what stays is told as
   * doubt, see {@link Recorder.onDoubt}.
   */
  withdraw(options?: { readonly isInDoubt?: boolean }): Promise<void>;
}

/** What is recorded beside the specification. */
export interface IntentOptions {
  readonly ties: NodeTies;
  readonly image: RecordBody['image'];
}

/** A wish that is being recorded while the engine is asked. */
export interface Wish {
  /** Resolves when it is durable; rejects when it cannot be written. Rejections need not be handled. */
  readonly written: Promise<void>;
  /** The engine refused: what was wanted before is wanted again, unless something else is by now. */
  revert(): Promise<void>;
}

/** Writes down what clients want of containers. Containers without a record are none of its business: each call is nothing for them. */
export class Recorder {
  readonly #deps: RecorderDeps;
  #onDoubt: (nodeId: string) => void = () => undefined;

  constructor(deps: RecorderDeps) {
    this.#deps = deps;
  }

  /** Sets who is told of a node that may hold something nobody asked for, or a record of which stays without need. */
  set onDoubt(listener: (nodeId: string) => void) {
    this.#onDoubt = listener;
  }

  /** Holds an attempt that is no create's; the returned function ends it. */
  hold(attempt: string): () => void {
    const { attempts } = this.#deps;
    attempts.begin(attempt);
    return () => attempts.end(attempt);
  }

  /** Records that a container is about to be made on a node. */
  intend(spec: ContainerSpec, node: Node, { ties, image }: IntentOptions): Intent {
    const { desired, attempts, clock } = this.#deps;
    const key = attempts.next();
    const record: ContainerRecord = {
      format: RECORD_FORMAT,
      key,
      name: spec.name ?? '',
      current: { nodeId: node.id, attempt: key, generation: 0 },
      wanted: 'created',
      terms: tied(spec.terms, ties),
    };
    const body: RecordBody = {
      format: RECORD_FORMAT,
      source: spec.source,
      ...(image && { image }),
      createdMs: clock.now(),
      amendments: [],
    };
    attempts.begin(key);
    // Written with the engine's answer. Should the manager end before, the container's mark is one that no record knows, and what was never
    // started is removed for that (open-creates.ts).
    const written = quiet(desired.add(record, body, { survives: 'nothing' }));
    return {
      label: attempts.labelOf(key),
      written,
      settle: async (engineId) => {
        const after = await desired.change(key, (each) => ({
          ...each,
          id: engineId,
          current: { ...each.current, engineId },
        }));
        if (!after) throw new CreateUndoneError(record.name);
        attempts.end(key);
      },
      withdraw: async ({ isInDoubt = false } = {}) => {
        if (isInDoubt) attempts.giveUp(key);
        const isGone = await desired.remove(key).then(
          () => true,
          (error: unknown) => this.#warn(record.name, error),
        );
        if (!isGone) attempts.giveUp(key);
        attempts.end(key);
        // What is listed by now of what the client was refused is out of sight at once, if the engine answers.
        if (isInDoubt) hideListed(node, record.name);
        if (isInDoubt || !isGone) this.#onDoubt(node.id);
      },
    };
  }

  /** The record whose container this is. */
  recordOf({ engineId }: Pick<Container, 'engineId'>): ContainerRecord | undefined {
    const found = this.#deps.desired.index.byEngineId(engineId);
    return found?.role === 'current' ? found.record : undefined;
  }

  /** Records what is wanted of a container from now on. */
  wish(container: Container, wanted: Wanted | undefined): Wish {
    const record = this.recordOf(container);
    const isOwed = record?.owedStop !== undefined && wanted !== 'stopped';
    const isSame = record?.wanted === wanted && record?.ended === undefined && !isOwed;
    if (!record || wanted === undefined || isSame) return NO_WISH;
    const { desired } = this.#deps;
    const written = desired.change(record.key, ({ ended: _, owedStop, ...each }) => ({
      ...each,
      wanted,
      ...(owedStop && wanted === 'stopped' && { owedStop }),
    }));
    const { ended, owedStop } = record;
    const back: RecordEdit = (each) => {
      if (each.wanted !== wanted) return each;
      const isThere = each.current.attempt === record.current.attempt;
      return { ...each, wanted: record.wanted, ...(ended && { ended }), ...(owedStop && isThere && { owedStop }) };
    };
    return {
      written: quiet(written.then(() => undefined)),
      revert: async () => {
        await desired.change(record.key, back);
      },
    };
  }

  /** Records that a container is stopped, which its engine is to be told yet. Resolves with whether it is so, durably. */
  async oweStop(container: Container, owedStop: OwedStop): Promise<boolean> {
    const record = this.recordOf(container);
    if (!record) return false;
    const after = await this.#deps.desired.change(record.key, ({ ended: _, ...each }) =>
      each.current.attempt === record.current.attempt ? { ...each, wanted: 'stopped', owedStop } : each,
    );
    return after?.current.attempt === record.current.attempt;
  }

  /** Records a change of a container's record; durable when it resolves. */
  async change(container: Container, edit: RecordEdit): Promise<void> {
    const record = this.recordOf(container);
    if (record) await this.#deps.desired.change(record.key, edit);
  }

  /** Records a change of what a container is made from, and the edit of its record that comes with it; durable when it resolves. */
  async amend(container: Container, amendment: Amendment, edit?: RecordEdit): Promise<void> {
    const record = this.recordOf(container);
    if (record) await this.#deps.desired.amend(record.key, amendment, edit);
  }

  /** Engines removed these containers for a client, and the model lists them no more. */
  async removed(engineIds: Iterable<string>): Promise<void> {
    const records = [...engineIds].flatMap((engineId) => this.recordOf({ engineId }) ?? []);
    await Promise.all(records.map((record) => this.forget(record)));
    await this.#deps.memory?.flush();
  }

  /** The container is gone for clients: its record goes, and copies elsewhere are removed when their nodes are reached. */
  async remove(container: Container): Promise<void> {
    const record = this.recordOf(container);
    if (record) await this.forget(record);
  }

  /** See {@link remove}. */
  async forget(record: ContainerRecord): Promise<void> {
    const { desired, tombstones } = this.#deps;
    for (const { copy, role } of copiesOf(record)) {
      const { engineId, nodeId } = copy;
      if (role === 'current' || engineId === undefined) continue;
      await tombstones.bury({ engineId, nodeId, name: record.name, search: '?force=1&v=1' });
    }
    await desired.remove(record.key);
  }

  /**
   * A node that left is given up: names of what it held are free. Records stay of containers that are to be made anew elsewhere, and of those that
   * were never started, so that these are not taken for leftovers if the node comes back after all.
   */
  async forgetNode(nodeId: string, isMadeAnew: (record: ContainerRecord) => boolean = () => false): Promise<void> {
    const { desired } = this.#deps;
    for (const record of desired.index.onNode(nodeId))
      if (record.wanted !== 'created' && !record.move && !isMadeAnew(record)) await desired.remove(record.key);
  }

  #warn(name: string, error: unknown): false {
    const { logger } = this.#deps;
    logger.warn({ container: name, reason: reasonOf(error) }, 'the record of a create that failed stays for now');
    return false;
  }
}

/** While the engine was asked, this manager was suspended, and its successor resolved what it had left open. */
class CreateUndoneError extends ClusterError {
  constructor(name: string) {
    super(`the create of ${name} took so long that another manager, which is the primary now, undid it; ask again`, {
      code: 'CREATE_UNDONE',
      status: 503,
    });
  }
}

function hideListed(node: Node, name: string): void {
  const listed = [...node.containers.values()].filter((container) => container.name === name);
  node.refreshContainers(listed.map(({ engineId }) => engineId)).catch(() => undefined); // It is listed when its node is back.
}

const NO_WISH: Wish = { written: Promise.resolve(), revert: async () => undefined };

/** The same promise; that it rejects without anybody waiting for it is no fault of the program. */
function quiet<T>(promise: Promise<T>): Promise<T> {
  promise.catch(() => undefined);
  return promise;
}
