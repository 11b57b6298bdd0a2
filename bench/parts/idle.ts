import { setTimeout as sleep } from 'node:timers/promises';
import { paced } from '../options.ts';
import type { Session } from '../session.ts';
import type { Findings } from './part.ts';

const SETTLE_MS = 5000;
/** Longer than the others: refreshes come in waves. */
const MILLISECONDS = 30_000;

/** What the manager burns when nobody asks anything and nothing happens. */
export async function idlePart(session: Session): Promise<Findings> {
  const manager = await session.startManager();
  if (manager === undefined) return {};
  const forMs = paced(session.options, MILLISECONDS);
  const seconds = forMs / 1000;
  await sleep(paced(session.options, SETTLE_MS));
  const before = manager.meter.cpuMs();
  const requestsBefore = (await session.fleet.counters()).requests;
  await sleep(forMs);
  const perSecond = (manager.meter.cpuMs() - before) / seconds;
  const requests = ((await session.fleet.counters()).requests - requestsBefore) / seconds;
  return {
    facts: [
      { name: 'idle CPU', value: perSecond, unit: 'ms/s', remark: `over ${seconds} s` },
      { name: 'idle requests to engines', value: requests, unit: '1/s' },
    ],
  };
}
