/**
 * Lists anew what one engine holds (`monitor/node-sync.ts`). Every call resolves with a listing that began after it, so that a client
 * finds what it just wrote; it rejects when the engine does not answer.
 */
export interface NodeRefresher {
  /** Lists containers by engine ID. */
  refreshContainers(engineIds: readonly string[]): Promise<void>;
  /**
   * Lists a container that its engine calls stopped until the listing shows it too: engines answer a wait or a kill before their
   * own listing shows it. Half a second at most, for a container that is started again meanwhile.
   */
  refreshStopped(engineId: string): Promise<void>;
  /** Lists all containers. */
  refreshAllContainers(): Promise<void>;
  refreshImages(): Promise<void>;
  refreshNetworks(): Promise<void>;
  refreshVolumes(): Promise<void>;
  /** Reads the engine's own facts (labels, swarm membership, warnings). */
  refreshInfo(): Promise<void>;
}

/** What a node holds is listed by its monitor, which comes after it. */
export abstract class RefreshedNode implements NodeRefresher {
  abstract readonly entry: string;
  #refresher: NodeRefresher | undefined;

  refreshContainers(engineIds: readonly string[]): Promise<void> {
    return this.#refreshing.refreshContainers(engineIds);
  }

  refreshStopped(engineId: string): Promise<void> {
    return this.#refreshing.refreshStopped(engineId);
  }

  refreshAllContainers(): Promise<void> {
    return this.#refreshing.refreshAllContainers();
  }

  refreshImages(): Promise<void> {
    return this.#refreshing.refreshImages();
  }

  refreshNetworks(): Promise<void> {
    return this.#refreshing.refreshNetworks();
  }

  refreshVolumes(): Promise<void> {
    return this.#refreshing.refreshVolumes();
  }

  refreshInfo(): Promise<void> {
    return this.#refreshing.refreshInfo();
  }

  /** Sets who lists what its engine holds; to be called once. */
  attachRefresher(refresher: NodeRefresher): void {
    this.#refresher = refresher;
  }

  get #refreshing(): NodeRefresher {
    if (!this.#refresher) throw new Error(`node ${this.entry} has no monitor`);
    return this.#refresher;
  }
}
