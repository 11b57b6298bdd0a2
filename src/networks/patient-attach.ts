import type { Node } from '../cluster/node.ts';
import type { Clock } from '../common/clock.ts';
import { ClusterError } from '../common/errors.ts';
import type { Logger } from '../common/logger.ts';
import { retry } from '../common/retry.ts';
import { type EngineAnswer, messageOf } from '../engine/exchange.ts';
import { ATTACH_LIMIT_MS, type AttachContext, attachRetryDelayMs } from '../substrate/attach-retry.ts';
import type { Substrate } from '../substrate/substrate.ts';
import { fullNetwork, holdsAddress } from './attach-diagnosis.ts';
import type { NetworkCatalog } from './catalog.ts';
import type { KnownNetwork } from './known-network.ts';
import { type Holder, releaseLostAddresses } from './lost-addresses.ts';
import type { WantedAttachment } from './wanted-attachment.ts';

export interface PatientAttachDeps {
  readonly catalog: NetworkCatalog;
  readonly cluster: { readonly nodes: readonly Holder[] };
  readonly substrate: Substrate;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long an engine may take before it is asked why, in milliseconds. */
const DIAGNOSIS_MS = 2_000;
/** How long an engine waits for the swarm in one attempt, and some more, in milliseconds. */
const ENGINE_ATTEMPT_MS = 25_000;

/**
 * Attaches containers to cluster networks. What passes is tried again, within one deadline over all attempts; what cannot succeed
 * is refused at once in an engine's words, where the engine itself would wait for the swarm for 20 s and say "deadline exceeded".
 */
export class PatientAttach {
  readonly #deps: PatientAttachDeps;
  /** Attempts that were refused while their engine goes on, by the container's engine ID. */
  readonly #left = new Map<string, Promise<void>>();

  constructor(deps: PatientAttachDeps) {
    this.#deps = deps;
  }

  /** Resolves with the answer of success, or with the first refusal; rejects with `ATTACH_REFUSED` or `ATTACH_IMPOSSIBLE`. */
  async run(wanted: WantedAttachment, call: () => Promise<EngineAnswer>, signal: AbortSignal): Promise<EngineAnswer> {
    if (wanted.endpoints.length === 0) return call();
    const { clock, logger } = this.#deps;
    await this.#assertAddressesFree(wanted, signal);
    const { cluster, substrate } = this.#deps;
    await releaseLostAddresses({ ...wanted, members: cluster.nodes, substrate, logger, signal });
    let first: EngineAnswer | undefined;
    const last = await retry(clock, () => this.#watched(wanted, call, signal), {
      until: ({ statusCode }) => statusCode < 400,
      passes: () => false,
      backoff: (attempt, setback) => {
        if (!('value' in setback)) return undefined;
        first ??= setback.value;
        return attachRetryDelayMs({ message: messageOf(setback.value.body), attempt }, this.#contextOf(wanted));
      },
      onSetback: (setback, _pauseMs, attempt) => {
        const reason = 'value' in setback ? messageOf(setback.value.body) : undefined;
        logger.info({ attempt, reason }, 'attaching again: the network is not ready on the node');
      },
      deadline: clock.now() + ATTACH_LIMIT_MS,
      signal,
    });
    return last.statusCode < 400 ? last : (first ?? last);
  }

  /** Makes one attempt, and asks the swarm why when it takes long. */
  async #watched(
    wanted: WantedAttachment,
    call: () => Promise<EngineAnswer>,
    signal: AbortSignal,
  ): Promise<EngineAnswer> {
    const ended = new AbortController();
    const answer = call().finally(() => ended.abort());
    const diagnosis = this.#diagnose(wanted, AbortSignal.any([ended.signal, signal]));
    diagnosis.catch(() => this.#leave(wanted.engineId, answer));
    return await Promise.race([answer, diagnosis]);
  }

  /** The engine goes on until it gives up by itself, which the caller does not wait for. */
  #leave(engineId: string, answer: Promise<EngineAnswer>): void {
    const ended = answer
      .then(
        () => undefined,
        () => undefined,
      )
      .finally(() => {
        if (this.#left.get(engineId) === ended) this.#left.delete(engineId);
      });
    this.#left.set(engineId, ended);
  }

  /**
   * Resolves when no refused attempt of a container is under way any more, or after the time an engine takes for one. An engine that
   * removes a container just while the swarm attaches it keeps the attachment for good, and with it the address and the network.
   */
  async ended(engineId: string, signal: AbortSignal): Promise<void> {
    const left = this.#left.get(engineId);
    if (left) await Promise.race([left, this.#deps.clock.sleep(ENGINE_ATTEMPT_MS, signal)]);
  }

  /** Rejects as soon as it is known that an attempt cannot succeed; else never settles. */
  async #diagnose(wanted: WantedAttachment, signal: AbortSignal): Promise<never> {
    const { substrate, catalog, clock } = this.#deps;
    for (;;) {
      try {
        await clock.sleep(DIAGNOSIS_MS, signal);
        const full = await fullNetwork(wanted, { substrate, catalog, signal });
        if (full) throw impossible(noAddresses(full));
        await this.#assertAddressesFree(wanted, signal, impossible);
      } catch (error) {
        if (error instanceof ClusterError && error.code === 'ATTACH_IMPOSSIBLE') throw error;
        // The attempt has ended and speaks for itself; else no manager could be asked now.
        if (signal.aborted) return new Promise<never>(() => undefined);
      }
    }
  }

  async #assertAddressesFree(
    wanted: WantedAttachment,
    signal: AbortSignal,
    refusal: typeof refused = refused,
  ): Promise<void> {
    for (const { network, address } of wanted.endpoints) {
      if (!address) continue;
      const holder = await holdsAddress(network, address, { ...wanted, catalog: this.#deps.catalog, signal });
      if (holder) throw refusal(`Address already in use (${address} in network ${network.name}: ${holder})`, 403);
    }
  }

  #contextOf({ endpoints }: WantedAttachment): AttachContext {
    return {
      isClusterNetwork: (reference) => this.#deps.catalog.find(reference)?.kind === 'cluster',
      hasFixedAddress: endpoints.some(({ address }) => address),
    };
  }
}

function noAddresses({ name, id }: KnownNetwork<Node>): string {
  return `no available IPv4 addresses on this network's address pools: ${name} (${id})`;
}

/** Refused before the engine was asked. */
function refused(message: string, status: number): ClusterError {
  return new ClusterError(`failed to set up container networking: ${message}`, { code: 'ATTACH_REFUSED', status });
}

/** Refused while the engine is still trying. */
function impossible(message: string, status: number = 500): ClusterError {
  return new ClusterError(`failed to set up container networking: ${message}`, { code: 'ATTACH_IMPOSSIBLE', status });
}
