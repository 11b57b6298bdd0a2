import type { FloorName } from '../floor/floors.ts';
import type { Measured } from '../measure/measure.ts';
import type { Fact, Row } from '../report/result.ts';
import type { RunningManager, Session } from '../session.ts';
import { measureCreates } from './measure-creates.ts';
import type { Findings } from './part.ts';
import { untilAtRest } from './rest.ts';

/** Creates per second of the paced row, whose p99 says what a manager adds while it is not saturated. */
const PACE_PER_SECOND = 300;
const PACED_CLIENTS = 64;

/** The manager decides where a container goes, creates it there and starts it. */
export async function schedulePart(session: Session): Promise<Findings> {
  const manager = await session.startManager();
  if (manager !== undefined) await untilAtRest(session, manager.meter);
  const rows: Row[] = [];
  for (const clients of session.options.clients) rows.push(await scheduleRow(session, clients, manager));
  const paced = await scheduleRow(session, PACED_CLIENTS, manager, PACE_PER_SECOND);
  rows.push(paced);
  const p99: Fact[] = paced.manager
    ? [
        {
          name: `${paced.operation}: p99`,
          value: paced.manager.p99Ms,
          unit: 'ms',
          ...(paced.floors.engine ? { floor: paced.floors.engine.p99Ms } : {}),
        },
      ]
    : [];
  return { rows, facts: p99 };
}

/** Create and start at one number of clients (and at a given rate), on the manager and on its floors. */
export async function scheduleRow(
  session: Session,
  clients: number,
  manager: RunningManager | undefined,
  perSecond?: number,
): Promise<Row> {
  const own = manager && (await measureCreates(session, clients, manager, perSecond));
  const floors: Partial<Record<FloorName, Measured>> = {
    pipe: await measureCreates(session, clients, await session.floors.pipe(), perSecond),
    engine: await measureCreates(session, clients, await session.floors.engine(), perSecond),
  };
  const operation = perSecond === undefined ? 'create + start' : `create + start at ${perSecond}/s`;
  return { operation, clients, floors, ...(own === undefined ? {} : { manager: own }) };
}
