import { ClusterError } from '../common/errors.ts';
import type { EngineClient } from '../engine/client.ts';
import type { PrimaryRoute } from '../replication/primary-route.ts';
import type { Call } from './call.ts';
import { EngineStream } from './engine-stream.ts';
import { requestHeaders } from './forwarding.ts';
import { hijackToNode } from './hijack.ts';
import type { Route } from './operations.ts';
import { pipeAnswer, relayAnswer } from './relay.ts';
import { type AnswerRelay, uploadToNode } from './upload.ts';

/** Managers a call has come through, so that none goes in circles. */
const HOPS = 'enxame-hops';
/** A manager that was the primary may name another one. */
const MOST_HOPS = 2;

/** What each manager answers for itself. */
const OWN: ReadonlySet<string> = new Set([
  ...['/_ping', '/version', '/info', '/events', '/enxame/v1/substrate'],
  // A link logs in to the page of the manager that made it.
  '/enxame/v1/page/login',
  // Agents dial each manager.
  ...['/enxame/v1/agents', '/enxame/v1/agents/{id}/dial'],
]);
/** Reads of what the primary alone knows, or that change something on their way. */
const OF_PRIMARY: ReadonlySet<string> = new Set([
  '/exec/{id}/json',
  '/images/get',
  '/enxame/v1/failover',
  '/enxame/v1/mesh',
  ...['/enxame/v1/moves', '/enxame/v1/moves/{id}'],
  ...['/enxame/v1/plans/drain', '/enxame/v1/plans/drill', '/enxame/v1/plans/move', '/enxame/v1/plans/rebalance'],
  '/enxame/v1/page/plans/{kind}',
]);

/**
 * Forwards a call to the primary before its body is read, if it is not for this manager to answer; resolves with whether it did. A read goes to the
 * primary too while a change of a client of this manager may not be in its model yet, and comes from the model when there is no primary.
 */
export async function answeredByPrimary(call: Call, route: PrimaryRoute): Promise<boolean> {
  if (route.isPrimary || OWN.has(call.route.path)) return false;
  const isRead = isOwnRead(call.route);
  if (isRead && !route.isBehind) return false;
  const hops = hopsOf(call) + 1;
  if (hops > MOST_HOPS) throw new ClusterError('the managers do not agree on the primary; ask again', NO_PRIMARY);
  call.req.headers[HOPS] = String(hops);
  const forward = (primary: EngineClient): Promise<void> => pass(call, primary);
  if (isRead) return route.forward(forward, 'read', call.signal);
  const { duration } = call.route;
  const done = route.beginChange(duration === 'hijack' || duration === 'endless');
  try {
    if (hops > 1) await route.lookBack(call.signal);
    return await route.forward(forward, 'change', call.signal);
  } finally {
    done();
  }
}

/** Clients may write anything. */
function hopsOf({ req }: Call): number {
  const said = req.headers[HOPS];
  if (said === undefined) return 0;
  return said === '1' ? 1 : MOST_HOPS;
}

const NO_PRIMARY = { code: 'NO_PRIMARY', status: 503 } as const;

function isOwnRead({ method, path, duration }: Route): boolean {
  const isRead = method === 'GET' || method === 'HEAD';
  return isRead && duration !== 'hijack' && !OF_PRIMARY.has(path);
}

async function pass(call: Call, client: EngineClient): Promise<void> {
  const { method, duration } = call.route;
  const path = call.path + call.search;
  if (duration === 'hijack')
    return hijackToNode(call, { client }, path, call.route.path === '/exec/{id}/start' ? 'forwarded' : 'dropped');
  const relay: AnswerRelay = duration === 'short' ? pipeAnswer : relayAnswer;
  if (method !== 'GET' && method !== 'HEAD') return uploadToNode(call, { client }, { path }, relay);
  const stream = await EngineStream.send(client, {
    method,
    path,
    api: call.api,
    headers: { ...requestHeaders(call.req.headers), Connection: 'close' },
    signal: call.signal,
  });
  try {
    await relay(call, stream, await stream.head(call.signal));
  } finally {
    stream.destroy();
  }
}
