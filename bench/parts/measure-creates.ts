import type { Floor } from '../floor/floors.ts';
import { LoadClient } from '../load/client.ts';
import type { LoadPlan } from '../load/run.ts';
import { type Measured, measure } from '../measure/measure.ts';
import type { Session } from '../session.ts';
import { createAndStart, removeCreated } from './create-operation.ts';

/** Create + start in a closed loop, or at a given rate; what was made is removed after it. One at a time: names are told apart by when they began. */
export async function measureCreates(
  session: Session,
  clients: number,
  { target, meter }: Floor,
  perSecond?: number,
): Promise<Measured> {
  const operation = createAndStart(`bench-${clients}-${Date.now()}`);
  const plan: LoadPlan = { target, clients, seconds: session.options.seconds, ...(perSecond && { perSecond }) };
  const measured = await measure(operation, plan, meter);
  const lister = new LoadClient(target);
  await removeCreated(target, lister);
  lister.close();
  return measured;
}
