import { askedOf } from '../cluster/network-names.ts';
import { sharedStop } from '../common/abort.ts';
import type { Clock } from '../common/clock.ts';
import { coalesced } from '../common/coalesced.ts';
import { reasonOf } from '../common/errors.ts';
import { setMember } from '../common/json-edit.ts';
import type { Logger } from '../common/logger.ts';
import type { NetworkSummary } from '../engine/types.ts';
import type { Substrate } from '../substrate/substrate.ts';
import { awaitAllocation } from './allocation.ts';
import type { ClusterNetworks } from './cluster-networks.ts';
import type { NetworkRecord } from './network-record.ts';
import type { NetworkRecords } from './network-records.ts';
import { planRestoration, type RestorationStep } from './plan-restoration.ts';
import { shownNetwork } from './shown-network.ts';
import { withAsked } from './substrate-body.ts';

export interface RestorationDeps {
  readonly records: NetworkRecords;
  readonly spanning: ClusterNetworks;
  readonly substrate: Substrate;
  /** Removes a network from the substrate; rejects while containers are connected. */
  readonly remove: (name: string, raw: NetworkSummary, signal: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * Keeps the substrate's networks and the records the same, after each reading of the substrate: what a substrate that was formed anew does not
 * have is made again, with its subnets and under the ID that clients know; what was interrupted is finished. A duty of the primary.
 */
export class NetworkRestoration {
  readonly #deps: RestorationDeps;
  readonly #run: () => Promise<void>;
  readonly #failures = new Map<string, string>();
  #stop: AbortController | undefined;
  #running: Promise<void> = Promise.resolve();

  constructor(deps: RestorationDeps) {
    this.#deps = deps;
    this.#run = coalesced(() => this.#round());
  }

  /** Idempotent; may follow a stop. */
  start(): void {
    this.#stop ??= sharedStop();
    // Recorded networks need the substrate, also when it is formed only with the first need.
    if (this.#deps.records.size > 0) this.#deps.substrate.activate();
    this.look();
  }

  /** Resolves when nothing is under way any more. Idempotent. */
  async stop(): Promise<void> {
    this.#stop?.abort(new Error('the manager stops restoring networks'));
    this.#stop = undefined;
    await this.#running;
  }

  /** The substrate's networks were read. */
  look(): void {
    if (this.#stop) this.#running = this.#run();
  }

  /** Networks that cannot be made again, in words for `docker info`. */
  problems(): readonly string[] {
    return [...this.#failures].map(([name, reason]) => `network ${name} cannot be made again: ${reason}`);
  }

  /** Never rejects. */
  async #round(): Promise<void> {
    const { records, spanning, substrate, logger } = this.#deps;
    const signal = this.#stop?.signal;
    const { reading } = spanning;
    if (!signal || !reading || substrate.status.guestOf !== undefined) return;
    const steps = planRestoration(records.idle(), reading, (key) => records.get(key) !== undefined);
    for (const step of steps) {
      if (signal.aborted) return;
      const key = step.kind === 'adopt' ? step.key : step.record.key;
      // A client was quicker: the next round looks again.
      if (records.isBusy(key) || records.get(key) !== (step.kind === 'adopt' ? undefined : step.record)) continue;
      try {
        await records.during(key, () => this.#execute(step, signal));
      } catch (error) {
        if (signal.aborted) return;
        logger.warn({ step: step.kind, network: nameOf(step), reason: reasonOf(error) }, 'networks: step failed');
        if (step.kind === 'make') this.#failures.set(nameOf(step), reasonOf(error));
      }
    }
    const names = new Set(records.all().map(({ name }) => name));
    for (const name of this.#failures.keys()) if (!names.has(name)) this.#failures.delete(name);
  }

  async #execute(step: RestorationStep, signal: AbortSignal): Promise<void> {
    const { records, spanning, logger } = this.#deps;
    const age = spanning.reading?.age ?? { swarmId: '', epoch: 0 };
    switch (step.kind) {
      case 'settle':
        return records.settle(step.record.key, step.summary, age, shownNetwork(step.summary, 'cluster').Id);
      case 'forget':
        logger.info({ network: step.record.name, why: step.why }, 'networks: a record is dropped');
        return records.forget(step.record.key);
      case 'remove':
        return this.#remove(step.record, step.summary, signal);
      case 'make':
        return this.#make(step.record, signal);
      case 'adopt': {
        const { Id: id, Name: name, Labels } = shownNetwork(step.summary, 'cluster');
        const made = bodyOf(step.summary);
        return records.adopt({
          key: step.key,
          state: 'made',
          name,
          id,
          labels: Labels ?? {},
          body: made,
          made,
          summary: step.summary,
          seenIn: age,
        });
      }
    }
  }

  async #remove(record: NetworkRecord, raw: NetworkSummary, signal: AbortSignal): Promise<void> {
    const { records, spanning, remove, logger } = this.#deps;
    if (record.state === 'making') await records.remove(record.key);
    try {
      await remove(record.name, raw, signal);
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== 'NETWORK_IN_USE' || !record.summary) throw error;
      logger.warn(
        { network: record.name, reason: reasonOf(error) },
        'networks: a removed network is in use, and stays',
      );
      return records.keep(record.key);
    }
    spanning.delete(raw.Id);
    await records.forget(record.key);
    logger.info({ network: record.name }, 'networks: an interrupted removal is complete');
  }

  async #make(record: NetworkRecord, signal: AbortSignal): Promise<void> {
    const { records, spanning, substrate, clock, logger } = this.#deps;
    const { client } = await substrate.manager(signal);
    const { swarmId = '', epoch } = substrate.status;
    const body = bodyAgain(record);
    const { Id } = await client.json<{ Id: string }>({ method: 'POST', path: '/networks/create', body, signal });
    const summary = await awaitAllocation(Id, { substrate, clock, hasSubnets: true, signal });
    if (records.get(record.key)?.state !== 'made') {
      // A client removed it in this very moment.
      await client.json({ method: 'DELETE', path: `/networks/${Id}`, signal });
      return;
    }
    await records.settle(record.key, summary, { swarmId, epoch });
    spanning.put(summary);
    this.#failures.delete(record.name);
    logger.warn({ network: record.name }, 'networks: made again, because the substrate was formed anew');
  }
}

/** The create of a network that another substrate had: as then, with the subnets that it got and the ID that clients know. */
function bodyAgain({ key, made, id, summary }: NetworkRecord): string {
  const config = (summary?.IPAM?.Config ?? []).map(({ Subnet, IPRange, Gateway }) => ({
    ...(Subnet && { Subnet }),
    ...(IPRange && { IPRange }),
    ...(Gateway && { Gateway }),
  }));
  const asked = withAsked(made, { Record: key, ...(id !== undefined && { Id: id }) });
  return config.length === 0 ? asked : setMember(asked, ['IPAM', 'Config'], JSON.stringify(config));
}

/** A create of what is listed, for a network whose create is not known. */
function bodyOf({ Name, Driver, Internal, EnableIPv6, Options, IPAM, Labels }: NetworkSummary): string {
  const { 'com.docker.network.driver.overlay.vxlanid_list': _, ...options } = Options ?? {};
  return JSON.stringify({ Name, Driver, Attachable: true, Internal, EnableIPv6, Options: options, IPAM, Labels });
}

function nameOf(step: RestorationStep): string {
  return step.kind === 'adopt' ? (askedOf(step.summary).Name ?? step.summary.Name) : step.record.name;
}
