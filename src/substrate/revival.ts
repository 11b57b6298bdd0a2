import pLimit from 'p-limit';
import type { Clock } from '../common/clock.ts';
import { reasonOf } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import { attachRetryDelayMs } from './attach-retry.ts';
import { Setbacks } from './setbacks.ts';
import { isClusterNetworkId } from './swarm-networks.ts';
import type { SubstrateMember } from './types.ts';

const CONCURRENCY = 4;
const BACKOFF = { baseMs: 2_000, maxMs: 60_000 } as const;
/** Starts of one container that may fail, which takes some five minutes; then it is left to a person. */
const MAX_ATTEMPTS = 10;
/** An engine takes up to 20 s for a start while it waits for the network, in milliseconds. */
const START_MS = 60_000;

export interface RevivalDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Whether a client stopped it after its engine had given up on it. */
  readonly isStopped: (engineId: string) => boolean;
}

interface Listed {
  readonly Id: string;
  readonly Status?: string;
  readonly HostConfig?: { readonly NetworkMode?: string };
  readonly NetworkSettings?: { readonly Networks?: Readonly<Record<string, { readonly NetworkID?: string }>> | null };
}

interface Inspected {
  readonly Name: string;
  readonly State: { readonly Status: string; readonly Error?: string };
  readonly HostConfig: { readonly RestartPolicy?: { readonly Name?: string } };
}

/**
 * Starts what an engine gave up on: after a restart of its host an engine starts containers with a restart policy, but one
 * whose cluster network is not there yet (the substrate has no leader) it tries once. It then says why in `State.Error`, which
 * a container that was stopped or ended by itself does not have; a container of policy `no` is never tried.
 */
export class Revival {
  readonly #deps: RevivalDeps;
  readonly #setbacks: Setbacks;
  readonly #attempts = new Map<string, number>();
  readonly #waiting = new Set<string>();

  constructor(deps: RevivalDeps) {
    this.#deps = deps;
    this.#setbacks = new Setbacks(deps.clock, BACKOFF);
  }

  /** Members whose containers are to be tried again, by ID. */
  get waiting(): ReadonlySet<string> {
    return this.#waiting;
  }

  /**
   * Milliseconds until the next attempt; undefined when none is to come.
   *
   * @param absent members that are not tried before something becomes of them
   */
  nextMs(absent: ReadonlySet<string> = new Set()): number | undefined {
    const isWaiting = [...this.#waiting].some((memberId) => !absent.has(memberId));
    return isWaiting ? (this.#setbacks.nextMs() ?? 0) : undefined;
  }

  /** Looks at one member that takes part in the substrate, and starts there what waits. Rejects only when aborted. */
  async revive(member: SubstrateMember, signal: AbortSignal): Promise<void> {
    this.#waiting.delete(member.id);
    try {
      const limit = pLimit(CONCURRENCY);
      const resting = this.#setbacks.resting();
      const candidates = await onClusterNetworks(member, signal);
      const isLeft = await Promise.all(
        candidates.map((id) => limit(() => resting.has(id) || this.#start(member, id, signal))),
      );
      if (isLeft.includes(true)) this.#waiting.add(member.id);
    } catch (error) {
      signal.throwIfAborted();
      this.#deps.logger.debug(
        { engine: member.name, reason: reasonOf(error) },
        'substrate: cannot look for containers',
      );
    }
  }

  /** Resolves with whether it is to be tried again. */
  async #start(member: SubstrateMember, id: string, signal: AbortSignal): Promise<boolean> {
    const { client } = member;
    const details = await client.json<Inspected>({ method: 'GET', path: `/containers/${id}/json`, signal });
    if (!isGivenUp(details) || this.#deps.isStopped(id)) return false;
    const fields = { engine: member.name, container: details.Name.replace(/^\//, ''), gaveUp: details.State.Error };
    try {
      await client.json({ method: 'POST', path: `/containers/${id}/start`, signal, timeoutMs: START_MS });
      this.#forget(id);
      this.#deps.logger.info(fields, 'started a container that its engine had given up on');
      return false;
    } catch (error) {
      signal.throwIfAborted();
      return this.#failed(id, error, fields);
    }
  }

  #failed(id: string, error: unknown, fields: object): boolean {
    const reason = reasonOf(error);
    const attempts = (this.#attempts.get(id) ?? 0) + 1;
    const isGone = error instanceof EngineAnswerError && error.status === 404 && /no such container/i.test(reason);
    if (isGone) {
      this.#forget(id);
      return false;
    }
    if (attempts < MAX_ATTEMPTS) {
      this.#attempts.set(id, attempts);
      this.#setbacks.add(id, reason);
      return true;
    }
    this.#forget(id);
    this.#deps.logger.warn(
      { ...fields, reason },
      'cannot start a container that its engine gave up on: start it yourself',
    );
    return false;
  }

  #forget(id: string): void {
    this.#attempts.delete(id);
    this.#setbacks.clear(id);
  }
}

const POLICIES: ReadonlySet<string> = new Set(['always', 'unless-stopped', 'on-failure']);

/** Which networks there are is not known for certain while the substrate recovers: the start itself tells. */
const ANY_NETWORK = { isClusterNetwork: () => true, hasFixedAddress: false } as const;

/** Whether its engine tried to start it by its restart policy and could not because of the network. */
function isGivenUp({ State, HostConfig }: Inspected): boolean {
  const reason = State.Error ?? '';
  if (State.Status !== 'exited' || reason === '' || !POLICIES.has(HostConfig.RestartPolicy?.Name ?? '')) return false;
  return attachRetryDelayMs({ message: reason, attempt: 1 }, ANY_NETWORK) !== undefined;
}

/** Containers that ended and are connected to a cluster network, by the engine's ID. */
async function onClusterNetworks({ client }: SubstrateMember, signal: AbortSignal): Promise<readonly string[]> {
  const filters = encodeURIComponent(JSON.stringify({ status: ['exited'] }));
  const path = `/containers/json?all=1&filters=${filters}`;
  const listed = await client.json<Listed[]>({ method: 'GET', path, signal });
  return listed
    .filter(({ Status, NetworkSettings }) => {
      const networks = Object.values(NetworkSettings?.Networks ?? {});
      // What could not be attached may be listed without the network's ID.
      const isSpanning = networks.some(({ NetworkID = '' }) => NetworkID === '' || isClusterNetworkId(NetworkID));
      return isSpanning && !Status?.startsWith('Exited (0)');
    })
    .map(({ Id }) => Id);
}
