import { readFile, rename, rm, writeFile } from 'node:fs/promises';

/** A strict container that runs on the host. */
export interface HeldContainer {
  readonly id: string;
  /** Of its first process, in the host's namespace; 0 when it has none. */
  readonly pid: number;
}

/** What the agent and its guard share: until when the containers may run. */
export interface Lease {
  /** By {@link uptimeMs}: they must end when it has passed. */
  readonly untilMs: number;
  readonly containers: readonly HeldContainer[];
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
    const { untilMs, containers, agent } = JSON.parse(await readFile(path, 'utf8')) as Lease;
    return { untilMs: Number(untilMs), containers: Array.isArray(containers) ? containers : [], agent: String(agent) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Whoever keeps it has handed its containers back. */
export async function removeLease(path: string): Promise<void> {
  await rm(path, { force: true });
}
