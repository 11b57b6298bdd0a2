import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import type { Fact, Row } from '../report/result.ts';
import type { RunningManager, Session } from '../session.ts';
import type { Findings } from './part.ts';
import { memoryFacts } from './read.ts';
import { untilAtRest } from './rest.ts';
import { scheduleRow } from './schedule.ts';
import { waitUntil } from './wait.ts';

const ENXAME = 'dist/cli/main.js';
/** A manager records containers that were there before it one by one, each from its inspection. */
const RECORDED_WITHIN_MS = 900_000;
const POLL_MS = 2_000;
/** What it says of each. */
const RECORDED = 'a container that was not created here is recorded';

/**
 * Enxame's own manager with every container recorded, and its state on disk: memory after a boot with all of these records, at peak, and
 * what create + start costs. For a session of recorded containers.
 */
export async function recordsPart(session: Session): Promise<Findings> {
  const stateDir = session.fileOf('state');
  const flags = ['--state-dir', stateDir];
  const first = await session.startManager(flags);
  if (first === undefined) return {};
  const { nodes, containers } = session.population;
  const recorded = await untilRecorded(session, first, stateDir, nodes * containers);
  const manager = await session.startManager(flags);
  if (manager === undefined) return {};
  const memory: Fact[] = await memoryFacts(session, manager);
  await untilAtRest(session, manager.meter);
  const rows: Row[] = [];
  for (const clients of session.options.clients) rows.push(await scheduleRow(session, clients, manager));
  return { rows, facts: [{ name: 'containers recorded', value: recorded, unit: '' }, ...memory] };
}

/** Ends the manager when it has recorded everything; resolves with how many records there are. Throws when some are missing. */
async function untilRecorded(
  session: Session,
  manager: RunningManager,
  stateDir: string,
  wanted: number,
): Promise<number> {
  const log = session.fileOf('manager.log');
  const isDone = async (): Promise<boolean> => (await readFile(log, 'utf8')).split(RECORDED).length > wanted;
  await waitUntil(isDone, RECORDED_WITHIN_MS, POLL_MS);
  await manager.process.close();
  const recorded = await countRecords(session, stateDir);
  if (recorded !== wanted) throw new Error(`${recorded} of ${wanted} containers were recorded`);
  return recorded;
}

async function countRecords(session: Session, stateDir: string): Promise<number> {
  const file = session.fileOf('records');
  await promisify(execFile)(process.execPath, [ENXAME, 'state', 'export', file, '--state-dir', stateDir]);
  const lines = (await readFile(file, 'utf8')).split('\n');
  return lines.filter((line) => line.startsWith('["containers/')).length;
}
