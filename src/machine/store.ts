import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type Clock, systemClock } from '../common/clock.ts';
import { reasonOf, UsageError } from '../common/errors.ts';
import { printable } from '../common/printable.ts';
import { privateFolder, syncFolder, writePrivate } from '../common/private-file.ts';
import { machineExists, noSuchMachine, StoreError } from './errors.ts';
import { acquireLock, type Lock } from './lock.ts';
import { isMachineName, type MachineRecord, parseRecord } from './record.ts';

/**
 * The machines of one person, in one folder that can be copied anywhere:
 *
 *     certs/AUTHORITY/{ca,ca-key,cert,key}.pem
 *     machines/NAME/machine.json
 *     machines/NAME/tls/{ca,cert,key,server}.pem     what `docker` is pointed at; server.pem for its date and names
 *     machines/NAME/driver/                          the driver's own
 *     locks/  cache/
 *
 * No file contains the folder's path. Folders are for their owner only, files too.
 */
export interface MachineStore {
  readonly root: string;
  /** Names of all machines, complete or not, in natural order (node-2 before node-10). */
  names(): Promise<readonly string[]>;
  has(name: string): Promise<boolean>;
  /** Throws `NO_SUCH_MACHINE`, or a {@link StoreError} for a file that cannot be used. */
  load(name: string): Promise<StoredMachine>;
  /** Keeps a new machine. Throws `MACHINE_EXISTS` when the name is taken, a UsageError when it cannot be a name. */
  add(record: MachineRecord): Promise<StoredMachine>;
  /** Forgets the machine and all its files. One that is not there is no error. */
  remove(name: string): Promise<void>;
  /** Keeps other processes away from one machine; throws `MACHINE_BUSY` when one stays. */
  lock(name: string, purpose: string, signal: AbortSignal): Promise<Lock>;
  /** Keeps other processes away from what all machines share, for a moment. */
  lockShared(purpose: string, signal: AbortSignal): Promise<Lock>;
  /** Lets one process at a time change which managers there are, and what they share. May be held for minutes; waits as long. */
  lockMasters(purpose: string, signal: AbortSignal): Promise<Lock>;
  /** Lets one process at a time change who may reach the machines of clusters. May be held for minutes; waits as long. */
  lockFirewalls(purpose: string, signal: AbortSignal): Promise<Lock>;
  /** A folder below the root, made when absent. */
  folder(...parts: readonly string[]): Promise<string>;
}

/** One machine in the store. */
export interface StoredMachine {
  readonly record: MachineRecord;
  /** The folder with {ca,cert,key}.pem for docker, as DOCKER_CERT_PATH wants it. */
  readonly tlsFolder: string;
  readonly driverFolder: string;
  /** Changes the record and resolves when that is on disk. Changes of one process are applied in the order of the calls. */
  update(change: (record: MachineRecord) => MachineRecord): Promise<void>;
}

const MACHINE_WAIT_MS = 2_000;
const SHARED_WAIT_MS = 30_000;
const MASTERS_WAIT_MS = 900_000;

/** The store in the folder `root`, which need not exist yet. */
export function openStore(root: string, clock: Clock = systemClock): MachineStore {
  const place = (name: string): string => join(root, 'machines', name);
  const file = (name: string): string => join(place(name), 'machine.json');
  const lockIn = (name: string, what: string, purpose: string, waitMs: number, signal: AbortSignal): Promise<Lock> =>
    usable(root, () => acquireLock(join(root, 'locks', name), { purpose, waitMs, what, clock }, signal));

  const store: MachineStore = {
    root,
    names: async () => {
      const entries = await readdir(join(root, 'machines'), { withFileTypes: true }).catch(orEmpty(root));
      const names = entries.filter((entry) => entry.isDirectory() && isMachineName(entry.name)).map(({ name }) => name);
      return names.sort(NATURAL.compare);
    },
    has: async (name) => isMachineName(name) && (await store.names()).includes(name),
    load: async (name) => {
      if (!isMachineName(name)) throw noSuchMachine(name);
      const text = await readFile(file(name), 'utf8').catch(async (error: NodeJS.ErrnoException) => {
        if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw unusable(file(name), error);
        if (!(await store.has(name))) throw noSuchMachine(name);
        return '';
      });
      return new MachineFile(place(name), parseRecord(text, file(name)));
    },
    add: async (record) => {
      assertMachineName(record.name);
      await usable(root, () => addFolder(root, record));
      return await store.load(record.name);
    },
    remove: async (name) => {
      if (!isMachineName(name)) return;
      await usable(root, () => removeFolder(root, name));
    },
    lock: (name, purpose, signal) => {
      assertMachineName(name);
      return lockIn(`machine-${name}`, `Docker machine "${name}"`, purpose, MACHINE_WAIT_MS, signal);
    },
    lockShared: (purpose, signal) => lockIn('shared', `the store ${root}`, purpose, SHARED_WAIT_MS, signal),
    lockMasters: (purpose, signal) => lockIn('masters', 'the masters of the cluster', purpose, MASTERS_WAIT_MS, signal),
    lockFirewalls: (purpose, signal) =>
      lockIn('firewalls', 'the firewalls of the machines', purpose, MASTERS_WAIT_MS, signal),
    folder: (...parts) => usable(root, () => privateFolder(root, ...parts)),
  };
  return store;
}

/** Names as people count: digits compare as numbers. */
export const NATURAL: Intl.Collator = new Intl.Collator('en', { numeric: true });

/** Throws docker-machine's error for a name no machine can have. */
export function assertMachineName(name: string): void {
  if (isMachineName(name)) return;
  const shown = printable(name).slice(0, 80);
  throw new UsageError(
    `Error creating machine: Invalid hostname specified. Allowed hostname chars are: 0-9a-zA-Z . -, at most 63, not "${shown}"`,
    'BAD_MACHINE_NAME',
  );
}

class MachineFile implements StoredMachine {
  readonly tlsFolder: string;
  readonly driverFolder: string;
  readonly #file: string;
  #record: MachineRecord;
  #last: Promise<void> = Promise.resolve();

  constructor(folder: string, record: MachineRecord) {
    this.tlsFolder = join(folder, 'tls');
    this.driverFolder = join(folder, 'driver');
    this.#file = join(folder, 'machine.json');
    this.#record = record;
  }

  get record(): MachineRecord {
    return this.#record;
  }

  update(change: (record: MachineRecord) => MachineRecord): Promise<void> {
    const record = change(this.#record);
    this.#record = record;
    const save = (): Promise<void> => usable(this.#file, () => writePrivate(this.#file, toText(record)));
    this.#last = this.#last.then(save, save);
    return this.#last;
  }
}

/** Makes the machine's folder beside its place and renames it there: it appears complete or not at all. */
async function addFolder(root: string, record: MachineRecord): Promise<void> {
  const machines = await privateFolder(root, 'machines');
  const draft = join(machines, `.${record.id}`);
  await rm(draft, { recursive: true, force: true });
  await mkdir(draft, { mode: 0o700 });
  await privateFolder(draft, 'tls');
  await privateFolder(draft, 'driver');
  await writePrivate(join(draft, 'machine.json'), toText(record));
  try {
    await rename(draft, join(machines, record.name));
  } catch (error) {
    await rm(draft, { recursive: true, force: true });
    const { code } = error as NodeJS.ErrnoException;
    throw code === 'ENOTEMPTY' || code === 'EEXIST' || code === 'EPERM' ? machineExists(record.name) : error;
  }
  await syncFolder(machines);
}

async function removeFolder(root: string, name: string): Promise<void> {
  const machines = join(root, 'machines');
  const doomed = join(machines, `.${name}.removed`);
  await rm(doomed, { recursive: true, force: true });
  try {
    await rename(join(machines, name), doomed);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  await syncFolder(machines);
  await rm(doomed, { recursive: true, force: true, maxRetries: 3, retryDelay: 100 });
}

function toText(record: MachineRecord): string {
  return `${JSON.stringify(record, null, 2)}\n`;
}

/** Runs `work`; what the file system refuses becomes one clear line. */
async function usable<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error && 'syscall' in error) throw unusable(path, error);
    throw error;
  }
}

function orEmpty(root: string): (error: NodeJS.ErrnoException) => [] {
  return (error) => {
    if (error.code === 'ENOENT') return [];
    throw unusable(root, error);
  };
}

const NEXT_STEPS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied. Check its owner, or choose another folder with --storage-path',
  EPERM: 'not permitted. Check its owner, or choose another folder with --storage-path',
  EROFS: 'it is on a read-only file system. Choose another folder with --storage-path',
  ENOSPC: 'no space left on the device. Make room and try again',
  ENOTDIR: 'a file is in the way of a folder. Choose another folder with --storage-path',
};

function unusable(path: string, error: Error): StoreError {
  const next = NEXT_STEPS[(error as NodeJS.ErrnoException).code ?? ''] ?? reasonOf(error);
  return new StoreError(`cannot use ${path}: ${next}`, 'STORE_UNUSABLE', error);
}
