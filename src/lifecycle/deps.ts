import type { Cluster } from '../cluster/cluster.ts';
import type { Container } from '../cluster/container.ts';
import type { Node } from '../cluster/node.ts';
import type { Stops } from '../cluster/stops.ts';
import type { Tombstones } from '../cluster/tombstones.ts';
import type { Clock } from '../common/clock.ts';
import type { Logger } from '../common/logger.ts';
import type { Attempts } from '../desired/attempts.ts';
import type { DesiredState } from '../desired/desired-state.ts';
import type { ContainerRecord } from '../desired/record.ts';
import type { EngineAnswer } from '../engine/exchange.ts';
import type { Placer } from '../scheduler/placer.ts';
import type { Home } from '../scheduler/types.ts';
import type { VolumeMoves } from '../volumes/volume-moves.ts';
import type { ContainerMemory } from './container-memory.ts';
import type { Drafts } from './drafts.ts';
import type { Recorder } from './recorder.ts';
import type { Traffic } from './traffic.ts';

/** The collaborators of a `ContainerLifecycle`. */
export interface LifecycleDeps {
  readonly cluster: Cluster;
  readonly placer: Placer<Node>;
  readonly images: ContainerImages;
  readonly networks: ContainerNetworks;
  readonly volumes: ContainerVolumes;
  readonly tombstones: Tombstones;
  readonly desired: DesiredState;
  readonly attempts: Attempts;
  readonly stops: Stops;
  readonly fences: StrictNodes;
  /** Undefined where nothing is published at the endpoint. */
  readonly endpoint?: EndpointTraffic | undefined;
  /** Nodes on which containers do not reach the cluster by a socket, by ID, with the reason. */
  readonly socketRefusals?: (() => ReadonlyMap<string, string>) | undefined;
  /** Undefined when nothing is kept. */
  readonly memory?: ContainerMemory | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Where containers can be that must never run twice. */
export interface StrictNodes {
  /** Nodes that cannot take them, by ID, with the reason. */
  refusals(): ReadonlyMap<string, string>;
  /** Whether the agent of its node is known to end it. */
  isObeyed(record: ContainerRecord): boolean;
}

/** What clients send to containers through the manager's own address. */
export interface EndpointTraffic {
  /**
   * A copy of a container is about to be stopped: it gets no new connections where another one takes them, until {@link resume}. Resolves
   * when those it has have ended, or after a while. Never rejects.
   */
  drain(copy: { readonly id: string; readonly engineId: string }, why: 'moved' | 'stopped'): Promise<void>;
  /** The copy was stopped, or goes on. Once for each {@link drain}. */
  resume(engineId: string): void;
  /** A container is stopped before another copy takes its place: new connections wait until the returned function is called. */
  hold(id: string): () => void;
  /** A container is about to start: its engine can have the numbers that it asks for. Never rejects. */
  makeRoom(container: Container): Promise<void>;
  /** Resolves when it is known which ports of a container are open, or after a while. Never rejects. */
  settled(id: string): Promise<void>;
}

/** What a manager's user may choose about the lifecycle. */
export interface LifecycleOptions {
  /** How often a create that an engine failed at is tried on another node. */
  readonly createRetries: number;
  /** How long the successor of a moved container must run before the old one is ended, without a health check, in milliseconds. */
  readonly settleMs?: number;
}

/** The collaborators of its parts: its own, and what is provisional at the moment. */
export interface ProvisionalDeps extends LifecycleDeps {
  readonly drafts: Drafts;
  readonly recorder: Recorder;
  readonly traffic: Traffic;
}

/** Makes images available where they are needed. */
export interface ContainerImages {
  /** Whether any node, healthy or not, is known to hold the image. */
  isKnown(reference: string): boolean;
  /** Labels of the image, which its containers inherit; empty when unknown. */
  labelsOf(reference: string): Readonly<Record<string, string>>;
  /** Returns once the node holds the image, with the reference it knows it by. Throws 404 `No such image: …` when it cannot be had, so that clients pull. */
  ensureOn(
    node: Node,
    reference: string,
    options: { readonly signal?: AbortSignal; readonly registryAuth?: string },
  ): Promise<{ readonly reference: string }>;
}

/** A part of a create that must happen on the chosen node after the container exists. */
export interface NetworkConnect {
  readonly network: string;
  /** Body of `POST /networks/{network}/connect`, without its `Container`. */
  readonly body: string;
}

/** What networks mean for where a container goes and how it is created there. */
export interface ContainerNetworks {
  /** The nodes a container must go to because of the networks it names (local networks have a home). Throws 404 for unknown ones. */
  homesOf(networks: readonly string[]): readonly Home[];
  /** Whether a network of that name or ID is one of a node alone; of several nodes each may have one. */
  isLocal(network: string): boolean;
  /** Nodes that cannot take a container with these networks, by ID, with the reason. */
  refusalsFor(networks: readonly string[]): ReadonlyMap<string, string>;
  /** Whether one of them spans nodes, and needs the substrate. */
  spans(networks: readonly string[]): boolean;
  /** One name for all the references to a network; the reference itself when there is no such network. */
  idOf(reference: string): string;
  /** What the node's engine knows a network by. */
  referenceOn(node: Node, reference: string): string;
  /** Returns once a container on `node` can be attached to these networks. */
  prepareAttach(node: Node, networks: readonly string[], signal?: AbortSignal): Promise<void>;
  /**
   * A create body as the node's engine takes it; with what is to be connected afterwards where it takes one network at creation
   * (before API 1.44). Throws 400 for an address that its network does not have.
   */
  split(body: string, node: Node): { readonly body: string; readonly connects: readonly NetworkConnect[] };
  /**
   * Starts a container by `call`, which may be made several times. Resolves with the engine's answer; rejects with an
   * `AttachRefusal` (code `ATTACH_REFUSED`) when it is known that the container cannot be attached.
   */
  start(container: Container, call: () => Promise<EngineAnswer>, signal: AbortSignal): Promise<EngineAnswer>;
  /** Returns once no refused start of a container is under way at its engine any more: before that it must not be removed. */
  attachEnded(container: Container, signal: AbortSignal): Promise<void>;
}

/** What named volumes mean for where a container goes. */
export interface ContainerVolumes {
  /** Gives volumes another home. */
  readonly moves: VolumeMoves;
  /** The nodes the named volumes live on, with reasons. */
  homesOf(volumes: readonly string[]): readonly Home[];
  /** The node a named volume lives on; undefined when it lives nowhere yet, or everywhere. */
  homeOf(volume: string): Node | undefined;
  /** Makes an empty volume on `to` that is described as the one on `from`. */
  makeLike(volume: string, from: Node, to: Node): Promise<void>;
  /** Removes a volume from one node; rejects when something there uses it. */
  discard(volume: string, node: Node): Promise<void>;
  /**
   * Takes a home on `node` for those volumes that have none yet: synchronously, in the same turn as the placement, so
   * that two users never choose two homes. `undo` gives it back when the container was not created there; `names` are those volumes.
   */
  claim(node: Node, volumes: readonly string[]): { readonly names: readonly string[]; undo(): void };
  /** Creates on `node` the volumes that are recorded but not made yet, with their labels and driver options. */
  settle(node: Node, volumes: readonly string[], signal?: AbortSignal): Promise<void>;
}
