import type { Floor, FloorName } from '../floor/floors.ts';
import { LoadClient } from '../load/client.ts';
import { type Measured, measure } from '../measure/measure.ts';
import type { Row } from '../report/result.ts';
import type { RunningManager, Session } from '../session.ts';
import { createAndStart, removeCreated } from './create-operation.ts';
import type { Findings } from './part.ts';

/** The manager decides where a container goes, creates it there and starts it. */
export async function schedulePart(session: Session): Promise<Findings> {
  const manager = await session.startManager();
  const rows: Row[] = [];
  for (const clients of session.options.clients) rows.push(await scheduleRow(session, clients, manager));
  return { rows };
}

/** Create and start at one number of clients, on the manager and on its floors. */
export async function scheduleRow(
  session: Session,
  clients: number,
  manager: RunningManager | undefined,
): Promise<Row> {
  const own = manager && (await measureCreates(session, clients, manager, 'm'));
  const floors: Partial<Record<FloorName, Measured>> = {
    pipe: await measureCreates(session, clients, await session.floors.pipe(), 'p'),
    engine: await measureCreates(session, clients, await session.floors.engine(), 'e'),
  };
  return { operation: 'create + start', clients, floors, ...(own === undefined ? {} : { manager: own }) };
}

async function measureCreates(
  session: Session,
  clients: number,
  { target, meter }: Floor,
  side: string,
): Promise<Measured> {
  const operation = createAndStart(`bench-${side}${clients}-${Date.now()}`);
  const measured = await measure(operation, { target, clients, seconds: session.options.seconds }, meter);
  const lister = new LoadClient(target);
  await removeCreated(target, lister);
  lister.close();
  return measured;
}
