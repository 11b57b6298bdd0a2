import { MultiMap } from '../common/multi-map.ts';
import type { ContainerRecord, Copy } from './record.ts';

/** A record and one of its copies. */
export interface RecordedCopy {
  readonly record: ContainerRecord;
  readonly copy: Copy;
  /** `current` is the container; `next` is being made for a move; `stale` must not run. */
  readonly role: 'current' | 'next' | 'stale';
}

/** Every record by what it is asked for; each look-up is O(1). */
export class RecordIndex {
  readonly #byId = new Map<string, ContainerRecord>();
  readonly #byEngineId = new Map<string, RecordedCopy>();
  readonly #byAttempt = new Map<string, RecordedCopy>();
  readonly #byName = new MultiMap<string, ContainerRecord>();
  readonly #byNode = new MultiMap<string, ContainerRecord>();
  readonly #staleByNode = new MultiMap<string, RecordedCopy>();
  readonly #moving = new Set<ContainerRecord>();
  readonly #dataLost = new Set<ContainerRecord>();
  readonly #owing = new MultiMap<string, ContainerRecord>();
  readonly #byFormerId = new Map<string, ContainerRecord>();

  /** One came (no `before`), changed or went (no `after`). */
  change(before: ContainerRecord | undefined, after: ContainerRecord | undefined): void {
    if (before) this.#remove(before);
    if (after) this.#add(after);
  }

  byId(id: string): ContainerRecord | undefined {
    return this.#byId.get(id);
  }

  byEngineId(engineId: string): RecordedCopy | undefined {
    return this.#byEngineId.get(engineId);
  }

  byAttempt(attempt: string): RecordedCopy | undefined {
    return this.#byAttempt.get(attempt);
  }

  /** The first that has the name; a name is one container's, but for the moment in which names are exchanged. */
  byName(name: string): ContainerRecord | undefined {
    return this.#byName.first(name);
  }

  /** The one whose container an engine called so before it was moved. */
  byFormerId(engineId: string): ContainerRecord | undefined {
    return this.#byFormerId.get(engineId);
  }

  /** The nodes that containers are on, by ID. */
  nodeIds(): IterableIterator<string> {
    return this.#byNode.keys();
  }

  /** Those whose container is on the node. */
  onNode(nodeId: string): readonly ContainerRecord[] {
    return this.#byNode.get(nodeId);
  }

  staleOn(nodeId: string): readonly RecordedCopy[] {
    return this.#staleByNode.get(nodeId);
  }

  /** Those whose container on the node is to be stopped there yet. */
  owingOn(nodeId: string): readonly ContainerRecord[] {
    return this.#owing.get(nodeId);
  }

  /** Those whose container went with its node's data. */
  get dataLost(): ReadonlySet<ContainerRecord> {
    return this.#dataLost;
  }

  /** Those with an open move. */
  get moving(): ReadonlySet<ContainerRecord> {
    return this.#moving;
  }

  #add(record: ContainerRecord): void {
    if (record.id !== undefined) this.#byId.set(record.id, record);
    this.#byName.add(record.name, record);
    this.#byNode.add(record.current.nodeId, record);
    if (record.move) this.#moving.add(record);
    if (record.dataLostMs !== undefined) this.#dataLost.add(record);
    if (record.owedStop) this.#owing.add(record.current.nodeId, record);
    for (const id of record.formerIds ?? []) this.#byFormerId.set(id, record);
    for (const each of copiesOf(record)) {
      const { engineId, attempt, nodeId } = each.copy;
      if (engineId !== undefined) this.#byEngineId.set(engineId, each);
      this.#byAttempt.set(attempt, each);
      if (each.role === 'stale') this.#staleByNode.add(nodeId, each);
    }
  }

  #remove(record: ContainerRecord): void {
    if (record.id !== undefined && this.#byId.get(record.id) === record) this.#byId.delete(record.id);
    this.#byName.remove(record.name, record);
    this.#byNode.remove(record.current.nodeId, record);
    this.#moving.delete(record);
    this.#dataLost.delete(record);
    this.#owing.remove(record.current.nodeId, record);
    for (const id of record.formerIds ?? []) if (this.#byFormerId.get(id) === record) this.#byFormerId.delete(id);
    for (const { copy } of copiesOf(record)) {
      const { engineId, attempt, nodeId } = copy;
      if (engineId !== undefined && this.#byEngineId.get(engineId)?.record === record)
        this.#byEngineId.delete(engineId);
      if (this.#byAttempt.get(attempt)?.record === record) this.#byAttempt.delete(attempt);
      for (const stale of this.#staleByNode.get(nodeId))
        if (stale.record === record) this.#staleByNode.remove(nodeId, stale);
    }
  }
}

/** Every copy of a record that an engine may have. */
export function copiesOf(record: ContainerRecord): readonly RecordedCopy[] {
  const { current, move, stale = [] } = record;
  return [
    { record, copy: current, role: 'current' },
    ...(move ? [{ record, copy: move.to, role: 'next' } as const] : []),
    ...(move?.carried?.helpers ?? []).map((copy) => ({ record, copy, role: 'next' }) as const),
    ...stale.map((copy) => ({ record, copy, role: 'stale' }) as const),
  ];
}
