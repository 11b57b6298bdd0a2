import { readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClassicLevel } from 'classic-level';
import { ClusterError, reasonOf } from '../common/errors.ts';
import { makeFolder } from '../common/make-folder.ts';
import { damageIn, keepLogs } from './damage.ts';

/** One change of a batch; without `value` the key is removed. */
export interface EmbeddedChange {
  readonly key: string;
  readonly value?: string;
}

/** What a write is to survive. */
export type Survival = 'power loss' | 'kill' | 'nothing';

/** An ordered store of texts in one folder, owned by one process at a time. */
export interface EmbeddedStore {
  /** What could not be read when it was opened, in words: changes are missing. Undefined when all was. */
  readonly damage?: string | undefined;
  /** The value of a key; undefined when there is none. */
  get(key: string): Promise<string | undefined>;
  /** Every pair, in key order; with `prefix` those whose keys begin so. */
  pairs(prefix?: string): AsyncIterable<readonly [key: string, value: string]>;
  /**
   * Applies all changes or none, after those of earlier calls. What is resolved survives the end of this process, however it ends, and by default the loss of
   * the machine's power, and so do all earlier ones then. What is to survive nothing is read at once, and written with the next changes that are to survive a
   * loss of power, or at the close. Rejects with a {@link ClusterError} of one line, code `STATE_NOT_WRITTEN`, when nothing was written.
   */
  write(changes: readonly EmbeddedChange[], survives?: Survival): Promise<void>;
  /** Gives the folder free. May be called again. */
  close(): Promise<void>;
}

/**
 * Opens the store in `folder`, made with its parents when absent (for its owner only). Throws a {@link ClusterError}: code
 * `STATE_LOCKED` when another process has it, `STATE_UNUSABLE` when it cannot be read or written.
 */
export async function openEmbeddedStore(folder: string): Promise<EmbeddedStore> {
  await makeFolder(folder).catch((error: unknown) => {
    throw unusable(folder, error);
  });
  await keepLogs(folder);
  const level = new ClassicLevel<string, string>(folder);
  await level.open().catch((error: Error) => {
    throw isLocked(error) ? locked(folder, error) : unusable(folder, error);
  });
  return new LevelStore(level, folder, await damageIn(folder));
}

/** Changes that go together, in the order asked. */
interface Batch {
  readonly changes: EmbeddedChange[];
  sync: boolean;
  readonly done: Promise<void>;
}

/** Changes that are not synchronized, or not written at all: with more of them a batch is. */
const MOST_UNSYNCED = 1_000;
const MOST_POSTPONED_CHARACTERS = 4 * 1024 * 1024;

/** One batch at a time, in the order asked; what arrives meanwhile goes together as the next batch. */
class LevelStore implements EmbeddedStore {
  readonly damage: string | undefined;
  #level: ClassicLevel<string, string>;
  readonly #folder: string;
  /** Why a write failed: LevelDB takes further ones, and drops them at its next opening, for they follow a torn record in its log. */
  #tear: { readonly error: unknown } | undefined;
  #isClosed = false;
  #waiting: Batch | undefined;
  #underWay: Batch | undefined;
  /** Written again with the next batch that is synchronized: LevelDB may have begun another log by then, and synchronizes that one alone. */
  #unsynced = new Map<string, EmbeddedChange>();
  readonly #postponed = new PostponedChanges();
  #last: Promise<void> = Promise.resolve();

  constructor(level: ClassicLevel<string, string>, folder: string, damage: string | undefined) {
    this.#level = level;
    this.#folder = folder;
    this.damage = damage;
  }

  async get(key: string): Promise<string | undefined> {
    const postponed = this.#postponed.get(key);
    if (postponed) return postponed.value;
    return await this.#level.get(key).catch((error: unknown) => {
      throw unreadable(this.#folder, error);
    });
  }

  async *pairs(prefix: string = ''): AsyncGenerator<readonly [key: string, value: string], void, void> {
    if (this.#postponed.size > 0) await this.write([]);
    try {
      yield* this.#level.iterator(prefix === '' ? {} : { gte: prefix, lt: `${prefix}\u{10ffff}` });
    } catch (error) {
      throw unreadable(this.#folder, error);
    }
  }

  write(changes: readonly EmbeddedChange[], survives: Survival = 'power loss'): Promise<void> {
    if (survives === 'nothing' && this.#mayPostpone(changes)) {
      this.#postponed.add(changes);
      return Promise.resolve();
    }
    this.#waiting ??= this.#nextBatch();
    this.#waiting.changes.push(...changes);
    this.#waiting.sync ||= survives !== 'kill' || changes.some(({ key }) => this.#postponed.get(key));
    return this.#waiting.done;
  }

  async close(): Promise<void> {
    if (!this.#isClosed && this.#postponed.size > 0) void this.write([]).catch(() => undefined);
    this.#isClosed = true;
    await this.#last.catch(() => undefined);
    await this.#level.close();
  }

  /** Not when it would overtake an earlier change of its key, nor when a batch would fail. */
  #mayPostpone(changes: readonly EmbeddedChange[]): boolean {
    if (this.#isClosed || this.#tear) return false;
    if (this.#postponed.size + this.#unsynced.size + changes.length > MOST_UNSYNCED) return false;
    if (this.#postponed.characters > MOST_POSTPONED_CHARACTERS) return false;
    const earlier = [...(this.#waiting?.changes ?? []), ...(this.#underWay?.changes ?? [])];
    return earlier.length === 0 || !changes.some(({ key }) => earlier.some((each) => each.key === key));
  }

  #nextBatch(): Batch {
    const flush = (): Promise<void> => this.#flush();
    const done = this.#last.then(flush, flush);
    this.#last = done;
    return { changes: [], sync: false, done };
  }

  async #flush(): Promise<void> {
    const batch = this.#waiting;
    this.#waiting = undefined;
    if (!batch) return;
    this.#underWay = batch;
    try {
      if (this.#tear) await this.#mend(this.#tear.error);
      const sync = batch.sync || this.#unsynced.size + batch.changes.length > MOST_UNSYNCED;
      await (sync ? this.#applySynced(batch.changes) : this.#apply(batch.changes, false));
    } catch (error) {
      this.#tear ??= { error };
      throw notWritten(this.#folder, error);
    } finally {
      this.#underWay = undefined;
    }
  }

  async #applySynced(changes: readonly EmbeddedChange[]): Promise<void> {
    const postponed = this.#postponed.all();
    await this.#apply([...this.#unsynced.values(), ...postponed, ...changes], true);
    this.#postponed.remove(postponed);
  }

  /** A chained batch takes changes at once, where a list of operations is checked and copied several times: half the CPU time. */
  async #apply(changes: readonly EmbeddedChange[], sync: boolean): Promise<void> {
    if (changes.length === 0) return;
    const batch = this.#level.batch();
    const last = changes.length === 1 ? changes : new Map(changes.map((change) => [change.key, change])).values();
    for (const { key, value } of last) {
      if (value === undefined) batch.del(key);
      else batch.put(key, value);
    }
    await batch.write({ sync });
    if (sync) this.#unsynced.clear();
    else for (const change of changes) this.#unsynced.set(change.key, change);
  }

  /** Opening anew begins a log of its own. As long as there is no room for that, the store stays open for reading. */
  async #mend(tear: unknown): Promise<void> {
    if (this.#isClosed) throw new Error('the store is closed');
    if (!(await hasRoomToOpen(this.#folder))) throw tear;
    await this.#level.close();
    this.#level = new ClassicLevel<string, string>(this.#folder);
    await this.#level.open();
    this.#tear = undefined;
  }
}

/** Changes that are read already and written later, the last one of each key. */
class PostponedChanges {
  readonly #changes = new Map<string, EmbeddedChange>();
  /** Of keys and values. */
  characters = 0;

  get size(): number {
    return this.#changes.size;
  }

  get(key: string): EmbeddedChange | undefined {
    return this.#changes.get(key);
  }

  all(): readonly EmbeddedChange[] {
    return [...this.#changes.values()];
  }

  add(changes: readonly EmbeddedChange[]): void {
    for (const change of changes) {
      this.remove([this.#changes.get(change.key) ?? change]);
      this.#changes.set(change.key, change);
      this.characters += charactersOf(change);
    }
  }

  /** Those among them that no later change of their keys has replaced. */
  remove(changes: readonly EmbeddedChange[]): void {
    for (const change of changes) {
      if (this.#changes.get(change.key) !== change) continue;
      this.#changes.delete(change.key);
      this.characters -= charactersOf(change);
    }
  }
}

function charactersOf({ key, value }: EmbeddedChange): number {
  return key.length + (value?.length ?? 0);
}

/** What LevelDB writes when it is opened, beside the table that its log becomes; generous. */
const OPENING_BYTES = 256 * 1024;

/** Tried by writing: free space as the file system counts it knows no quotas. */
async function hasRoomToOpen(folder: string): Promise<boolean> {
  const probe = join(folder, 'room.probe');
  try {
    const logs = (await readdir(folder)).filter((name) => name.endsWith('.log'));
    const sizes = await Promise.all(logs.map((name) => stat(join(folder, name))));
    const bytes = sizes.reduce((sum, { size }) => sum + size, OPENING_BYTES);
    await writeFile(probe, Buffer.alloc(bytes, 1), { mode: 0o600, flush: true });
    return true;
  } catch {
    return false;
  } finally {
    await rm(probe, { force: true }).catch(() => undefined);
  }
}

// abstract-level wraps what went wrong as LEVEL_DATABASE_NOT_OPEN; the reason is the cause.
function isLocked(error: Error): boolean {
  return (error.cause as NodeJS.ErrnoException | undefined)?.code === 'LEVEL_LOCKED';
}

function locked(folder: string, cause: unknown): ClusterError {
  const message = `the state folder ${folder} is in use by another process. Stop that one or choose another with --state-dir`;
  return new ClusterError(message, { code: 'STATE_LOCKED', status: 500, cause });
}

function unreadable(folder: string, error: unknown): ClusterError {
  const why = reasonOf(error instanceof Error && error.cause instanceof Error ? error.cause : error);
  const message = `the state folder ${folder} cannot be read: ${why}. Where it is damaged, move it away and bring a backup in its place (enxame state import)`;
  return new ClusterError(message, { code: 'STATE_UNUSABLE', status: 500, cause: error });
}

function notWritten(folder: string, error: unknown): ClusterError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const why = reasonOf(cause).replace(/^IO error: /, '');
  const message = `the state folder ${folder} cannot be written: ${why}. Make room there, or mend it, and try again`;
  return new ClusterError(message, { code: 'STATE_NOT_WRITTEN', status: 500, cause: error });
}

function unusable(folder: string, cause: unknown): ClusterError {
  const why = reasonOf(cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause);
  const message = `cannot use the state folder ${folder}: ${why}. Choose another with --state-dir`;
  return new ClusterError(message, { code: 'STATE_UNUSABLE', status: 500, cause });
}
