import { isIP } from 'node:net';
import pLimit from 'p-limit';
import type { Clock } from '../common/clock.ts';
import { EngineAnswerError } from '../engine/exchange.ts';
import { Since } from './since.ts';
import type { GossipSilence, SubstrateMember } from './types.ts';

/** Engines asked at once. */
const CONCURRENCY = 16;
const ASK_MS = 5_000;
/** How long an answer stands, in milliseconds: of an engine that hears others, that hears none, and that did not tell. */
const STANDS_MS = { heard: 300_000, deaf: 5_000, unknown: 30_000 } as const;
const ALL = '';

/**
 * How many engines one hears, itself included; 0 when its gossip does not run, `none` when it does not have the network either, undefined
 * when it did not tell.
 */
export type HeardPeers = number | 'none' | undefined;

interface Heard {
  readonly peers: HeardPeers;
  readonly askedMs: number;
}

/**
 * Watches whether engines that take part in the swarm hear each other. Names of containers and the way to them go from engine to engine by
 * gossip, not by the swarm's managers: an engine whose gossip does not run is a swarm node in good order, and its containers start and reach
 * none of another node. Each engine tells whom it hears with the network `ingress`, which all nodes of a swarm are in; a worker whose gossip
 * never ran does not have it. Before Docker 28.3 an engine whose farewell does not go out within a second when it leaves a swarm keeps the port of that swarm's gossip until it is
 * restarted (moby/moby#47859), and is deaf in the next.
 */
export class Gossip {
  readonly #clock: Clock;
  readonly #heard = new Map<string, Heard>();
  readonly #since: Since;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = new Since(clock);
  }

  /** Asks a member at the next look: what is known of it may be over. */
  forget(memberId: string): void {
    this.#heard.delete(memberId);
  }

  /** Asks those of the members, which all take part, whose answer is old. Rejects only when aborted. */
  async look(members: readonly SubstrateMember[], signal: AbortSignal): Promise<GossipSilence> {
    const present = new Set(members.map(({ id }) => id));
    for (const memberId of this.#heard.keys()) if (!present.has(memberId)) this.#heard.delete(memberId);
    const limit = pLimit(CONCURRENCY);
    // One has nobody to hear.
    const asked = members.length < 2 ? [] : members.filter(({ id }) => this.#isOld(this.#heard.get(id)));
    await Promise.all(asked.map((member) => limit(() => this.#ask(member, signal))));
    const { deaf, isSilent } = silenceOf(new Map(members.map(({ id }) => [id, this.#heard.get(id)?.peers])));
    const sinceMs = this.#since.update(isSilent ? new Set([...deaf, ALL]) : deaf);
    return {
      deafMs: new Map([...sinceMs].filter(([memberId]) => memberId !== ALL)),
      allMs: sinceMs.get(ALL) ?? 0,
    };
  }

  async #ask({ id, client }: SubstrateMember, signal: AbortSignal): Promise<void> {
    const peers = await readPeers(client, signal).catch((error: unknown) => {
      signal.throwIfAborted();
      if (error instanceof EngineAnswerError) return error.status === 404 ? ('none' as const) : undefined;
      // One that just does not answer hears what it heard.
      return this.#heard.get(id)?.peers;
    });
    this.#heard.set(id, { peers, askedMs: this.#clock.elapsed() });
  }

  #isOld(heard: Heard | undefined): boolean {
    if (!heard) return true;
    const { peers, askedMs } = heard;
    const kind = peers === undefined ? 'unknown' : peers === 'none' || peers < 2 ? 'deaf' : 'heard';
    return this.#clock.elapsed() - askedMs >= STANDS_MS[kind];
  }
}

/**
 * Who hears nobody, by how many each member hears, itself included: those whose gossip does not run at all, and those that are alone while
 * others hear each other. `isSilent` when several run and none hears another: then it is none's fault alone. Nothing is known where nobody
 * has the network, which somebody may have removed. Pure.
 */
export function silenceOf(peers: ReadonlyMap<string, HeardPeers>): {
  readonly deaf: ReadonlySet<string>;
  readonly isSilent: boolean;
} {
  const isThere = [...peers.values()].some((count) => typeof count === 'number');
  if (peers.size < 2 || !isThere) return { deaf: new Set(), isSilent: false };
  const withPeers = (isMeant: (count: number) => boolean): string[] =>
    [...peers].flatMap(([memberId, heard]) => {
      const count = heard === 'none' ? 0 : heard;
      return count !== undefined && isMeant(count) ? memberId : [];
    });
  const alone = withPeers((count) => count === 1);
  const areOthersHeard = withPeers((count) => count > 1).length > 0;
  return {
    deaf: new Set([...withPeers((count) => count === 0), ...(areOthersHeard ? alone : [])]),
    isSilent: !areOthersHeard && alone.length > 1,
  };
}

async function readPeers(client: SubstrateMember['client'], signal: AbortSignal): Promise<number> {
  type Network = { readonly Peers?: readonly { readonly IP?: string }[] | null };
  const { Peers } = await client.json<Network>({ method: 'GET', path: '/networks/ingress', signal, timeoutMs: ASK_MS });
  // Engines list nodes that they only know of as "unknown".
  return (Peers ?? []).filter(({ IP }) => isIP(IP ?? '') !== 0).length;
}
