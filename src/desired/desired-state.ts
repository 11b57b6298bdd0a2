import { isDeepStrictEqual } from 'node:util';
import { Emitter } from '../common/emitter.ts';
import { NotFoundError, reasonOf } from '../common/errors.ts';
import type { RecordStore, WriteOptions } from '../kv/record-store.ts';
import { RecordView, type RecordViewDeps } from '../kv/record-view.ts';
import { amended } from './amendments.ts';
import type { Amendment, ContainerRecord, RecordBody } from './record.ts';
import { CONTAINER_RECORDS, readBody } from './record-format.ts';
import { RecordIndex } from './record-index.ts';

export interface DesiredStateDeps extends RecordViewDeps {
  /** The bodies, by the keys of their records. */
  readonly bodies: RecordStore;
}

/** A record came (no `before`), changed, or went (no `after`), and that is durable. */
export interface RecordChanged {
  readonly before: ContainerRecord | undefined;
  readonly after: ContainerRecord | undefined;
}

/** How durable a record is that is added; its next change makes it as durable as any. */
export type AddOptions = Pick<WriteOptions, 'survives'>;

/** How a record changes: one that says the same leaves it as it is, undefined removes it. */
export type RecordEdit = (record: ContainerRecord) => ContainerRecord | undefined;

/**
 * What should be in the cluster: all records. Each change is durable before it is shown; the changes of one record are made one after
 * the other, each looking at what the earlier ones left. Bodies are on disk alone.
 */
export class DesiredState {
  readonly index: RecordIndex;
  readonly #deps: DesiredStateDeps;
  readonly #view: RecordView<ContainerRecord>;
  readonly #events: Emitter<RecordChanged>;
  /** The last change of each record that is being changed. */
  readonly #turns = new Map<string, Promise<unknown>>();

  private constructor(
    deps: DesiredStateDeps,
    view: RecordView<ContainerRecord>,
    index: RecordIndex,
    events: Emitter<RecordChanged>,
  ) {
    this.#deps = deps;
    this.#view = view;
    this.index = index;
    this.#events = events;
  }

  static async open(deps: DesiredStateDeps): Promise<DesiredState> {
    const index = new RecordIndex();
    const events = new Emitter<RecordChanged>((error) =>
      deps.logger.error({ reason: reasonOf(error) }, 'a listener of record changes failed'),
    );
    const view = await RecordView.open(deps, CONTAINER_RECORDS, (_, after, before) => {
      index.change(before, after);
      events.emit({ before, after });
    });
    return new DesiredState(deps, view, index, events);
  }

  get size(): number {
    return this.#view.size;
  }

  get(key: string): ContainerRecord | undefined {
    return this.#view.get(key);
  }

  /** The ID of the container that has a name, empty while it has none; undefined when nothing has the name. */
  holderOf(name: string): string | undefined {
    const record = this.index.byName(name);
    return record && (record.id ?? '');
  }

  all(): IterableIterator<ContainerRecord> {
    return this.#view.values();
  }

  /** Calls `listener` for every change, synchronously and in order, until the returned function is called. */
  subscribe(listener: (change: RecordChanged) => void): () => void {
    return this.#events.subscribe(listener);
  }

  /** What a container is made from anew. Throws 404 when the record is gone. */
  async body(key: string): Promise<RecordBody> {
    const stored = await this.#deps.bodies.get(key);
    const body = stored && readBody(stored.value);
    if (!body) throw new NotFoundError(`the body of record ${key} is not there, or of another version`, 'NO_BODY');
    return body;
  }

  /** Adds a record. Resolves when it is durable with its body; rejects when it is not, and then it is not there. */
  add(record: ContainerRecord, body: RecordBody, options: AddOptions = {}): Promise<void> {
    return this.#inTurn([record.key], () => this.#add(record, body, options));
  }

  async #add(record: ContainerRecord, body: RecordBody, options: AddOptions): Promise<void> {
    const { bodies } = this.#deps;
    const { key } = record;
    // One without the other means nothing: a record counts from the engine's answer on, which comes after both.
    const [added, written] = await Promise.allSettled([
      this.#view.put(key, record, options),
      bodies.write([{ key, value: JSON.stringify(body) }], options),
    ]);
    if (added.status === 'fulfilled' && written.status === 'fulfilled') return;
    await this.#forget(key).catch(() => undefined); // What stays is an open create, and resolved as such.
    throw added.status === 'rejected' ? added.reason : (written as PromiseRejectedResult).reason;
  }

  /**
   * Resolves with the record as it is then, once that is durable; undefined when it is gone. Nothing is written for one that is gone, or stays
   * as it is. Rejects when it cannot be written.
   */
  change(key: string, edit: RecordEdit): Promise<ContainerRecord | undefined> {
    return this.#inTurn([key], async () => {
      const before = this.#view.get(key);
      const after = before && edit(before);
      if (isSame(before, after)) return before;
      if (after) await this.#view.put(key, after);
      else await this.#forget(key);
      return after;
    });
  }

  /**
   * Changes several records in one write: all of them change, or none. `edit` is handed those that are there, by key, and answers with those that
   * change. Resolves with these once they are durable; rejects when they cannot be written.
   */
  changeTogether(
    keys: readonly string[],
    edit: (records: ReadonlyMap<string, ContainerRecord>) => readonly ContainerRecord[],
  ): Promise<readonly ContainerRecord[]> {
    return this.#inTurn(keys, async () => {
      const found = keys.flatMap((key): [string, ContainerRecord][] => {
        const record = this.#view.get(key);
        return record ? [[key, record]] : [];
      });
      const changed = edit(new Map(found));
      if (changed.length > 0) await this.#view.putAll(changed.map((record) => [record.key, record]));
      return changed;
    });
  }

  /** Adds a change that must be made to a copy, too, in place of earlier ones that it outdates, and the edit of the record that comes with it. */
  amend(
    key: string,
    amendment: Amendment,
    edit: RecordEdit = (record) => record,
  ): Promise<ContainerRecord | undefined> {
    return this.#inTurn([key], async () => {
      const before = this.#view.get(key);
      if (!before) return undefined;
      const body = await this.body(key);
      const after: RecordBody = { ...body, amendments: amended(body.amendments, amendment) };
      if (!isDeepStrictEqual(after, body)) await this.#deps.bodies.write([{ key, value: JSON.stringify(after) }]);
      const record = edit(before);
      if (!record || isSame(before, record)) return record && before;
      await this.#view.put(key, record);
      return record;
    });
  }

  /** Resolves when it is gone, durably, also when there was none. */
  remove(key: string): Promise<void> {
    return this.#inTurn([key], async () => {
      if (this.#view.has(key)) await this.#forget(key);
    });
  }

  /** Shows no changes any more. Idempotent. */
  async close(): Promise<void> {
    await this.#view.close();
  }

  /** The record first: a body without one is found as such, see `sweep`. */
  async #forget(key: string): Promise<void> {
    await this.#view.delete(key);
    await this.#deps.bodies.write([{ key }]);
  }

  /** A step follows the last one of each of its records: it is enqueued at all of them in the same turn, so that no two wait for each other. */
  #inTurn<T>(keys: readonly string[], step: () => Promise<T>): Promise<T> {
    const last = keys.flatMap((key) => this.#turns.get(key) ?? []);
    const turn = last.length > 0 ? Promise.allSettled(last).then(step) : step();
    for (const key of keys) this.#turns.set(key, turn);
    const end = (): void => {
      for (const key of keys) if (this.#turns.get(key) === turn) this.#turns.delete(key);
    };
    turn.then(end, end);
    return turn;
  }
}

function isSame(before: ContainerRecord | undefined, after: ContainerRecord | undefined): boolean {
  return before === after || (before !== undefined && after !== undefined && isDeepStrictEqual(before, after));
}
