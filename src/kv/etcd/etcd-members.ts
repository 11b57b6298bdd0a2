import { z } from 'zod';
import { HttpServers } from '../http-servers.ts';
import type { StoreAddress } from '../store-address.ts';
import { judge, readAs, refusal } from './etcd-client.ts';

/** A server that takes part in an etcd, as the others know it. */
export interface EtcdMember {
  readonly id: string;
  /** Empty until it was started for the first time. */
  readonly name: string;
  readonly peerUrl: string;
  /** It follows, and has no vote yet (etcd 3.4 and newer). */
  readonly isLearner: boolean;
}

const Members = z.object({
  members: z
    .array(
      z.object({
        ID: z.string(),
        name: z.string().default(''),
        peerURLs: z.array(z.string()).default([]),
        isLearner: z.boolean().default(false),
      }),
    )
    .default([]),
});
const Health = z.object({ health: z.union([z.string(), z.boolean()]) });

/** The servers of an etcd, and changes of them. Calls reject with the errors of `store-errors.ts`. */
export class EtcdMembers {
  readonly #servers: HttpServers;

  constructor(address: StoreAddress) {
    this.#servers = new HttpServers('etcd', address, judge);
  }

  /** As the server that answers knows them: one that was cut off may tell an earlier state. */
  async list(signal: AbortSignal): Promise<readonly EtcdMember[]> {
    const { members } = readAs(Members, await this.#call('list', {}, true, signal));
    return members.map(({ ID: id, name, peerURLs, isLearner }) => ({
      id,
      name,
      isLearner,
      peerUrl: peerURLs[0] ?? '',
    }));
  }

  /** A learner: it counts for no majority until it is promoted. etcd takes one at a time. */
  async add(peerUrl: string, signal: AbortSignal): Promise<void> {
    await this.#call('add', { peerURLs: [peerUrl], isLearner: true }, false, signal);
  }

  /** Gives a learner its vote. Refused (`STORE_REFUSED`) until it has what the leader has. */
  async promote(id: string, signal: AbortSignal): Promise<void> {
    await this.#call('promote', { ID: id }, false, signal);
  }

  async remove(id: string, signal: AbortSignal): Promise<void> {
    await this.#call('remove', { ID: id }, false, signal);
  }

  /** Where the others reach it from now on. */
  async move(id: string, peerUrl: string, signal: AbortSignal): Promise<void> {
    await this.#call('update', { ID: id, peerURLs: [peerUrl] }, false, signal);
  }

  /** Whether a server of the address takes writes, for which it needs a leader. Never rejects but for the signal. */
  async isHealthy(signal: AbortSignal): Promise<boolean> {
    try {
      const call = { method: 'GET', path: '/health', isRepeatable: true, signal } as const;
      const { status, text } = await this.#servers.call(call);
      return status === 200 && String(readAs(Health, text).health) === 'true';
    } catch {
      signal.throwIfAborted();
      return false;
    }
  }

  async close(): Promise<void> {
    await this.#servers.close();
  }

  async #call(what: string, body: object, isRepeatable: boolean, signal: AbortSignal): Promise<string> {
    const path = `/v3/cluster/member/${what}`;
    const answer = await this.#servers.call({ method: 'POST', path, body: JSON.stringify(body), isRepeatable, signal });
    if (answer.status === 200) return answer.text;
    throw refusal(answer);
  }
}
