import { createHash } from 'node:crypto';
import type { Node } from '../cluster/node.ts';
import type { NodeRefresher } from '../cluster/node-refresher.ts';
import type { NodeWriter } from '../cluster/node-writer.ts';
import { containerOfSite, engineFacts, networkOfSite } from '../cluster/site.ts';
import type { Clock } from '../common/clock.ts';
import { coalesced } from '../common/coalesced.ts';
import { EngineError } from '../common/errors.ts';
import type { Timer } from '../common/timer.ts';
import { ANSWERS, askEngine, parseAnswer } from '../engine/answers.ts';
import type { EngineClient } from '../engine/client.ts';
import { EngineAnswerError, messageOf } from '../engine/exchange.ts';
import type { Shape } from '../engine/shapes/shape.ts';
import type { ContainerSummary, EngineEvent } from '../engine/types.ts';
import { type DueListing, isAlreadyKnown, isShown, ListingQueue, MAX_ATTEMPTS } from './listing-queue.ts';
import { refreshUntilStopped } from './until-stopped.ts';

/** How long changes seen in events are gathered before they are listed in one call, in milliseconds. */
const GATHER_MS = 20;
/**
 * When a site is listed again after what it said of images, networks and volumes, in milliseconds: its manager tells an event while it lists what that is
 * about itself, and with a site below it that takes as long again.
 */
const SITE_AGAIN_MS = [250, 1_000, 4_000];
/** More changed containers than this are listed by listing them all. */
const MAX_IDS_PER_LIST = 100;

/** See {@link askEngine}, which is not used here because an answer that is the same as before is not read. */
const MAX_LISTING_BYTES = 128 * 1024 * 1024;

/** Wait before a listing that did not show what was said is made again; doubles with every attempt. */
const RECHECK_MS = 80;

/**
 * Keeps the model of one node equal to its engine: lists what changed, at most one listing of a kind at a time, so that
 * an older answer never overwrites a newer one.
 */
export class NodeSync implements NodeRefresher {
  readonly refreshImages: () => Promise<void>;
  readonly refreshNetworks: () => Promise<void>;
  readonly refreshVolumes: () => Promise<void>;
  readonly refreshInfo: () => Promise<void>;
  readonly #node: Node;
  readonly #writer: NodeWriter;
  readonly #clock: Clock;
  readonly #queue = new ListingQueue();
  #isAllDirty = false;
  readonly #flushDirty: () => Promise<void>;
  readonly #later = new Map<() => Promise<void>, { readonly timer: Timer; readonly isAgain: boolean }>();
  readonly #rechecks = new Set<Timer>();
  /** Hash of the last listing of all containers: the listings themselves would be as large as the model. */
  #lastContainers: string | undefined;
  /** Gone while a listing is under way that may still name them; engines never use an ID twice. */
  readonly #destroyed = new Set<string>();
  /** Grows with every {@link reset}: what was asked before may come from another engine and is not written. */
  #generation = 0;

  constructor(node: Node, writer: NodeWriter, clock: Clock) {
    this.#node = node;
    this.#clock = clock;
    this.#writer = writer;
    this.#flushDirty = coalesced(() => this.#listDirty());
    const { images, networks, volumes, info } = ANSWERS;
    this.refreshImages = this.#listing('/images/json?all=1', images, (list) => writer.replaceImages(node, list));
    this.refreshNetworks = this.#listing('/networks', networks, (list) =>
      writer.replaceNetworks(node, node.isSite ? list.map(networkOfSite) : list),
    );
    this.refreshVolumes = this.#listing('/volumes', volumes, ({ Volumes }) =>
      writer.replaceVolumes(node, Volumes ?? []),
    );
    this.refreshInfo = this.#listing('/info', info, (facts, askedMs) => {
      // Whether a site may stay a node is its monitor's to ask.
      if (!node.isSite) writer.setInfo(node, engineFacts(facts), askedMs);
    });
  }

  /** Lists these containers in a call that begins after this one. */
  refreshContainers(engineIds: readonly string[]): Promise<void> {
    for (const id of engineIds) this.#queue.demand(id);
    return this.#flushDirty();
  }

  refreshStopped(engineId: string): Promise<void> {
    return refreshUntilStopped(this.#node, engineId, this.#clock);
  }

  /** Lists all containers. Skips reading them when the engine's answer is the same text as the last time. */
  async refreshAllContainers(): Promise<void> {
    this.#isAllDirty = true;
    this.#writer.learnAgain(this.#node);
    await this.#flushDirty();
  }

  /** Lists everything, over one connection. */
  async refreshAll(): Promise<void> {
    await Promise.all([
      this.refreshAllContainers(),
      this.refreshImages(),
      this.refreshNetworks(),
      this.refreshVolumes(),
    ]);
  }

  /** Takes over what an event says, or plans the listing it makes necessary. */
  onEvent(event: EngineEvent): void {
    if (event.Type === 'container') this.#onContainerEvent(event);
    else if (event.Type === 'network') this.#onNetworkEvent(event);
    else if (event.Type === 'image') this.#relist(this.refreshImages);
    else if (event.Type === 'volume' && (event.Action === 'create' || event.Action === 'destroy'))
      this.#relist(this.refreshVolumes);
    else if (event.Type === 'daemon') this.#refreshLater(this.refreshInfo);
  }

  /**
   * Forgets what was planned and what was listed: the connection is new, everything is listed again. Listings that a
   * caller waits for stay.
   */
  reset(): void {
    this.#generation += 1;
    for (const { timer } of this.#later.values()) timer.stop();
    this.#later.clear();
    for (const timer of this.#rechecks) timer.stop();
    this.#rechecks.clear();
    this.#queue.forgetEvents();
    this.#lastContainers = undefined;
  }

  #onContainerEvent(event: EngineEvent): void {
    const id = event.Actor.ID;
    if (event.Action === 'destroy') {
      this.#queue.forget(id);
      this.#destroyed.add(id);
      this.#writer.removeContainer(this.#node, id);
    } else if (CONTAINER_ACTIONS.has(event.Action) || event.Action.startsWith('health_status')) {
      if (event.Action === 'update') this.#writer.forgetReservation(this.#node, id);
      this.#follow(id, event);
    } else if (event.Action === 'commit') {
      this.#relist(this.refreshImages); // Older engines say nothing about the image it made.
    }
  }

  #onNetworkEvent(event: EngineEvent): void {
    const container = event.Actor.Attributes?.container;
    if (event.Action === 'connect' || event.Action === 'disconnect') {
      if (container) this.#follow(container, event);
    } else {
      this.#relist(this.refreshNetworks);
    }
  }

  #follow(id: string, event: EngineEvent): void {
    this.#queue.follow(id, event);
    this.#refreshLater(this.#flushDirty);
  }

  #relist(refresh: () => Promise<void>): void {
    this.#refreshLater(refresh, [GATHER_MS, ...(this.#node.isSite ? SITE_AGAIN_MS : [])]);
  }

  /** After each of these waits, one after the other. */
  #refreshLater(
    refresh: () => Promise<void>,
    [waitMs, ...again]: readonly number[] = [GATHER_MS],
    isAgain = false,
  ): void {
    const planned = this.#later.get(refresh);
    if (waitMs === undefined || (planned && !planned.isAgain)) return;
    planned?.timer.stop();
    const timer = this.#clock.timer(() => {
      this.#later.delete(refresh);
      this.#refreshLater(refresh, again, true);
      // A failed listing is no loss: what was to be listed stays planned, and the monitor lists everything now and then.
      refresh().catch(() => undefined);
    });
    timer.start(waitMs);
    this.#later.set(refresh, { timer, isAgain });
  }

  async #listDirty(): Promise<void> {
    const generation = this.#generation;
    const due = this.#queue.take();
    const isAll = this.#isAllDirty;
    this.#isAllDirty = false;
    this.#destroyed.clear();
    try {
      const ids = [...due].flatMap(([id, listing]) => (isAlreadyKnown(this.#node, id, listing) ? [] : [id]));
      if (isAll || ids.length > MAX_IDS_PER_LIST) await this.#listAllContainers(generation);
      else if (ids.length > 0) await this.#listContainers(ids, generation);
    } catch (error) {
      if (generation === this.#generation) this.#requeue(due, isAll);
      throw error;
    }
    this.#recheck(due);
  }

  /** No other caller may ask again for what a failed listing left out. */
  #requeue(due: ReadonlyMap<string, DueListing>, isAll: boolean): void {
    this.#isAllDirty ||= isAll;
    this.#queue.requeue(new Map([...due].filter(([id]) => !this.#destroyed.has(id))));
  }

  /** Lists again, later, what the listing did not show though an event had said it. */
  #recheck(due: ReadonlyMap<string, DueListing>): void {
    let attempts = 0;
    const missing = new Map<string, DueListing>();
    for (const [id, listing] of due) {
      if (isShown(this.#node, id, listing) || listing.attempts >= MAX_ATTEMPTS) continue;
      missing.set(id, { ...listing, event: undefined, attempts: listing.attempts + 1 });
      attempts = Math.max(attempts, listing.attempts);
    }
    if (missing.size === 0) return;
    const timer = this.#clock.timer(() => {
      this.#rechecks.delete(timer);
      this.#queue.requeue(missing);
      this.#flushDirty().catch(() => undefined); // As in #refreshLater.
    });
    timer.start(RECHECK_MS * 2 ** attempts);
    this.#rechecks.add(timer);
  }

  async #listContainers(ids: readonly string[], generation: number): Promise<void> {
    const filters = encodeURIComponent(JSON.stringify({ id: ids }));
    const path = `/containers/json?all=1&filters=${filters}`;
    const summaries = await askEngine(this.#client, { method: 'GET', path }, ANSWERS.containers);
    this.#assertCurrent(generation);
    this.#lastContainers = undefined;
    this.#writer.updateContainers(this.#node, ids, this.#read(summaries));
  }

  async #listAllContainers(generation: number): Promise<void> {
    const request = { method: 'GET', path: '/containers/json?all=1', isPipelined: true, maxBytes: MAX_LISTING_BYTES };
    const answer = await this.#client.request(request);
    if (answer.statusCode !== 200) throw new EngineAnswerError(messageOf(answer.body), answer.statusCode);
    this.#assertCurrent(generation);
    const hash = createHash('sha256').update(answer.body).digest('base64');
    if (this.#lastContainers === hash) return this.#writer.confirmContainers(this.#node);
    const summaries = parseAnswer(answer.body, ANSWERS.containers, 'GET /containers/json');
    const alive = this.#read(summaries);
    this.#lastContainers = alive.length === summaries.length ? hash : undefined;
    this.#writer.replaceContainers(this.#node, alive);
  }

  /** Without those that are gone by now. */
  #read(summaries: readonly ContainerSummary[]): readonly ContainerSummary[] {
    const alive = this.#destroyed.size === 0 ? summaries : summaries.filter(({ Id }) => !this.#destroyed.has(Id));
    const { isSite, attemptLabel } = this.#node;
    return isSite ? alive.map((each) => containerOfSite(each, attemptLabel)) : alive;
  }

  /** A refresh of one kind that shares runs and never writes what was asked before a reset. */
  #listing<T>(path: string, shape: Shape<T>, write: (answer: T, askedMs: number) => void): () => Promise<void> {
    return coalesced(async () => {
      const generation = this.#generation;
      const askedMs = this.#clock.now();
      const answer = await askEngine(this.#client, { method: 'GET', path, isPipelined: true }, shape);
      this.#assertCurrent(generation);
      write(answer, askedMs);
    });
  }

  #assertCurrent(generation: number): void {
    if (generation !== this.#generation)
      throw new EngineError(`the connection to ${this.#node.entry} was lost while it was listed`);
  }

  get #client(): EngineClient {
    return this.#node.client;
  }
}

/** Actions after which a container's list entry differs. `stop`, `kill` and `restart` come with `die` and `start`. */
const CONTAINER_ACTIONS: ReadonlySet<string> = new Set([
  'create',
  'start',
  'die',
  'pause',
  'unpause',
  'rename',
  'update',
]);
