import { setTimeout as sleep } from 'node:timers/promises';
import { paced } from '../options.ts';
import type { Fact, Row } from '../report/result.ts';
import type { RunningManager, Session } from '../session.ts';
import { type Findings, megabytes } from './part.ts';
import { measureRow } from './read.ts';
import { readOperations } from './read-operations.ts';
import { untilAtRest } from './rest.ts';
import { scheduleRow } from './schedule.ts';

/** Clients at every size: enough to keep the manager busy, few enough to measure it and not the queue. */
export const SWEEP_CLIENTS = 4;
const SETTLE_MS = 3000;
const IDLE_MS = 15_000;

/** One size of a sweep: boot, memory, idling and every operation, so that growth can be drawn over the sizes. */
export async function sweepPart(session: Session): Promise<Findings> {
  const manager = await session.startManager();
  const facts = manager === undefined ? [] : await restingFacts(session, manager);
  const rows: Row[] = [];
  for (const operation of readOperations(session.population)) {
    rows.push(await measureRow(session, operation, SWEEP_CLIENTS, manager));
  }
  rows.push(await scheduleRow(session, SWEEP_CLIENTS, manager));
  return { rows, facts };
}

async function restingFacts(session: Session, manager: RunningManager): Promise<Fact[]> {
  const forMs = paced(session.options, IDLE_MS);
  await sleep(paced(session.options, SETTLE_MS));
  await untilAtRest(session, manager.meter);
  const before = manager.meter.cpuMs();
  await sleep(forMs);
  const idle = ((manager.meter.cpuMs() - before) / forMs) * 1000;
  return [
    { name: 'CPU until all healthy', value: manager.bootCpuMs / 1000, unit: 's' },
    { name: 'time until all healthy', value: manager.bootMs / 1000, unit: 's' },
    { name: 'memory after boot', value: megabytes(manager.meter.memory().resident), unit: 'MB' },
    { name: 'idle CPU', value: idle, unit: 'ms/s' },
  ];
}
