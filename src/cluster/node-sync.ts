import { coalesced } from '../common/coalesced.ts';
import type { EngineClient } from '../engine/client.ts';
import type {
  ContainerSummary,
  EngineEvent,
  EngineInfo,
  ImageSummary,
  NetworkSummary,
  VolumeSummary,
} from '../engine/types.ts';
import type { Node } from './node.ts';

/** Where a node's listings are written: the cluster. */
export interface NodeWriter {
  /** Sets all containers of a node. */
  replaceContainers(node: Node, summaries: readonly ContainerSummary[]): void;
  /** Sets the listed ones among `engineIds`; those not listed are gone. */
  updateContainers(node: Node, engineIds: readonly string[], summaries: readonly ContainerSummary[]): void;
  removeContainer(node: Node, engineId: string): void;
  replaceImages(node: Node, summaries: readonly ImageSummary[]): void;
  replaceNetworks(node: Node, summaries: readonly NetworkSummary[]): void;
  replaceVolumes(node: Node, summaries: readonly VolumeSummary[]): void;
  setInfo(node: Node, info: EngineInfo): void;
  /** A container's reservation must be read again (`docker update`). */
  forgetReservation(node: Node, engineId: string): void;
}

/** How long changes seen in events are gathered before they are listed in one call, in milliseconds. */
const GATHER_MS = 20;
/** More changed containers than this are listed by listing them all. */
const MAX_IDS_PER_LIST = 100;

/** Keeps the model of one node equal to its engine: lists what changed, at most one listing of a kind at a time. */
export class NodeSync {
  readonly refreshImages: () => Promise<void>;
  readonly refreshNetworks: () => Promise<void>;
  readonly refreshVolumes: () => Promise<void>;
  readonly refreshInfo: () => Promise<void>;
  readonly #node: Node;
  readonly #writer: NodeWriter;
  /** Containers to list again, each with the event that says so; `undefined` = unconditionally. */
  #dirty = new Map<string, EngineEvent | undefined>();
  readonly #flushDirty: () => Promise<void>;
  readonly #later = new Map<() => Promise<void>, NodeJS.Timeout>();
  #lastContainers: Buffer | undefined;

  constructor(node: Node, writer: NodeWriter) {
    this.#node = node;
    this.#writer = writer;
    this.#flushDirty = coalesced(() => this.#listDirty());
    this.refreshImages = coalesced(async () =>
      writer.replaceImages(node, await this.#get<ImageSummary[]>('/images/json')),
    );
    this.refreshNetworks = coalesced(async () =>
      writer.replaceNetworks(node, await this.#get<NetworkSummary[]>('/networks')),
    );
    this.refreshVolumes = coalesced(async () => {
      const answer = await this.#get<{ Volumes: VolumeSummary[] | null }>('/volumes');
      writer.replaceVolumes(node, answer.Volumes ?? []);
    });
    this.refreshInfo = coalesced(async () => writer.setInfo(node, await this.#get<EngineInfo>('/info')));
  }

  /** Lists these containers in a call that begins after this one. */
  refreshContainers(engineIds: readonly string[]): Promise<void> {
    for (const id of engineIds) this.#dirty.set(id, undefined);
    return this.#flushDirty();
  }

  /** Lists everything. Skips reading the containers when the engine's answer is the same text as the last time. */
  async refreshAll(signal?: AbortSignal): Promise<void> {
    await Promise.all([
      this.#listAllContainers(signal),
      this.refreshImages(),
      this.refreshNetworks(),
      this.refreshVolumes(),
    ]);
  }

  /** Takes over what an event says, or plans the listing it makes necessary. */
  onEvent(event: EngineEvent): void {
    if (event.Type === 'container') this.#onContainerEvent(event);
    else if (event.Type === 'network') this.#onNetworkEvent(event);
    else if (event.Type === 'image') this.#refreshLater(this.refreshImages);
    else if (event.Type === 'volume' && (event.Action === 'create' || event.Action === 'destroy'))
      this.#refreshLater(this.refreshVolumes);
    else if (event.Type === 'daemon') this.#refreshLater(this.refreshInfo);
  }

  /** Forgets what was planned and what was listed: the connection is new, everything is listed again. */
  reset(): void {
    for (const timer of this.#later.values()) clearTimeout(timer);
    this.#later.clear();
    this.#dirty.clear();
    this.#lastContainers = undefined;
  }

  #onContainerEvent(event: EngineEvent): void {
    const id = event.Actor.ID;
    if (event.Action === 'destroy') {
      this.#dirty.delete(id);
      this.#writer.removeContainer(this.#node, id);
    } else if (CONTAINER_ACTIONS.has(event.Action) || event.Action.startsWith('health_status')) {
      if (event.Action === 'update') this.#writer.forgetReservation(this.#node, id);
      this.#markDirty(id, event);
    }
  }

  #onNetworkEvent(event: EngineEvent): void {
    const container = event.Actor.Attributes?.container;
    if (event.Action === 'connect' || event.Action === 'disconnect') {
      if (container) this.#markDirty(container, event);
    } else {
      this.#refreshLater(this.refreshNetworks);
    }
  }

  #markDirty(id: string, event: EngineEvent): void {
    // A later event must not hide an unconditional wish.
    if (!this.#dirty.has(id) || this.#dirty.get(id) !== undefined) this.#dirty.set(id, event);
    this.#refreshLater(this.#flushDirty);
  }

  #refreshLater(refresh: () => Promise<void>): void {
    if (this.#later.has(refresh)) return;
    const timer = setTimeout(() => {
      this.#later.delete(refresh);
      // A failed listing is no loss: the probe or the ended event stream makes the monitor list everything again.
      refresh().catch(() => undefined);
    }, GATHER_MS);
    this.#later.set(refresh, timer);
  }

  async #listDirty(): Promise<void> {
    const ids: string[] = [];
    for (const [id, event] of this.#dirty) if (!event || !isAlreadyKnown(this.#node, id, event)) ids.push(id);
    this.#dirty = new Map();
    if (ids.length === 0) return;
    if (ids.length > MAX_IDS_PER_LIST) return this.#listAllContainers();
    const filters = encodeURIComponent(JSON.stringify({ id: ids }));
    const summaries = await this.#get<ContainerSummary[]>(`/containers/json?all=1&filters=${filters}`);
    this.#lastContainers = undefined;
    this.#writer.updateContainers(this.#node, ids, summaries);
  }

  async #listAllContainers(signal?: AbortSignal): Promise<void> {
    this.#dirty = new Map();
    const path = '/containers/json?all=1';
    const answer = await this.#client.request({ method: 'GET', path, signal });
    if (answer.statusCode !== 200) throw new Error(`list containers: status ${answer.statusCode}`);
    if (this.#lastContainers?.equals(answer.body)) return;
    this.#lastContainers = answer.body;
    this.#writer.replaceContainers(this.#node, JSON.parse(answer.body.toString()) as ContainerSummary[]);
  }

  get #client(): EngineClient {
    return this.#node.client;
  }

  #get<T>(path: string): Promise<T> {
    return this.#client.json<T>({ method: 'GET', path });
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

/**
 * Whether the model already shows what the event tells, because it was listed after it (our own write). Every later
 * change has an event of its own, so nothing is missed.
 */
function isAlreadyKnown(node: Node, id: string, event: EngineEvent): boolean {
  const container = node.containers.get(id);
  switch (event.Action) {
    case 'create':
      return container !== undefined;
    case 'start':
    case 'unpause':
      return container?.state === 'running';
    case 'die':
      return container?.state === 'exited';
    case 'pause':
      return container?.state === 'paused';
    case 'rename':
      return container !== undefined && `/${container.name}` === event.Actor.Attributes?.name;
    case 'connect':
      // The engine connects networks before it says `start`: what is not running yet is listed then.
      return container !== undefined && container.state !== 'running';
    default:
      return false;
  }
}
