import { type Container, type ContainerSeed, hexId, toContainer } from './container.ts';
import { EventHub } from './event-hub.ts';

/** What an engine says about itself. */
export interface EngineProfile {
  readonly id: string;
  readonly name: string;
  readonly serverVersion: string;
  readonly apiVersion: string;
  readonly minApiVersion: string;
  /** `key=value`, as `info` shows them. */
  readonly labels: readonly string[];
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly operatingSystem: string;
  readonly osType: string;
  readonly kernelVersion: string;
  readonly storageDriver: string;
}

/** A local network. */
export interface Network {
  readonly id: string;
  readonly name: string;
  readonly driver: string;
  readonly scope: 'local' | 'swarm';
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: number;
}

/** A local volume. */
export interface Volume {
  readonly name: string;
  readonly driver: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: number;
}

/** An image with its tags. */
export interface Image {
  readonly id: string;
  readonly tags: string[];
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: number;
  readonly size: number;
}

/** An exec instance; `running` until its stream ended. */
export interface Exec {
  readonly id: string;
  readonly containerId: string;
  readonly command: readonly string[];
  running: boolean;
  exitCode: number;
}

const DEFAULT_PROFILE: EngineProfile = {
  id: '',
  name: 'engine',
  serverVersion: '28.5.2',
  apiVersion: '1.51',
  minApiVersion: '1.24',
  labels: [],
  cpus: 8,
  memoryBytes: 16 * 2 ** 30,
  operatingSystem: 'Debian GNU/Linux 12 (bookworm)',
  osType: 'linux',
  kernelVersion: '6.1.0-28-amd64',
  storageDriver: 'overlay2',
};

/** Everything one simulated engine holds. Changes go through its methods, which keep the maps and emit events. */
export class EngineState {
  readonly profile: EngineProfile;
  readonly events: EventHub;
  readonly containers: Map<string, Container> = new Map();
  readonly networks: Map<string, Network> = new Map();
  readonly volumes: Map<string, Volume> = new Map();
  readonly images: Map<string, Image> = new Map();
  readonly execs: Map<string, Exec> = new Map();
  readonly now: () => number;
  readonly #byName = new Map<string, Container>();
  readonly #waiters = new Map<string, Set<(exitCode: number) => void>>();
  #serial = 0;

  /** @param now the engine's clock in milliseconds since the epoch; give another one for an engine whose clock is off */
  constructor(profile: Partial<EngineProfile> = {}, now: () => number = Date.now) {
    const name = profile.name ?? DEFAULT_PROFILE.name;
    this.profile = { ...DEFAULT_PROFILE, id: uuidOf(name), ...profile };
    this.now = now;
    this.events = new EventHub(now);
    for (const [network, driver] of [
      ['bridge', 'bridge'],
      ['host', 'host'],
      ['none', 'null'],
    ] as const) {
      this.addNetwork(network, driver);
    }
  }

  /** Adds a container that was there before anyone looked: no event. */
  preload(seed: ContainerSeed): Container {
    this.#serial += 1;
    const container = toContainer(seed, this.#serial, this.profile.id, this.now());
    this.containers.set(container.id, container);
    this.#byName.set(container.name, container);
    return container;
  }

  /** A container by ID, name, `/name`, or an ID prefix that only one has. */
  find(reference: string): Container | undefined {
    const exact = this.containers.get(reference) ?? this.#byName.get(reference.replace(/^\//, ''));
    if (exact !== undefined || !/^[0-9a-f]{4,63}$/.test(reference)) return exact;
    const matches = [...this.containers.values()].filter((container) => container.id.startsWith(reference));
    return matches.length === 1 ? matches[0] : undefined;
  }

  isNameTaken(name: string): boolean {
    return this.#byName.has(name);
  }

  create(seed: ContainerSeed): Container {
    const container = this.preload({ state: 'created', ...seed });
    this.#emit(container, 'create');
    return container;
  }

  /** False when it runs already. */
  start(container: Container): boolean {
    if (container.state === 'running') return false;
    container.state = 'running';
    container.startedAt = this.now();
    this.#emit(container, 'start');
    return true;
  }

  /** Ends a running container; false when it does not run. */
  stop(container: Container, exitCode: number = 0, action: 'stop' | 'kill' | 'die' = 'stop'): boolean {
    if (container.state !== 'running' && container.state !== 'paused') return false;
    container.state = 'exited';
    container.exitCode = exitCode;
    container.finishedAt = this.now();
    if (action === 'kill') this.#emit(container, 'kill');
    this.#emit(container, 'die', { exitCode: String(exitCode) });
    if (action === 'stop') this.#emit(container, 'stop');
    this.#wake(container, exitCode);
    return true;
  }

  pause(container: Container, paused: boolean): void {
    container.state = paused ? 'paused' : 'running';
    this.#emit(container, paused ? 'pause' : 'unpause');
  }

  rename(container: Container, name: string): void {
    this.#byName.delete(container.name);
    const oldName = container.name;
    container.name = name;
    this.#byName.set(name, container);
    this.#emit(container, 'rename', { oldName: `/${oldName}` });
  }

  remove(container: Container): void {
    this.stop(container, 137, 'kill');
    this.containers.delete(container.id);
    this.#byName.delete(container.name);
    this.#emit(container, 'destroy');
    this.#wake(container, container.exitCode);
  }

  /** Calls back once when the container ends or goes away; returns the function that gives up waiting. */
  onExit(container: Container, callback: (exitCode: number) => void): () => void {
    const waiters = this.#waiters.get(container.id) ?? new Set();
    this.#waiters.set(container.id, waiters.add(callback));
    return () => void waiters.delete(callback);
  }

  addNetwork(
    name: string,
    driver: string,
    labels: Record<string, string> = {},
    scope: 'local' | 'swarm' = 'local',
  ): Network {
    const network = {
      id: hexId(`${this.profile.id}/network/${name}`),
      name,
      driver,
      scope,
      labels,
      createdAt: this.now(),
    };
    this.networks.set(network.id, network);
    return network;
  }

  findNetwork(reference: string): Network | undefined {
    const exact = this.networks.get(reference);
    return exact ?? [...this.networks.values()].find((network) => network.name === reference);
  }

  addVolume(name: string, labels: Record<string, string> = {}, driver: string = 'local'): Volume {
    const volume = { name, driver, labels, createdAt: this.now() };
    this.volumes.set(name, volume);
    return volume;
  }

  /** Makes a volume, with its event, unless it is there. */
  needVolume(name: string, labels: Record<string, string> = {}): Volume {
    const present = this.volumes.get(name);
    if (present) return present;
    const volume = this.addVolume(name, labels);
    this.events.emit('volume', 'create', name, { driver: volume.driver });
    return volume;
  }

  /** Whether a container mounts a volume. */
  isVolumeUsed(name: string): boolean {
    return [...this.containers.values()].some(({ hostConfigJson }) => hostConfigJson?.includes(`"${name}:`));
  }

  /** Adds an image with one tag, or the tag to the image of that ID. */
  addImage(tag: string, id: string = `sha256:${hexId(`image/${tag}`)}`): Image {
    const image = this.images.get(id) ?? { id, tags: [], labels: {}, createdAt: this.now(), size: 20_000_000 };
    if (!image.tags.includes(tag)) image.tags.push(tag);
    this.images.set(id, image);
    return image;
  }

  findImage(reference: string): Image | undefined {
    const name = reference.replace(/^docker\.io\/(library\/)?/, '');
    const tagged = name.includes(':') ? name : `${name}:latest`;
    const id = reference.startsWith('sha256:') ? reference : `sha256:${reference}`;
    return [...this.images.values()].find((image) => image.tags.includes(tagged) || image.id === id);
  }

  #emit(container: Container, action: string, extra: Readonly<Record<string, string>> = {}): void {
    const attributes = { ...container.labels, ...extra, image: container.image, name: container.name };
    this.events.emit('container', action, container.id, attributes);
  }

  #wake(container: Container, exitCode: number): void {
    const waiters = this.#waiters.get(container.id);
    this.#waiters.delete(container.id);
    for (const waiter of waiters ?? []) waiter(exitCode);
  }
}

/** A UUID that depends on `seed` alone: the ID of an engine. */
export function uuidOf(seed: string): string {
  const hex = hexId(`engine/${seed}`);
  return [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join(
    '-',
  );
}
