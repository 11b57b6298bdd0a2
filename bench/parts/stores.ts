import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startEtcd } from '../../test/stores/etcd-servers.ts';
import { SimulatedConsul } from '../../test/stores/simulated-consul.ts';
import { startZooKeeper } from '../../test/stores/zookeeper-servers.ts';
import type { Floor, FloorName } from '../floor/floors.ts';
import type { Measured } from '../measure/measure.ts';
import type { Row } from '../report/result.ts';
import type { RunningManager, Session } from '../session.ts';
import { measureCreates } from './measure-creates.ts';
import type { Findings } from './part.ts';
import { untilAtRest } from './rest.ts';

/** A store that runs. */
interface Store {
  readonly uri: string;
  close(): Promise<void>;
}

/** Each with three servers, but for Consul, which is simulated in this process. */
const STORES: Readonly<Record<string, () => Promise<Store>>> = {
  etcd: async () => storeOf('etcd', await startEtcd(3)),
  ZooKeeper: async () => storeOf('zk', await startZooKeeper(3)),
  'Consul (simulated)': async () => {
    const consul = new SimulatedConsul();
    await consul.start();
    return storeOf('consul', { hosts: `127.0.0.1:${consul.port}`, close: () => consul.close() });
  },
};

/** What a create costs with the records in each store, and what a replica's forwarding of it costs beside a pipe that looks at nothing. */
export async function storesPart(session: Session): Promise<Findings> {
  const rows: Row[] = [];
  const folder = await mkdtemp(join(tmpdir(), 'enxame-bench-state-'));
  try {
    const alone = await session.startManager(['--state-dir', folder]);
    if (alone) rows.push(...(await storeRows(session, 'embedded', alone)));
    await alone?.process.close();
    for (const [name, start] of Object.entries(STORES)) {
      const store = await start();
      try {
        rows.push(...(await replicatedRows(session, name, store)));
      } finally {
        await store.close();
      }
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  return { rows };
}

async function replicatedRows(session: Session, name: string, { uri }: Store): Promise<readonly Row[]> {
  const flags = ['--replication', '--advertise', '127.0.0.1:{port}', '--replication-store', uri];
  const primary = await session.startManager(flags);
  if (!primary) return [];
  try {
    const rows = await storeRows(session, name, primary);
    const replica = name === 'etcd' ? await session.startManager(flags) : undefined;
    if (!replica) return rows;
    try {
      return [...rows, ...(await forwardingRows(session, replica))];
    } finally {
      await replica.process.close();
    }
  } finally {
    await primary.process.close();
  }
}

function storeRows(session: Session, name: string, manager: RunningManager): Promise<readonly Row[]> {
  return rowsOf(session, `create + start, ${name}`, manager, { engine: () => session.floors.engine() });
}

/** The CPU time is the replica’s alone. */
function forwardingRows(session: Session, replica: RunningManager): Promise<readonly Row[]> {
  return rowsOf(session, 'create + start through a replica', replica, { pipe: () => session.floors.pipe() });
}

async function rowsOf(
  session: Session,
  operation: string,
  manager: RunningManager,
  floors: Partial<Record<FloorName, () => Promise<Floor>>>,
): Promise<readonly Row[]> {
  await untilAtRest(session, manager.meter);
  const rows: Row[] = [];
  for (const clients of session.options.clients) {
    const own = await measureCreates(session, clients, manager);
    const beside: Partial<Record<FloorName, Measured>> = {};
    for (const [name, floor] of Object.entries(floors) as [FloorName, () => Promise<Floor>][])
      beside[name] = await measureCreates(session, clients, await floor());
    rows.push({ operation, clients, floors: beside, manager: own });
  }
  return rows;
}

function storeOf(scheme: string, { hosts, close }: { readonly hosts: string; close(): Promise<void> }): Store {
  return { uri: `${scheme}://${hosts}/bench`, close };
}
