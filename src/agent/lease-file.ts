import { readFile, rename, rm, writeFile } from 'node:fs/promises';

/** A strict container that runs on the host. */
export interface HeldContainer {
  readonly id: string;
  /** Of its first process, in the host's namespace; 0 when it has none. */
  readonly pid: number;
}

/** Containers whose labels do not say whether they are strict: it was changed after their engine had made them. By the engine's IDs. */
export interface FenceOrders {
  readonly strict: readonly string[];
  readonly plain: readonly string[];
}

export const NO_ORDERS: FenceOrders = { strict: [], plain: [] };

/** What the agent and its guard share: until when the containers may run. */
export interface Lease {
  /** By {@link uptimeMs}: they must end when it has passed. */
  readonly untilMs: number;
  readonly containers: readonly HeldContainer[];
  readonly orders: FenceOrders;
  /** Which life of the agent wrote it: a guard goes when a later one has its own. */
  readonly agent: string;
}

/** Writes it whole, or rejects and leaves the one before. The file belongs in memory (`/run`): a full disk then ends no container. */
export async function writeLease(path: string, lease: Lease): Promise<void> {
  await writeFile(`${path}.new`, JSON.stringify(lease), { mode: 0o600 });
  await rename(`${path}.new`, path);
}

/** Undefined when there is none. Rejects for a file that cannot be read. */
export async function readLease(path: string): Promise<Lease | undefined> {
  try {
    const { untilMs, containers, orders, agent } = JSON.parse(await readFile(path, 'utf8')) as Lease;
    const held = Array.isArray(containers) ? containers : [];
    return { untilMs: Number(untilMs), containers: held, orders: readOrders(orders), agent: String(agent) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whoever keeps it has handed its containers back. */
export async function removeLease(path: string): Promise<void> {
  await rm(path, { force: true });
}

/** What is no list of IDs orders nothing: managers and files of earlier versions have none. */
export function readOrders(value: unknown): FenceOrders {
  const { strict, plain } = (value ?? {}) as Readonly<Record<string, unknown>>;
  return { strict: idsOf(strict), plain: idsOf(plain) };
}

/** An ID becomes part of a path: it has no other characters. */
function idsOf(value: unknown): readonly string[] {
  if (!Array.isArray(value)) return [];
  return value.filter((id): id is string => typeof id === 'string' && /^[\w.-]{1,128}$/.test(id));
}
