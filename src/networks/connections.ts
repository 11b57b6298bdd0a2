import type { Cluster } from '../cluster/cluster.ts';
import type { Container } from '../cluster/container.ts';
import type { Node } from '../cluster/node.ts';
import { requireHealthy } from '../cluster/reachable.ts';
import { SITE_HAS_NO_CLUSTER_NETWORKS } from '../cluster/site.ts';
import type { Clock } from '../common/clock.ts';
import { BadRequestError, ConflictError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { type EngineAnswer, EngineAnswerError, messageOf } from '../engine/exchange.ts';
import type { EndpointSummary } from '../engine/types.ts';
import type { Substrate } from '../substrate/substrate.ts';
import type { NetworkCatalog } from './catalog.ts';
import { assertAddressIn } from './endpoint-address.ts';
import type { KnownNetwork } from './known-network.ts';
import { PatientAttach } from './patient-attach.ts';

/** How long an attachment waits for its node to take part, in milliseconds: a new quorum of the substrate takes some 40 s. */
const READY_MS = 60_000;

/** Body of connect and disconnect; passes through. */
export interface ConnectBody {
  readonly Container?: unknown;
  readonly Force?: unknown;
  readonly EndpointConfig?: { readonly IPAMConfig?: { readonly IPv4Address?: string } | null } | null;
}

export interface NetworkConnectionsDeps {
  readonly catalog: NetworkCatalog;
  readonly cluster: Cluster;
  readonly substrate: Substrate;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Connects containers to networks and disconnects them, each at its node. */
export class NetworkConnections {
  readonly #deps: NetworkConnectionsDeps;
  readonly #attach: PatientAttach;

  constructor(deps: NetworkConnectionsDeps) {
    this.#deps = deps;
    this.#attach = new PatientAttach(deps);
  }

  /**
   * Starts a container by `call`, patiently if it is on cluster networks. Resolves with the engine's answer; rejects with an
   * `AttachRefusal` as soon as it is known that it cannot be attached.
   */
  start(container: Container, call: () => Promise<EngineAnswer>, signal: AbortSignal): Promise<EngineAnswer> {
    const { node, engineId, id } = container;
    const networks = Object.entries(container.entry().NetworkSettings?.Networks ?? {});
    const endpoints = networks.flatMap(([name, endpoint]) => {
      const network = this.#deps.catalog.find(endpoint.NetworkID || name);
      return network?.kind === 'cluster' ? [{ network, address: chosenAddress(endpoint) }] : [];
    });
    return this.#attach.run({ node, engineId, id, endpoints }, call, signal);
  }

  /** See {@link PatientAttach.ended}. */
  ended({ engineId }: Container, signal: AbortSignal): Promise<void> {
    return this.#attach.ended(engineId, signal);
  }

  /** Connects a container at its node. */
  async connect(reference: string, body: ConnectBody, signal: AbortSignal): Promise<void> {
    const { network, container } = this.#both(reference, body);
    const { node } = container;
    requirePresent(container);
    this.#assertSpans(network, node);
    await this.prepareAttach(node, [network.id], signal);
    const path = `/networks/${encodeURIComponent(this.#deps.catalog.referenceOn(node, network))}/connect`;
    const text = JSON.stringify({ ...body, Container: container.engineId });
    assertAddressIn(network, body.EndpointConfig?.IPAMConfig);
    const address = body.EndpointConfig?.IPAMConfig?.IPv4Address;
    const wish = {
      node,
      engineId: container.engineId,
      id: container.id,
      endpoints: network.kind === 'cluster' ? [{ network, address }] : [],
    };
    const connect = (): Promise<EngineAnswer> =>
      node.client.request({ method: 'POST', path, body: text, signal, timeoutMs: 60_000 });
    const answer = await this.#attach.run(
      container.state === 'running' ? wish : { ...wish, endpoints: [] },
      connect,
      signal,
    );
    if (answer.statusCode >= 400) throw new EngineAnswerError(messageOf(answer.body), answer.statusCode);
    await node.refreshContainers([container.engineId]);
  }

  /** Disconnects a container; with `Force` also one whose node is down. */
  async disconnect(reference: string, body: ConnectBody, signal: AbortSignal): Promise<void> {
    const { network, container } = this.#both(reference, body);
    const { node } = container;
    if (!node.isHealthy && body.Force === true && network.kind === 'cluster') {
      // Its attachments end with its place in the substrate; it takes a new one when it returns.
      await this.#deps.substrate.release(node, signal);
      return;
    }
    requirePresent(container);
    const path = `/networks/${encodeURIComponent(this.#deps.catalog.referenceOn(node, network))}/disconnect`;
    const text = JSON.stringify({ ...body, Container: container.engineId });
    await node.client.json({ method: 'POST', path, body: text, signal, timeoutMs: 60_000 });
    await node.refreshContainers([container.engineId]);
  }

  /** Waits until the substrate is ready on a node if one of the networks needs it. To be called before create and start. */
  async prepareAttach(node: Node, references: readonly string[], signal: AbortSignal): Promise<void> {
    const spanning = references.flatMap((reference) => {
      const network = this.#deps.catalog.find(reference);
      return network?.kind === 'cluster' ? network : [];
    });
    if (spanning.length === 0) return;
    if (node.isSite) throw new ConflictError(`${node.name}: ${SITE_HAS_NO_CLUSTER_NETWORKS}`, 'NODE_IS_SITE');
    await this.#deps.substrate.readyOn(node, signal, READY_MS);
    await this.#deps.catalog.untilPresent(spanning, signal);
    for (const { raw } of spanning) this.#deps.catalog.participants.add(raw.Id, node);
  }

  #both(reference: string, body: ConnectBody): { readonly network: KnownNetwork<Node>; readonly container: Container } {
    if (typeof body.Container !== 'string' || body.Container === '')
      throw new BadRequestError('name the container to connect or disconnect', 'NO_CONTAINER');
    return { network: this.#deps.catalog.get(reference), container: this.#deps.cluster.container(body.Container) };
  }

  #assertSpans(network: KnownNetwork<Node>, node: Node): void {
    if (network.kind !== 'local' || network.holders[0] === node) return;
    throw new ConflictError(
      `network ${network.name} is a ${network.summary.Driver} network on ${network.holders[0]?.name}, the container is on ${node.name}: use a network without driver to span nodes`,
      'NETWORK_ELSEWHERE',
    );
  }
}

function requirePresent({ name, node, engineId }: Container): void {
  requireHealthy(node, `container ${name}`, node.waitingReason(engineId));
}

/**
 * The address a client chose for a container. While it runs, and in listings after its host crashed, engines put the one
 * the swarm gave in the same place (moby calls it `IPAMOperational`): only of an endpoint that
 * is not up it tells what the client said.
 */
export function chosenAddress({ EndpointID, IPAMConfig }: EndpointSummary): string | undefined {
  return EndpointID ? undefined : IPAMConfig?.IPv4Address;
}
