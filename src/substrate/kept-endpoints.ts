import pLimit from 'p-limit';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import type { EngineClient } from '../engine/client.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import { hasEnded, readAttachmentTasks } from './attachment-tasks.ts';
import { Setbacks } from './setbacks.ts';
import { readSwarmNetworks } from './swarm-api.ts';
import { isClusterNetwork, isClusterNetworkId } from './swarm-networks.ts';
import type { EndpointMemory, KeptEndpoint, SubstrateMember } from './types.ts';

export interface KeptEndpointsDeps {
  readonly memory: EndpointMemory | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

const CONCURRENCY = 4;
/** An engine takes up to 20 s for a connect while it waits for the swarm, in milliseconds. */
const CONNECT_MS = 45_000;
const ASK_MS = 10_000;
const BACKOFF = { baseMs: 1_000, maxMs: 60_000 } as const;
/** Attempts for one member, which take some ten minutes; then it is left to a person. */
const MAX_ATTEMPTS = 15;

/**
 * What containers were connected to before their engine left a swarm. By leaving, an engine takes its running containers off the swarm's
 * networks without leaving a trace in them; those that do not run keep the ID of a network that may be another one by then. Noted
 * durably before an engine leaves, and connected again when it takes part. One owner: the reconciler.
 */
export class KeptEndpoints {
  readonly #deps: KeptEndpointsDeps;
  readonly #notes = new Map<string, readonly KeptEndpoint[]>();
  readonly #setbacks: Setbacks;
  readonly #attempts = new Map<string, number>();

  constructor(deps: KeptEndpointsDeps) {
    this.#deps = deps;
    this.#setbacks = new Setbacks(deps.clock, BACKOFF);
  }

  /** Takes in what was noted before, by whichever manager; notes of an earlier turn that it has dealt with count no more. */
  async load(): Promise<void> {
    const noted = await this.#deps.memory?.load();
    if (!noted) return;
    for (const memberId of [...this.#notes.keys()]) if (!noted.has(memberId)) this.#forget(memberId);
    for (const [memberId, endpoints] of noted) this.#notes.set(memberId, endpoints);
  }

  /** Members whose containers are to be connected again, and not only after a rest. */
  get due(): ReadonlySet<string> {
    const resting = this.#setbacks.resting();
    return new Set([...this.#notes.keys()].filter((memberId) => !resting.has(memberId)));
  }

  /** Members whose containers were not tried to be connected again since they left. */
  get untried(): ReadonlySet<string> {
    return new Set([...this.#notes.keys()].filter((memberId) => !this.#attempts.has(memberId)));
  }

  /**
   * Milliseconds until the next attempt; undefined when none is to come.
   *
   * @param absent members that are not tried before something becomes of them
   */
  nextMs(absent: ReadonlySet<string> = new Set()): number | undefined {
    const isDue = [...this.due].some((memberId) => !absent.has(memberId));
    return isDue ? 0 : this.#setbacks.nextMs();
  }

  /** Notes what a member's containers are connected to. Resolves when that is durable; to be called before the engine leaves. */
  async note(member: SubstrateMember, signal: AbortSignal): Promise<void> {
    const found = await endpointsOf(member.client, signal);
    const isFound = new Set(found.map(keyOf));
    const earlier = (this.#notes.get(member.id) ?? []).filter((each) => !isFound.has(keyOf(each)));
    const endpoints = [...found, ...earlier];
    if (endpoints.length === 0) return;
    await this.#deps.memory?.save(member.id, endpoints);
    this.#notes.set(member.id, endpoints);
    this.#attempts.delete(member.id);
    this.#setbacks.clear(member.id);
  }

  /** Connects again what a member that takes part has noted, by way of a manager of the swarm. Rejects only when aborted. */
  async restore(manager: SubstrateMember, member: SubstrateMember, signal: AbortSignal): Promise<void> {
    const { logger } = this.#deps;
    const noted = this.#notes.get(member.id) ?? [];
    const attempt = (this.#attempts.get(member.id) ?? 0) + 1;
    this.#attempts.set(member.id, attempt);
    let left = noted;
    try {
      left = await this.#connectAll(noted, manager, member, signal);
    } catch (error) {
      signal.throwIfAborted();
      logger.debug({ engine: member.name, reason: reasonOf(error) }, 'substrate: containers are connected again later');
    }
    if (left.length > 0 && attempt < MAX_ATTEMPTS) return this.#setbacks.add(member.id, 'not all are connected yet');
    if (left.length > 0)
      logger.warn(
        { engine: member.name, containers: left.map(({ containerId }) => containerId.slice(0, 12)) },
        'substrate: containers could not be connected to their networks again: connect them with "docker network connect"',
      );
    else if (noted.length > 0)
      logger.info({ engine: member.name, endpoints: noted.length }, 'substrate: containers are connected again');
    this.#forget(member.id);
    // What stays on the disk is found connected at the next start, and then dropped.
    await this.#deps.memory?.save(member.id, []).catch(() => undefined);
  }

  #forget(memberId: string): void {
    this.#notes.delete(memberId);
    this.#attempts.delete(memberId);
    this.#setbacks.clear(memberId);
  }

  /** Resolves with what is to be tried again. */
  async #connectAll(
    noted: readonly KeptEndpoint[],
    manager: SubstrateMember,
    { name, client }: SubstrateMember,
    signal: AbortSignal,
  ): Promise<readonly KeptEndpoint[]> {
    const networks = new Map(
      (await readSwarmNetworks(manager.client, signal)).filter(isClusterNetwork).map(({ Name, Id }) => [Name, Id]),
    );
    const present = new Map((await endpointsOf(client, signal)).map((each) => [keyOf(each), each]));
    const taken = await takenAddresses(manager.client, signal);
    const limit = pLimit(CONCURRENCY);
    const results = await Promise.all(
      noted.map((each) =>
        limit(async () => {
          const networkId = networks.get(each.network);
          const now = present.get(keyOf(each));
          if (networkId === undefined) return [each];
          if (now?.networkId === networkId) return [];
          try {
            if (now)
              await change(client, each.network, 'disconnect', { Container: each.containerId, Force: true }, signal);
            const address = each.config.IPAMConfig?.IPv4Address ?? '';
            const holder = taken.get(`${networkId} ${address}`);
            const isFree = holder === undefined || holder === each.containerId;
            const EndpointConfig = isFree ? each.config : { ...each.config, IPAMConfig: null };
            await change(client, each.network, 'connect', { Container: each.containerId, EndpointConfig }, signal);
            return [];
          } catch (error) {
            signal.throwIfAborted();
            if (isSettled(error)) return [];
            const fields = {
              engine: name,
              container: each.containerId,
              network: each.network,
              reason: reasonOf(error),
            };
            this.#deps.logger.info(fields, 'substrate: cannot connect a container again yet');
            return [each];
          }
        }),
      ),
    );
    return results.flat();
  }
}

/** It is gone, or somebody connected it meanwhile. */
function isSettled(error: unknown): boolean {
  if (!(error instanceof EngineAnswerError)) return false;
  return /no such container|already (exists in|attached to) network/i.test(error.message);
}

function keyOf({ containerId, network }: KeptEndpoint): string {
  return `${containerId} ${network}`;
}

async function change(
  client: EngineClient,
  network: string,
  action: 'connect' | 'disconnect',
  body: object,
  signal: AbortSignal,
): Promise<void> {
  const path = `/networks/${encodeURIComponent(network)}/${action}`;
  await client.json({ method: 'POST', path, body: JSON.stringify(body), signal, timeoutMs: CONNECT_MS });
}

interface Listed {
  readonly Id: string;
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, { readonly NetworkID?: string }>> | null };
}

interface Inspected {
  readonly NetworkSettings: {
    readonly Networks?: Readonly<Record<string, KeptEndpoint['config'] & { readonly NetworkID?: string }>> | null;
  };
}

/** Every container's endpoints in networks of a swarm. */
async function endpointsOf(client: EngineClient, signal: AbortSignal): Promise<readonly KeptEndpoint[]> {
  const path = '/containers/json?all=1';
  const listed = await client.json<Listed[]>({ method: 'GET', path, signal, timeoutMs: ASK_MS });
  const limit = pLimit(CONCURRENCY);
  const found = listed
    .filter(({ NetworkSettings }) =>
      Object.values(NetworkSettings?.Networks ?? {}).some(({ NetworkID = '' }) => isClusterNetworkId(NetworkID)),
    )
    .map(({ Id }) => limit(() => inspected(client, Id, signal)));
  return (await Promise.all(found)).flat();
}

async function inspected(client: EngineClient, containerId: string, signal: AbortSignal): Promise<KeptEndpoint[]> {
  const request = { method: 'GET', path: `/containers/${containerId}/json`, signal, timeoutMs: ASK_MS } as const;
  const details = await client.json<Inspected>(request).catch((error: unknown) => {
    if (error instanceof EngineAnswerError && error.status === 404) return undefined; // It just went.
    throw error;
  });
  return Object.entries(details?.NetworkSettings.Networks ?? {}).flatMap(([network, endpoint]) => {
    const { NetworkID: networkId = '', Aliases, IPAMConfig, Links, DriverOpts } = endpoint;
    return isClusterNetworkId(networkId)
      ? [{ containerId, network, networkId, config: { Aliases, IPAMConfig, Links, DriverOpts } }]
      : [];
  });
}

/** Who has which address of which network, by `ID address`. */
async function takenAddresses(client: EngineClient, signal: AbortSignal): Promise<ReadonlyMap<string, string>> {
  const taken = new Map<string, string>();
  for (const { Status, Spec, NetworksAttachments } of await readAttachmentTasks(client, signal)) {
    if (hasEnded(Status)) continue;
    for (const { Network, Addresses } of NetworksAttachments ?? [])
      for (const address of Addresses ?? [])
        taken.set(`${Network?.ID} ${address.split('/')[0]}`, Spec?.NetworkAttachmentSpec?.ContainerID ?? '');
  }
  return taken;
}
