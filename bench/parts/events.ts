import type { Fleet } from '../fleet/fleet.ts';
import type { Floor } from '../floor/floors.ts';
import { EventSubscriber } from '../load/event-subscriber.ts';
import { percentilesOf } from '../measure/percentiles.ts';
import { paced } from '../options.ts';
import type { Fact } from '../report/result.ts';
import type { RunningManager, Session } from '../session.ts';
import { type Findings, megabytes } from './part.ts';
import { waitUntil } from './wait.ts';

const SUBSCRIBERS = 100;
const EVENTS = 4000;
const EVENTS_PER_SECOND = 1000;
const STRAGGLERS_MS = 15_000;

const SLOW_SUBSCRIBERS = 5;
/** About 40 MB for each subscriber: more than all socket buffers between us hold. */
const FLOOD_EVENTS = 40_000;
const FLOOD_PER_SECOND = 8000;

/** Events of all engines to one and to a hundred subscribers, and what becomes of subscribers that do not read. */
export async function eventsPart(session: Session): Promise<Findings> {
  const count = paced(session.options, EVENTS);
  const engine = await session.floors.engine();
  const floor = await deliver(engine, engine.fleet, SUBSCRIBERS, count);
  const manager = await session.startManager();
  if (manager === undefined) return { facts: [deliveryFact('floor: CPU per delivered event, engine alone', floor)] };
  const one = await deliver(manager, session.fleet, 1, count);
  const many = await deliver(manager, session.fleet, SUBSCRIBERS, count);
  const { p50Ms, p99Ms } = percentilesOf(many.latenciesMs);
  return {
    facts: [
      {
        name: 'CPU per event, 1 subscriber',
        value: one.cpuUsEach,
        unit: 'µs',
        remark: 'taking it in and handing it on',
      },
      { ...deliveryFact('CPU per delivered event', many), floor: floor.cpuUsEach },
      { name: 'events lost', value: one.lost + many.lost, unit: '', remark: `of ${count * (SUBSCRIBERS + 1)}` },
      { name: 'events delivered twice', value: one.duplicates + many.duplicates, unit: '' },
      { name: 'event latency p50', value: p50Ms, unit: 'ms', remark: `${SUBSCRIBERS} subscribers` },
      { name: 'event latency p99', value: p99Ms, unit: 'ms' },
      ...(await slowFacts(session, manager)),
    ],
  };
}

interface Delivery {
  readonly cpuUsEach: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly latenciesMs: readonly number[];
}

/** Emits `count` events to so many subscribers and accounts the CPU time per delivery. */
async function deliver({ target, meter }: Floor, fleet: Fleet, subscribers: number, count: number): Promise<Delivery> {
  const all = await openMany(target, subscribers);
  const before = meter.cpuMs();
  await fleet.emit(0, count, EVENTS_PER_SECOND);
  await waitUntil(() => all.every((one) => one.received >= count), STRAGGLERS_MS);
  const cpuMs = meter.cpuMs() - before;
  const received = all.reduce((sum, one) => sum + one.received, 0);
  const duplicates = all.reduce((sum, one) => sum + one.duplicates, 0);
  for (const one of all) one.close();
  const latenciesMs = all[0]?.latenciesMs ?? [];
  return { cpuUsEach: (cpuMs * 1000) / received, lost: count * subscribers - received, duplicates, latenciesMs };
}

/** Some subscribers stop reading while the others must still get everything. */
async function slowFacts(session: Session, { target, meter }: RunningManager): Promise<Fact[]> {
  const flood = paced(session.options, FLOOD_EVENTS);
  const slow = await openMany(target, SLOW_SUBSCRIBERS);
  const quick = await openMany(target, SLOW_SUBSCRIBERS);
  for (const one of slow) one.pause();
  const before = meter.memory().resident;
  await session.fleet.emit(0, flood, FLOOD_PER_SECOND);
  await waitUntil(() => quick.every((one) => one.received >= flood), STRAGGLERS_MS);
  const growth = meter.memory().resident - before;
  for (const one of slow) one.resume();
  await waitUntil(() => slow.every((one) => one.ended || one.received >= flood), STRAGGLERS_MS);
  const cut = slow.filter((one) => one.ended).length;
  const lost = quick.reduce((sum, one) => sum + flood - one.received, 0);
  for (const one of [...slow, ...quick]) one.close();
  const remark = `${flood} events at ${FLOOD_PER_SECOND}/s`;
  return [
    { name: 'slow subscribers cut off', value: cut, unit: `of ${SLOW_SUBSCRIBERS}`, remark },
    { name: 'events lost by those that read', value: lost, unit: '', remark },
    { name: 'memory growth meanwhile', value: megabytes(growth), unit: 'MB' },
  ];
}

function openMany(target: Floor['target'], count: number): Promise<EventSubscriber[]> {
  return Promise.all(Array.from({ length: count }, () => EventSubscriber.open(target)));
}

function deliveryFact(name: string, { cpuUsEach }: Delivery): Fact {
  return { name, value: cpuUsEach, unit: 'µs', remark: `${SUBSCRIBERS} subscribers, ${EVENTS_PER_SECOND} events/s` };
}
