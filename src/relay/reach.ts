import { isIP, connect as open, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../common/clock.ts';
import { reachableLookup } from '../discovery/reachable.ts';
import type { Connections } from './connections.ts';
import type { Target, Targets } from './target.ts';

/** A copy that does not answer within this many milliseconds is passed over. */
const CONNECT_MS = 3_000;
/** How long a connection waits for a container that is being moved, in milliseconds. */
const WAIT_MS = 30_000;

/** A site lists its nodes by name, and a name may stand for this host. */
const lookup = reachableLookup({ loopback: false });

export interface ReachDeps {
  readonly targets: Targets;
  readonly connections: Connections;
  readonly clock: Clock;
}

/** A target that takes a client's connection. */
export interface Reached<T> {
  readonly by: T;
  readonly target: Target;
  /** To be called when the connection has ended. */
  readonly leave: () => void;
}

/**
 * The target whose turn it is and that takes the client's connection; those that do not are passed over. Undefined when there is none, or the
 * client has left. `connect` resolves with undefined where it does not succeed.
 */
export async function reachTarget<T>(
  client: Duplex,
  { targets, connections, clock }: ReachDeps,
  connect: (target: Target) => Promise<T | undefined>,
): Promise<Reached<T> | undefined> {
  const tried = new Set<string>();
  const lastMs = clock.elapsed() + WAIT_MS;
  while (!client.destroyed) {
    const target = targets.next(tried);
    if (!target) {
      if (!targets.mayCome() || clock.elapsed() >= lastMs) return undefined;
      await connections.rest(clock);
      tried.clear();
      continue;
    }
    tried.add(target.id);
    const leave = connections.lead(target.id);
    const by = await connect(target);
    if (by !== undefined) return { by, target, leave };
    leave();
  }
  return undefined;
}

/** A connection to a target; undefined when it refuses or does not answer. */
export function connectTo(target: Target): Promise<Duplex | undefined> {
  return target.connect ? target.connect(CONNECT_MS).catch(() => undefined) : connectStraight(target);
}

function connectStraight({ host, port }: Target): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const upstream = open({ host, port, allowHalfOpen: true, noDelay: true, ...(isIP(host) === 0 && { lookup }) });
    const fail = (): void => {
      upstream.destroy();
      resolve(undefined);
    };
    upstream.setTimeout(CONNECT_MS, fail);
    upstream.on('error', noop);
    upstream.once('close', fail);
    upstream.once('connect', () => {
      upstream.setTimeout(0);
      upstream.off('timeout', fail);
      upstream.off('close', fail);
      resolve(upstream);
    });
  });
}

function noop(): void {
  // Nothing to do.
}
