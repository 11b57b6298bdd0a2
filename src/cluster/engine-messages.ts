import { BoundedMap } from '../common/bounded-map.ts';
import { ATTEMPT_LABEL } from '../common/labels.ts';
import type { EngineEvent } from '../engine/types.ts';
import type { Containers } from './containers.ts';
import type { KnownCopy } from './identities.ts';
import { withoutMoveLabels } from './listed-container.ts';
import type { Node } from './node.ts';

/** Copies that took a container's place of which it is known when that was: what their engines said before may come late. */
const MAX_REMEMBERED = 4_096;

/** What engines say, as clients see it: each container is one, whatever copies of it there are and were. */
export class EngineMessages {
  readonly #containers: Containers;
  /** When copies took their containers' places, in milliseconds since the epoch. */
  readonly #shownSince = new BoundedMap<string, number>(MAX_REMEMBERED);

  /** Copies of moved containers that were removed since: engines remember what they said of these. */
  readonly #removed = new BoundedMap<string, KnownCopy>(MAX_REMEMBERED);

  constructor(containers: Containers) {
    this.#containers = containers;
  }

  /** A container is gone, and nothing else says whose copy this was. */
  hasBeen(engineId: string, copy: KnownCopy): void {
    this.#removed.set(engineId, copy);
  }

  /** A copy is the container from now on. */
  hasTakenOver(engineId: string, nowMs: number): void {
    this.#shownSince.set(engineId, nowMs);
  }

  /**
   * A message under the container's identity; undefined for one about a copy that clients do not see.
   *
   * @param text what the engine wrote
   * @param options `id`, by which clients knew the container when that is not known any more; `isPast` when it was said some time ago,
   * perhaps when a copy was the container
   */
  shown(
    node: Node,
    event: EngineEvent,
    text: string,
    { id, isPast = false }: { readonly id?: string | undefined; readonly isPast?: boolean } = {},
  ): { readonly event: EngineEvent; readonly text: string } | undefined {
    const engineId = containerOf(event);
    if (engineId === undefined) return { event, text };
    const attempt = event.Type === 'container' ? event.Actor.Attributes?.[ATTEMPT_LABEL] : undefined;
    const known = this.#containers.known(node, engineId, attempt) ?? (isPast ? this.#removed.get(engineId) : undefined);
    if (known && (isPast && wasContainer(known) ? ENDING.has(event.Action) : isQuiet(known, event))) return undefined;
    if (known?.isSuccessor && this.#wasHidden(node, engineId, text)) return undefined;
    const shownId = id ?? known?.id ?? node.containers.get(engineId)?.id ?? engineId;
    const asked = known ? withoutMoveLabelsOf(event) : event;
    if (shownId === engineId) return { event: asked, text };
    return { event: translated(asked, engineId, shownId), text: text.replaceAll(engineId, shownId) };
  }

  /** Whether an engine said something of a copy before that took the container's place, and is heard only now. */
  #wasHidden(node: Node, engineId: string, text: string): boolean {
    const shownMs = this.#shownSince.get(engineId);
    const digits = shownMs === undefined ? undefined : /"timeNano":(\d{13,19})/.exec(text)?.[1];
    return shownMs !== undefined && digits !== undefined && Number(digits) / 1e6 - node.clockOffsetMs <= shownMs;
  }
}

/** The engine's ID of the container that an event is about; undefined when it is about none. */
function containerOf({ Type, Actor }: EngineEvent): string | undefined {
  return Type === 'container' ? Actor.ID : Actor.Attributes?.container;
}

/** What an engine says of a container while that is moved: clients see one that died and started again, see `api/events/`. */
function isQuiet(known: KnownCopy, { Type, Action }: EngineEvent): boolean {
  if (known.role !== 'current') return true;
  if (Type !== 'container') return false;
  return (known.isSuccessor && Action === 'create') || (known.isStoppedForMove && STOPPING.has(Action));
}

const STOPPING: ReadonlySet<string> = new Set(['kill', 'stop', 'die', 'start']);

/** A copy left behind, of which it is not known when that was: how it ended is not the container's end. */
function wasContainer({ role, id }: KnownCopy): boolean {
  return role === 'stale' && id !== undefined;
}

const ENDING: ReadonlySet<string> = new Set(['kill', 'stop', 'die', 'destroy']);

function translated(event: EngineEvent, engineId: string, id: string): EngineEvent {
  const { Actor } = event;
  // `id` is what old clients read.
  if (Actor.ID === engineId) return { ...event, ...('id' in event && { id }), Actor: { ...Actor, ID: id } };
  return { ...event, Actor: { ...Actor, Attributes: { ...Actor.Attributes, container: id } } };
}

/** An event without what a move wrote into a container's labels. */
function withoutMoveLabelsOf(event: EngineEvent): EngineEvent {
  const { Attributes } = event.Actor;
  const shown = Attributes && withoutMoveLabels(Attributes);
  return shown && shown !== Attributes ? { ...event, Actor: { ...event.Actor, Attributes: shown } } : event;
}
