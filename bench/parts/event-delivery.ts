import { setTimeout as sleep } from 'node:timers/promises';
import type { Fleet } from '../fleet/fleet.ts';
import type { Floor } from '../floor/floors.ts';
import { EventSubscriber } from '../load/event-subscriber.ts';
import type { Target } from '../load/target.ts';
import { waitUntil } from './wait.ts';

/** Slow enough that 100 subscribers in one process follow, so that latency is the manager's. */
export const EVENTS_PER_SECOND = 250;
const STRAGGLERS_MS = 15_000;

/** What handing out one series of events cost and brought. */
export interface Delivery {
  /** CPU time per event and subscriber, without what goes on when nothing happens. */
  readonly cpuUsEach: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly latenciesMs: readonly number[];
  /** Requests that engines got for each event, without those that they get anyway. */
  readonly requestsPerEvent: number;
}

/** What goes on when nothing happens, per millisecond. */
export interface Idling {
  readonly cpuMs: number;
  readonly requests: number;
}

export const NO_IDLING: Idling = { cpuMs: 0, requests: 0 };

/** Watches for a while. */
export async function watchIdling({ meter }: Floor, fleet: Fleet, forMs: number): Promise<Idling> {
  const before = { cpuMs: meter.cpuMs(), requests: (await fleet.counters()).requests };
  await sleep(forMs);
  const requests = (await fleet.counters()).requests - before.requests;
  return { cpuMs: (meter.cpuMs() - before.cpuMs) / forMs, requests: requests / forMs };
}

/** Emits `count` events of all nodes of a fleet to so many subscribers of a target. */
export async function deliver(
  { target, meter }: Floor,
  fleet: Fleet,
  subscribers: number,
  count: number,
  idling: Idling,
): Promise<Delivery> {
  const all = await subscribe(target, subscribers);
  const before = { cpuMs: meter.cpuMs(), requests: (await fleet.counters()).requests, at: performance.now() };
  await fleet.emit(0, count, EVENTS_PER_SECOND);
  await waitUntil(() => all.every((one) => one.received >= count), STRAGGLERS_MS);
  const elapsedMs = performance.now() - before.at;
  const cpuMs = meter.cpuMs() - before.cpuMs - idling.cpuMs * elapsedMs;
  const requests = (await fleet.counters()).requests - before.requests - idling.requests * elapsedMs;
  const received = all.reduce((sum, one) => sum + one.received, 0);
  const duplicates = all.reduce((sum, one) => sum + one.duplicates, 0);
  for (const one of all) one.close();
  return {
    cpuUsEach: (Math.max(0, cpuMs) * 1000) / received,
    lost: count * subscribers - received,
    duplicates,
    latenciesMs: all[0]?.latenciesMs ?? [],
    requestsPerEvent: Math.max(0, requests) / count,
  };
}

/** Opens so many subscriptions; nothing emitted from now on may be missing in any. */
export function subscribe(target: Target, count: number): Promise<EventSubscriber[]> {
  return Promise.all(Array.from({ length: count }, () => EventSubscriber.open(target)));
}
