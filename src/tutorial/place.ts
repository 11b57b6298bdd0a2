import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { identify, isAlive, type ProcessIdentity } from '../namespaces/processes.ts';
import { removeRun } from '../namespaces/removal.ts';

/** On a real disk: engines keep their images here. */
const ROOT = '/var/tmp';
const PREFIX = 'enxame-tutorial-';
const OWNER_FILE = 'owner.json';

interface Owner {
  readonly process: ProcessIdentity;
  readonly network: string;
}

/** A folder and a network of the tutorial's own, apart from other machines and removed without trace. */
export interface Place {
  readonly folder: string;
  /** What keeps everything the tutorial's commands do inside. */
  readonly env: Readonly<Record<string, string>>;
  /** Removes every trace. Idempotent. */
  close(): Promise<void>;
}

/** Makes the place, after removing those of tutorials that were killed. */
export async function createPlace(): Promise<Place> {
  await removeAbandoned();
  const folder = await mkdtemp(join(ROOT, PREFIX));
  const network = `tutorial-${process.pid}`.slice(0, 16);
  await writeFile(join(folder, OWNER_FILE), JSON.stringify({ process: identify(process.pid), network }));
  await mkdir(join(folder, 'home'));
  return {
    folder,
    env: {
      HOME: join(folder, 'home'),
      ENXAME_STATE_DIR: join(folder, 'state'),
      ENXAME_MACHINE_STORAGE_PATH: join(folder, 'machines'),
      ENXAME_LOCAL_DIR: join(folder, 'local'),
      ENXAME_LOCAL_NETWORK: network,
    },
    close: () => remove(folder, network),
  };
}

async function removeAbandoned(): Promise<void> {
  const names = (await readdir(ROOT)).filter((name) => name.startsWith(PREFIX));
  for (const name of names) {
    const owner = await ownerOf(join(ROOT, name));
    if (owner && !isAlive(owner.process)) await remove(join(ROOT, name), owner.network);
  }
}

async function ownerOf(folder: string): Promise<Owner | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, OWNER_FILE), 'utf8')) as Owner;
  } catch {
    return undefined; // Being made, or being removed, by another tutorial.
  }
}

async function remove(folder: string, network: string): Promise<void> {
  await removeRun(network);
  await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
}
