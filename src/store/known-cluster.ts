import { createHash, randomBytes } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ClusterError, reasonOf } from '../common/errors.ts';
import { writePrivate } from '../common/private-file.ts';
import { openEmbeddedStore } from '../kv/embedded.ts';

/** An engine that was seen in a cluster. */
export interface KnownEngine {
  readonly id: string;
  /** Its host name, which tells clones of one machine apart; undefined when it was not noted. */
  readonly name?: string;
  /** The discovery entry it was last reached by; undefined when it was not noted. */
  readonly entry?: string;
}

/** A cluster that has a state on this machine: who it is, and what it is found again by. */
export interface KnownCluster {
  /** Random and lasting. */
  readonly id: string;
  /** What `--cluster` called it. */
  readonly name?: string | undefined;
  /** Marks on engines' swarms that mean this cluster: its ID, and what it was called before. */
  readonly marks: readonly string[];
  /** {@link discoveryKey} of the discovery argument last used. */
  readonly discovery?: string | undefined;
  readonly engines: readonly KnownEngine[];
  /** The store that has its records since several managers share them, as people write it. */
  readonly shared?: string | undefined;
  /** When this folder's records were handed over to that store, ISO 8601; they stay in it as they were then. */
  readonly handedOverAt?: string | undefined;
  /** Its folder; nothing but the cluster's file is to be touched there without opening the store. */
  readonly folder: string;
}

/** A name in the state folder stands for the text, which may hold a token. Earlier versions named the folders so. */
export function discoveryKey(discovery: string): string {
  return createHash('sha256').update(discovery).digest('hex').slice(0, 16);
}

/** A new cluster; nothing is written yet. */
export function newCluster(stateFolder: string, id: string = randomBytes(8).toString('hex')): KnownCluster {
  return { id, marks: [id], engines: [], folder: join(stateFolder, 'clusters', id) };
}

/** Whether a text can be a cluster's ID or an earlier mark, and so no name. */
export function isClusterId(text: string): boolean {
  return /^[0-9a-f]{16}$/.test(text);
}

/** A cluster for people: its name, if it has one, and its ID. */
export function titleOf({ id, name }: KnownCluster): string {
  return name === undefined ? id : `${name} (${id})`;
}

const FILE = 'cluster.json';
const FORMAT = 1;

/**
 * The clusters that have a state below the folder, by ID. Folders of versions that named them after the discovery argument
 * become clusters here, with an ID of their own and their folder's name as a mark. Throws one clear line when
 * a file cannot be read or was written by a newer version.
 */
export async function knownClusters(stateFolder: string): Promise<readonly KnownCluster[]> {
  const parent = join(stateFolder, 'clusters');
  const entries = await readdir(parent, { withFileTypes: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw unreadable(parent, error);
  });
  const names = entries.flatMap((entry) => (entry.isDirectory() && !entry.name.startsWith('.') ? entry.name : []));
  const clusters: KnownCluster[] = [];
  const carried: CarriedOver[] = [];
  for (const name of names) {
    const folder = join(parent, name);
    const known = await readCluster(folder);
    if (known) clusters.push(known);
    else if (isClusterId(name)) carried.push(await carriedOver(folder, name));
  }
  const earlier = [...clusters.filter(isUnserved), ...carried.map(({ cluster }) => cluster)];
  for (const { cluster, isOpen } of carried) {
    const twins = earlier.filter((other) => isTwin(cluster, other));
    const shared = { ...cluster, marks: [...cluster.marks, ...twins.flatMap(({ discovery }) => discovery ?? [])] };
    // A manager of the earlier version has it open: it is carried over once that has ended.
    if (!isOpen) await saveCluster(shared);
    clusters.push(shared);
  }
  return clusters.sort((a, b) => (a.id < b.id ? -1 : 1));
}

/** Whether it was carried over from an earlier version, which noted no addresses, and not served since. */
export function isUnserved({ engines, discovery, marks }: KnownCluster): boolean {
  return discovery !== undefined && marks.includes(discovery) && engines.every(({ entry }) => entry === undefined);
}

/** Writes what a cluster is found again by, durably and at once. Members of the file that this version does not know stay. */
export async function saveCluster({ folder, ...facts }: KnownCluster): Promise<void> {
  const path = join(folder, FILE);
  const before = await readRaw(path);
  const file = { ...before, ...facts, format: FORMAT };
  await writePrivate(path, `${JSON.stringify(file)}\n`).catch((error: unknown) => {
    const message = `cannot write the state folder ${folder}: ${reasonOf(error)}. Make room there, or choose another with --state-dir`;
    throw new ClusterError(message, { code: 'STATE_UNUSABLE', status: 500, cause: error });
  });
}

async function readCluster(folder: string): Promise<KnownCluster | undefined> {
  const path = join(folder, FILE);
  const raw = await readRaw(path);
  if (raw === undefined) return undefined;
  if (Number(raw.format) > FORMAT)
    throw unreadable(path, new Error('a newer version of enxame wrote it; use that version, or another --state-dir'));
  const { id, name, marks, discovery, engines, shared, handedOverAt } = raw as Partial<KnownCluster>;
  if (typeof id !== 'string' || !Array.isArray(marks) || !Array.isArray(engines))
    throw unreadable(path, new Error('it has no id, marks and engines'));
  const where = {
    ...(shared === undefined ? {} : { shared }),
    ...(handedOverAt === undefined ? {} : { handedOverAt }),
  };
  return { id, name, marks, discovery, engines, ...where, folder };
}

async function readRaw(path: string): Promise<Readonly<Record<string, unknown>> | undefined> {
  try {
    return JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unreadable(path, error);
  }
}

interface CarriedOver {
  readonly cluster: KnownCluster;
  readonly isOpen: boolean;
}

/** A folder of an earlier version: named after the discovery argument, the name being the substrate's mark too. */
async function carriedOver(folder: string, name: string): Promise<CarriedOver> {
  const engines = await enginesOf(folder);
  const { id } = newCluster(folder);
  const cluster = { id, marks: [id, name], discovery: name, engines: engines ?? [], folder };
  return { cluster, isOpen: engines === undefined };
}

/**
 * Whether two folders of an earlier version are one cluster's. That version began another one when its engines were listed in
 * other words, and went on with the substrate if most of the engines were the same: the mark stayed that of the first.
 */
function isTwin(one: KnownCluster, other: KnownCluster): boolean {
  const ids = new Set(one.engines.map(({ id }) => id));
  const common = other.engines.filter(({ id }) => ids.has(id)).length;
  return one !== other && common * 2 > Math.max(one.engines.length, other.engines.length);
}

/** The engines that took part in the substrate, all that earlier versions noted; undefined when the store cannot be opened. */
async function enginesOf(folder: string): Promise<readonly KnownEngine[] | undefined> {
  const store = await openEmbeddedStore(folder).catch(() => undefined);
  if (!store) return undefined;
  try {
    for await (const [key, value] of store.pairs()) {
      if (key !== 'substrate/known') continue;
      const { nodes } = JSON.parse(value) as { readonly nodes?: readonly { readonly memberId: string }[] };
      return (nodes ?? []).map(({ memberId }) => ({ id: memberId }));
    }
    return [];
  } finally {
    await store.close();
  }
}

function unreadable(path: string, cause: unknown): ClusterError {
  const message = `cannot read the state in ${path}: ${reasonOf(cause)}. Where it is damaged, move it away and bring a backup in its place (enxame state import)`;
  return new ClusterError(message, { code: 'STATE_UNUSABLE', status: 500, cause });
}
