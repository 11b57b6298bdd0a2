import { setTimeout as sleep } from 'node:timers/promises';
import type { FloorName } from '../floor/floors.ts';
import { type Answer, LoadClient } from '../load/client.ts';
import { runLoad } from '../load/run.ts';
import type { Target } from '../load/target.ts';
import { type Measured, measure } from '../measure/measure.ts';
import { paced } from '../options.ts';
import type { Fact, Row } from '../report/result.ts';
import type { RunningManager, Session } from '../session.ts';
import { type Findings, megabytes } from './part.ts';
import { type ReadOperation, readOperations } from './read-operations.ts';
import { untilAtRest } from './rest.ts';

/** Memory is read when the garbage of booting had time to go. */
const SETTLE_MS = 2000;
const PEAK_CLIENTS = 16;

/** Reads: answered from what the manager knows, and forwarded to an engine. Also memory after boot and at peak. */
export async function readPart(session: Session): Promise<Findings> {
  const manager = await session.startManager();
  const facts = manager === undefined ? [] : await memoryFacts(session, manager);
  if (manager !== undefined) await untilAtRest(session, manager.meter);
  const rows: Row[] = [];
  for (const operation of readOperations(session.population)) {
    for (const clients of session.options.clients.filter((count) => count <= operation.maxClients)) {
      rows.push(await measureRow(session, operation, clients, manager));
    }
  }
  return { rows, facts };
}

/** One read at one number of clients, on the manager and then on its floors. */
export async function measureRow(
  session: Session,
  operation: ReadOperation,
  clients: number,
  manager: RunningManager | undefined,
): Promise<Row> {
  const { seconds } = session.options;
  const own = manager && (await measure(operation, { target: manager.target, clients, seconds }, manager.meter));
  const floors: Partial<Record<FloorName, Measured>> = {};
  const source = manager?.target ?? (await session.floors.engine()).target;
  const sample = await fetchOnce(source, operation.requestFor(0));
  if (sample !== undefined) {
    const prebuilt = await session.floors.prebuilt(sample);
    floors.prebuilt = await measure(operation, { target: prebuilt.target, clients, seconds }, prebuilt.meter);
  }
  if (operation.forwarded) {
    // The floor's engine is node 0 alone, so it is asked for that node's containers.
    const [local] = readOperations({ ...session.population, nodes: 1 }).filter(({ name }) => name === operation.name);
    const pipe = await session.floors.pipe();
    const engine = await session.floors.engine();
    if (local !== undefined) {
      floors.pipe = await measure(local, { target: pipe.target, clients, seconds }, pipe.meter);
      floors.engine = await measure(local, { target: engine.target, clients, seconds }, engine.meter);
    }
  }
  return { operation: operation.name, clients, floors, ...(own === undefined ? {} : { manager: own }) };
}

/** Memory after boot, and its highest value while everything is listed. */
export async function memoryFacts(session: Session, manager: RunningManager): Promise<Fact[]> {
  await sleep(paced(session.options, SETTLE_MS));
  const boot = megabytes(manager.meter.memory().resident);
  const operation = readOperations(session.population).find(({ name }) => name === 'ps -a');
  const plan = { target: manager.target, clients: PEAK_CLIENTS, seconds: session.options.seconds };
  if (operation !== undefined) await runLoad(operation, plan);
  const peak = megabytes(manager.meter.memory().peak);
  return [
    { name: 'memory after boot', value: boot, unit: 'MB' },
    { name: 'memory at peak', value: peak, unit: 'MB', remark: `${PEAK_CLIENTS} clients × ps -a` },
  ];
}

/** Undefined when the target does not answer: the row then shows its errors and no floor. */
async function fetchOnce(target: Target, request: string): Promise<Answer | undefined> {
  const client = new LoadClient(target);
  const answer = await client.fetch(request).catch(() => undefined);
  client.close();
  return answer;
}
