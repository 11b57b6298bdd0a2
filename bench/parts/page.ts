import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from '../../test/free-ports.ts';
import { logIn, PageViewer } from '../load/page-viewer.ts';
import { paced } from '../options.ts';
import type { Session } from '../session.ts';
import { type Findings, megabytes } from './part.ts';

const VIEWERS = 50;
const CHANGES_PER_SECOND = 50;
/** After the start: listings, inspections and garbage of them. */
const START_MS = 30_000;
const SETTLE_MS = 5_000;
const MILLISECONDS = 20_000;

/** What a page costs the manager: nobody watching, fifty watching nothing happen, and fifty watching fifty changes a second. */
export async function pagePart(session: Session): Promise<Findings> {
  const port = await freePort();
  const manager = await session.startManager(['--page', `tcp://127.0.0.1:${port}`, '--stats', 'off']);
  if (manager === undefined) return {};
  const { fleet, options } = session;
  const forMs = paced(options, MILLISECONDS);
  const cpuPerSecond = async (): Promise<number> => {
    const before = manager.meter.cpuMs();
    await sleep(forMs);
    return (manager.meter.cpuMs() - before) / (forMs / 1_000);
  };
  await sleep(paced(options, START_MS));
  const idle = await cpuPerSecond();
  await fleet.churn(CHANGES_PER_SECOND);
  const unwatched = await cpuPerSecond();
  await fleet.churn(0);
  const login = await logIn(manager.target, port);
  const startedAt = performance.now();
  const first = new PageViewer(login);
  await first.ready();
  const firstMs = performance.now() - startedAt;
  const cpuBefore = manager.meter.cpuMs();
  const memoryBefore = manager.meter.memory().resident;
  const others = Array.from({ length: VIEWERS - 1 }, () => new PageViewer(login));
  const viewers = [first, ...others];
  await Promise.all(others.map((viewer) => viewer.ready()));
  const joinMs = (manager.meter.cpuMs() - cpuBefore) / others.length;
  const watched = await cpuPerSecond();
  await fleet.churn(CHANGES_PER_SECOND);
  await sleep(paced(options, SETTLE_MS));
  const bytesBefore = first.bytes;
  const deltasBefore = first.deltas;
  const busy = await cpuPerSecond();
  const seconds = forMs / 1_000;
  const rates = { deltas: (first.deltas - deltasBefore) / seconds, bytes: (first.bytes - bytesBefore) / seconds };
  await fleet.churn(0);
  const memory = manager.meter.memory().resident - memoryBefore;
  for (const viewer of viewers) viewer.close();
  const facts = [
    {
      name: 'CPU of the page, 50 viewers, 50 changes/s',
      value: busy - unwatched,
      unit: 'ms/s',
      remark: 'beyond the same changes unwatched',
    },
    { name: 'CPU of the page, 50 viewers, no change', value: watched - idle, unit: 'ms/s' },
    { name: 'CPU of the manager, 50 changes/s, nobody watches', value: unwatched, unit: 'ms/s' },
    { name: 'time to the whole state, first viewer', value: firstMs, unit: 'ms' },
    { name: 'CPU for the whole state, each further viewer', value: joinMs, unit: 'ms' },
    { name: 'memory of 50 viewers', value: megabytes(memory), unit: 'MB' },
    { name: 'deltas to one viewer', value: rates.deltas, unit: '1/s' },
    { name: 'bytes to one viewer', value: rates.bytes / 1_000, unit: 'kB/s' },
  ];
  return { facts: [...facts, ...(await samplingFacts(session, idle, forMs))] };
}

/** What samples cost when nobody asks for them. */
async function samplingFacts(session: Session, idle: number, forMs: number): Promise<NonNullable<Findings['facts']>> {
  const manager = await session.startManager(['--stats', '10s']);
  if (manager === undefined) return [];
  await sleep(paced(session.options, START_MS));
  const before = manager.meter.cpuMs();
  await sleep(forMs);
  const perSecond = (manager.meter.cpuMs() - before) / (forMs / 1_000);
  return [
    { name: 'CPU of samples (--stats 10s)', value: perSecond - idle, unit: 'ms/s', remark: 'beyond --stats off' },
  ];
}
