import type { Measured } from '../measure/measure.ts';
import type { Fact, Row } from '../report/result.ts';
import type { RunningManager, Session } from '../session.ts';
import { measureCreates } from './measure-creates.ts';
import type { Findings } from './part.ts';
import { untilAtRest } from './rest.ts';

/** The slices of one build and number of clients, of which the cheapest counts: what else a machine does only adds. */
const SLICES = 6;

/**
 * What create + start costs two builds, in turns against one fleet: a machine that is slower for a while is so for both.
 * Throws without a second manager.
 */
export async function comparePart(session: Session): Promise<Findings> {
  const { manager, against, clients } = session.options;
  if (against === undefined) throw new Error('compare needs --against COMMAND: the manager to compare with');
  const builds = { 'create + start': manager, 'create + start, against': against };
  const running = new Map<string, RunningManager>();
  for (const [operation, command] of Object.entries(builds)) {
    const started = await session.startManager([], command);
    if (!started) return {};
    await untilAtRest(session, started.meter);
    running.set(operation, started);
  }
  const rows: Row[] = [];
  const facts: Fact[] = [];
  for (const count of clients) {
    const least = await leastOf(session, count, running);
    for (const [operation, own] of least) rows.push({ operation, clients: count, floors: {}, manager: own });
    const [own = NaN, other = NaN] = [...least.values()].map(({ cpuMsPerOp }) => cpuMsPerOp);
    facts.push({ name: `CPU in times of the other’s, ${count} clients`, value: own / other, unit: '×' });
  }
  return { rows, facts };
}

async function leastOf(
  session: Session,
  clients: number,
  running: ReadonlyMap<string, RunningManager>,
): Promise<ReadonlyMap<string, Measured>> {
  const least = new Map<string, Measured>();
  for (let slice = 0; slice < SLICES; slice++) {
    for (const [operation, manager] of running) {
      const measured = await measureCreates(session, clients, manager);
      const before = least.get(operation);
      if (!before || measured.cpuMsPerOp < before.cpuMsPerOp) least.set(operation, measured);
    }
  }
  return least;
}
