import { setTimeout as sleep } from 'node:timers/promises';
import type { Session } from '../session.ts';
import type { Findings } from './part.ts';

const SETTLE_MS = 5000;
/** Longer than the others: refreshes come in waves. */
const SECONDS = 30;

/** What the manager burns when nobody asks anything and nothing happens. */
export async function idlePart(session: Session): Promise<Findings> {
  const manager = await session.startManager();
  if (manager === undefined) return {};
  await sleep(SETTLE_MS);
  const before = manager.meter.cpuMs();
  const requestsBefore = (await session.fleet.counters()).requests;
  await sleep(SECONDS * 1000);
  const perSecond = (manager.meter.cpuMs() - before) / SECONDS;
  const requests = ((await session.fleet.counters()).requests - requestsBefore) / SECONDS;
  return {
    facts: [
      { name: 'idle CPU', value: perSecond, unit: 'ms/s', remark: `over ${SECONDS} s` },
      { name: 'idle requests to engines', value: requests, unit: '1/s' },
    ],
  };
}
