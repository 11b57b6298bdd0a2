import type { Cluster } from '../../cluster/cluster.ts';
import type { Node } from '../../cluster/node.ts';
import { BadRequestError } from '../../common/errors.ts';
import { ANSWERS, parseAnswer } from '../../engine/answers.ts';
import { SubstrateEvents } from '../../substrate/substrate-events.ts';
import type { Call, RouteHandlers } from '../call.ts';
import { chunksOf, EventBatch } from '../events/event-batch.ts';
import { type ClusterMessage, clusterMessage } from '../events/event-text.ts';
import { EVENT_FILTERS, matchesEvent } from '../filters/events.ts';
import { type Filters, parseFilters } from '../filters/query.ts';

/** The merged event stream. */
export const eventRoutes: RouteHandlers = { 'GET /events': streamEvents };

/** A subscriber this far behind is cut off: it does not read, and everybody else's events are not to wait in memory. */
const MAX_BACKLOG_BYTES = 8 * 1024 * 1024;
/** Engines remember 256 events. */
const MAX_HISTORY_BYTES = 4 * 1024 * 1024;
/** How long a node may take to tell its past events. */
const HISTORY_DEADLINE_MS = 10_000;

async function streamEvents(call: Call): Promise<void> {
  const filters = parseFilters(call.query.get('filters'), EVENT_FILTERS);
  const nowMs = call.services.clock.now();
  const since = readTime(call.query.get('since'), nowMs);
  const until = readTime(call.query.get('until'), nowMs);
  const sink = new Sink(call, filters, until);
  // Live messages wait until the past ones are written, so that order holds and none falls between.
  const unsubscribe = call.services.events.subscribe((batch) => sink.live(batch));
  try {
    call.res.writeHead(200, { 'Content-Type': 'application/json' });
    call.res.flushHeaders();
    if (since !== undefined) sink.history(await readHistory(call, since, until));
    sink.release();
    if (until === undefined || until > BigInt(nowMs) * 1_000_000n) await ended(call, until);
  } finally {
    unsubscribe();
  }
  call.res.end();
}

/** Writes messages that pass, past before live, each once. */
class Sink {
  readonly #call: Call;
  readonly #filters: Filters;
  readonly #until: bigint | undefined;
  readonly #seen = new Set<string>();
  readonly #substrate = new SubstrateEvents();
  #waiting: ClusterMessage[] | undefined = [];

  constructor(call: Call, filters: Filters, until: bigint | undefined) {
    this.#call = call;
    this.#filters = filters;
    this.#until = until;
  }

  live(batch: EventBatch): void {
    if (this.#waiting) this.#waiting.push(...batch.messages);
    else this.#write(batch);
  }

  history(messages: readonly ClusterMessage[]): void {
    for (const message of messages) this.#seen.add(keyOf(message));
    this.#write(new EventBatch(messages));
  }

  /** From now on live messages are written at once. */
  release(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    this.#write(new EventBatch(waiting.filter((message) => !this.#seen.has(keyOf(message)))));
    this.#seen.clear();
  }

  #write(batch: EventBatch): void {
    const { res, services } = this.#call;
    if (res.destroyed) return;
    const shown = batch.messages.filter((message) => this.#passes(message));
    if (shown.length === 0) return;
    // With the chunks framed already a subscriber costs one write; `res.write` makes three pieces of each.
    if (!res.socket || !res.chunkedEncoding) for (const { line } of shown) res.write(line);
    else res.socket.write(shown.length === batch.messages.length ? batch.chunks : chunksOf(shown));
    if (res.writableLength <= MAX_BACKLOG_BYTES) return;
    services.logger.warn({ bytes: res.writableLength }, 'an events client does not read: it is cut off');
    res.destroy();
  }

  #passes(message: ClusterMessage): boolean {
    if (this.#until !== undefined && message.timeNano > this.#until) return false;
    return this.#substrate.isShown(message.event) && matchesEvent(message, this.#filters);
  }
}

function keyOf({ node, timeNano, event }: ClusterMessage): string {
  return `${node.entry}/${timeNano}/${event.Action}/${event.Actor.ID}`;
}

/** What engines and we remember between `since` and now (or `until`), in order of time. Slow nodes are left out. */
async function readHistory(call: Call, since: bigint, until: bigint | undefined): Promise<ClusterMessage[]> {
  const { cluster, events, clock } = call.services;
  const endMs = until === undefined ? clock.now() : Math.min(Number(until / 1_000_000n), clock.now());
  const asked = cluster.healthyNodes().map((node) => readNodeHistory(call, node, since, endMs));
  const answers = await Promise.allSettled(asked);
  const moves = events.own.filter(({ event }) => event.Action === 'start');
  const messages = answers
    .flatMap((answer) => (answer.status === 'fulfilled' ? answer.value : []))
    .filter((message) => !moves.some((move) => isStartFor(message, move)));
  messages.push(...events.own.filter(({ timeNano }) => timeNano >= since));
  return messages.sort((a, b) => (a.timeNano < b.timeNano ? -1 : a.timeNano > b.timeNano ? 1 : 0));
}

/** Whether an engine says of a copy what we said when that took the container's place. */
function isStartFor({ event, node, timeNano }: ClusterMessage, move: ClusterMessage): boolean {
  const isOfIt = event.Action === 'start' && event.Actor.ID === move.event.Actor.ID && node === move.node;
  return isOfIt && timeNano <= move.timeNano;
}

async function readNodeHistory(
  { signal, services }: Call,
  node: Node,
  since: bigint,
  endMs: number,
): Promise<ClusterMessage[]> {
  // The engine's clock may be off ours: it is asked in its own time.
  const query = `since=${toSeconds(since)}&until=${((endMs + node.clockOffsetMs) / 1000 + 1).toFixed(3)}`;
  // `until` a moment ahead makes the engine end the stream by itself.
  const path = `/events?${query}`;
  const answer = await node.client.request({
    method: 'GET',
    path,
    signal,
    timeoutMs: HISTORY_DEADLINE_MS,
    maxBytes: MAX_HISTORY_BYTES,
  });
  const lines = answer.body.toString().split('\n');
  return lines.flatMap((line) => (line.trim() === '' ? [] : readMessage(node, line, services.cluster)));
}

/** None for a line that is no event: it is left out, as in the live stream. */
function readMessage(node: Node, line: string, cluster: Cluster): ClusterMessage[] {
  try {
    const shown = cluster.engineMessages.shown(node, parseAnswer(line, ANSWERS.event, 'an event'), line, {
      isPast: true,
    });
    return shown ? [clusterMessage(node, shown.event, shown.text, cluster.networkNames)] : [];
  } catch {
    return [];
  }
}

function toSeconds(nano: bigint): string {
  return `${nano / 1_000_000_000n}.${String(nano % 1_000_000_000n).padStart(9, '0')}`;
}

/** `since` and `until` are seconds with a fraction (`1700000000.5`), dates (RFC 3339), or ages (`10m`). Nanoseconds. */
function readTime(text: string | null, nowMs: number): bigint | undefined {
  if (text === null || text === '' || text === '0') return undefined;
  const seconds = /^(\d{1,11})(?:\.(\d{1,9}))?$/.exec(text);
  if (seconds) return BigInt(seconds[1] ?? 0) * 1_000_000_000n + BigInt((seconds[2] ?? '').padEnd(9, '0') || 0);
  const age = /^(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/.exec(text);
  if (age) {
    const [hours = 0, minutes = 0, rest = 0] = age.slice(1).map((part) => Number(part ?? 0));
    return BigInt(Math.round(nowMs - (hours * 3600 + minutes * 60 + rest) * 1000)) * 1_000_000n;
  }
  const dateMs = Date.parse(text);
  if (Number.isFinite(dateMs)) return BigInt(dateMs) * 1_000_000n;
  throw new BadRequestError(
    `invalid time '${text.slice(0, 60)}': use seconds since 1970, a date or an age such as 10m`,
    'BAD_TIME',
  );
}

/** Resolves when the client leaves, the manager stops, or `until` is reached. */
function ended({ signal, services }: Call, until: bigint | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const onAbort = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const waitMs = until === undefined ? undefined : Number(until / 1_000_000n) - services.clock.now();
    const timer =
      waitMs === undefined
        ? undefined
        : setTimeout(
            () => {
              signal.removeEventListener('abort', onAbort);
              resolve();
            },
            Math.min(waitMs, 2 ** 31 - 1),
          );
    signal.addEventListener('abort', onAbort, { once: true });
  });
}
