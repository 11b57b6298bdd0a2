import type { Cluster } from '../cluster/cluster.ts';
import type { ClusterEvent } from '../cluster/events.ts';
import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import type { EngineEvent } from '../engine/types.ts';
import type { Notice } from '../notify/notice.ts';
import { clip } from './model-rows.ts';
import type { EventRow, PastMove } from './protocol.ts';

export interface EventJournalDeps {
  readonly cluster: Cluster;
  /** What operators are told of. */
  readonly notices: { subscribe(listener: (notice: Notice) => void): () => void };
  readonly clock: Clock;
}

/** Events kept for those who look later. */
const KEPT = 2_000;
/** Containers whose moves are remembered, and moves of one. */
const MOVED_CONTAINERS = 4_096;
const MOVES_KEPT = 16;

/** What happened since the manager began, as far as a person may want to look back: bounded, and in memory alone. */
export class EventJournal {
  readonly #deps: EventJournalDeps;
  readonly #rows: EventRow[] = [];
  readonly #moves = new Map<string, PastMove[]>();
  readonly #ends: readonly (() => void)[];
  #seq = 0;
  #onRow: (row: EventRow) => void = () => undefined;

  constructor(deps: EventJournalDeps) {
    this.#deps = deps;
    this.#ends = [
      deps.cluster.subscribe((event) => this.#onEvent(event)),
      deps.notices.subscribe((notice) => this.#onNotice(notice)),
    ];
  }

  /** Sets who is told of each event, after it is kept. */
  set onRow(listener: (row: EventRow) => void) {
    this.#onRow = listener;
  }

  /** The latest first; those before `before`, at most `limit`. */
  latest(limit: number, before: number = Number.POSITIVE_INFINITY): readonly EventRow[] {
    const newest = this.#rows.at(-1)?.seq ?? 0;
    // Rows are one after the other: where one is, is known without looking.
    const end = before > newest ? this.#rows.length : Math.max(0, this.#rows.length - (newest - before) - 1);
    return this.#rows.slice(Math.max(0, end - limit), end).reverse();
  }

  /** Moves of a container that were seen, the latest first. */
  movesOf(id: string): readonly PastMove[] {
    return this.#moves.get(id) ?? [];
  }

  /** Idempotent. */
  close(): void {
    for (const end of this.#ends) end();
  }

  #onEvent(event: ClusterEvent): void {
    switch (event.kind) {
      case 'engine-event':
        return this.#onMessage(event.node, event.event, event.text);
      case 'node-state': {
        const { node, from, to, reason } = event;
        const action =
          to === 'Healthy'
            ? 'engine_connect'
            : from === 'Healthy' || to === 'Disconnected'
              ? 'engine_disconnect'
              : undefined;
        return action === undefined ? undefined : this.#add(ofNode(node, action, reason));
      }
      case 'container-changed': {
        const { before, after, why } = event;
        if (why === undefined) return;
        const move = { from: before.node.name, to: after.node.name, why, at: this.#deps.clock.now() };
        this.#noteMove(after.id, move);
        const text = clip(`from ${move.from} to ${move.to}: ${why}`);
        return this.#add({
          type: 'container',
          action: 'move',
          id: after.id,
          name: after.name,
          node: after.node.name,
          text,
        });
      }
      default:
        return undefined;
    }
  }

  #onMessage(node: Node, { Type, Action, Actor }: EngineEvent, text: string): void {
    // Health checks and terminals: several a second of each container, and nothing happened.
    if (QUIET.test(Action)) return;
    const nanoseconds = /"timeNano":(\d{1,19})/.exec(text)?.[1];
    const at = nanoseconds === undefined ? this.#deps.clock.now() : Number(nanoseconds) / 1e6 - node.clockOffsetMs;
    const { name, image, exitCode, container } = Actor.Attributes ?? {};
    const words = [
      ...(exitCode !== undefined && Action === 'die' ? [`exit code ${exitCode}`] : []),
      ...(image !== undefined && Type === 'container' && Action === 'create' ? [image] : []),
      ...(container !== undefined ? [this.#deps.cluster.findContainer(container)?.name ?? container.slice(0, 12)] : []),
    ];
    this.#add(
      {
        type: clip(Type),
        action: clip(Action),
        id: clip(Actor.ID),
        name: clip(name ?? Actor.ID.slice(0, 12)),
        node: node.name,
        ...(words.length > 0 && { text: clip(words.join(', ')) }),
      },
      Math.round(at),
    );
  }

  #onNotice({ event, node = '', container, why = '' }: Notice): void {
    const place = this.#deps.cluster.node(node);
    if (event === 'node-lost' && place) this.#add(ofNode(place, 'engine_lost', why));
    else if (event === 'waiting' && container)
      this.#add({
        type: 'container',
        action: 'reschedule_wait',
        ...container,
        node: place?.name ?? node,
        text: clip(why),
      });
    else if (event === 'brake-on' || event === 'brake-off') {
      const action = event === 'brake-on' ? 'failover_brake_on' : 'failover_brake_off';
      this.#add({ type: 'daemon', action, id: '', name: 'manager', node: '', ...(why !== '' && { text: clip(why) }) });
    }
  }

  #add(row: Omit<EventRow, 'seq' | 'at'>, at: number = this.#deps.clock.now()): void {
    this.#seq += 1;
    const kept = { seq: this.#seq, at, ...row };
    this.#rows.push(kept);
    // Some at a time: taking the first one out of a long list moves all others.
    if (this.#rows.length > KEPT * 1.25) this.#rows.splice(0, this.#rows.length - KEPT);
    this.#onRow(kept);
  }

  #noteMove(id: string, move: PastMove): void {
    const moves = this.#moves.get(id) ?? [];
    this.#moves.delete(id);
    this.#moves.set(id, [move, ...moves].slice(0, MOVES_KEPT));
    if (this.#moves.size <= MOVED_CONTAINERS) return;
    for (const oldest of this.#moves.keys()) {
      this.#moves.delete(oldest);
      return;
    }
  }
}

const QUIET = /^(?:exec_|attach|detach|resize|top)/;

function ofNode({ id, name }: Node, action: string, why: string): Omit<EventRow, 'seq' | 'at'> {
  return { type: 'node', action, id, name, node: name, ...(why !== '' && { text: clip(why) }) };
}
