import { type LinkState, Links } from './links.ts';
import { precedence } from './precedence.ts';
import { directKey, type MeshMember, type MeshPath, type MeshSituation, relayKey, type Way } from './types.ts';

/** Peers behind NAT that one behind NAT has directly or tries to, at most. */
const MOST_DIRECT = 64;

/** The paths of all pairs, and which ways turned out not to work. */
export interface Paths {
  readonly paths: readonly MeshPath[];
  readonly failed: readonly string[];
  readonly links: Links;
}

/**
 * How each two members reach each other: directly where one of them is public; else through a public node that both hear, and directly once a
 * probe was heard at both ends. Pure, and the same for both ends of each pair.
 */
export function choosePaths(situation: MeshSituation): Paths {
  const links = new Links(situation);
  const chooser = new Chooser(situation, links);
  const members = [...situation.members].sort((a, b) => (a.id < b.id ? -1 : 1));
  const paths = members.flatMap((a, at) => members.slice(at + 1).map((b) => chooser.path(a, b)));
  return { paths, failed: chooser.failed, links };
}

class Chooser {
  readonly failed: string[] = [];
  readonly #links: Links;
  readonly #resting: ReadonlySet<string>;
  readonly #byId: ReadonlyMap<string, MeshMember>;
  readonly #relays: readonly MeshMember[];
  /** By member ID. */
  readonly #directs = new Map<string, number>();

  constructor({ members, resting }: MeshSituation, links: Links) {
    this.#links = links;
    this.#resting = resting;
    this.#byId = new Map(members.map((member) => [member.id, member]));
    this.#relays = members.filter(({ endpoint }) => endpoint !== undefined);
  }

  path(a: MeshMember, b: MeshMember): MeshPath {
    const held = this.#heldBySilent(a, b);
    if (held) return { a: a.id, b: b.id, way: held, isProbed: false };
    const isPublic = a.endpoint !== undefined || b.endpoint !== undefined;
    const way = isPublic ? this.#publicWay(a, b) : this.#way(a, b);
    const isProbed = !isPublic && way.kind !== 'direct' && this.#mayProbe(a, b);
    if (!isPublic && (isProbed || way.kind === 'direct'))
      for (const { id } of [a, b]) this.#directs.set(id, (this.#directs.get(id) ?? 0) + 1);
    return { a: a.id, b: b.id, way, isProbed };
  }

  /** The way of an end that cannot be told another one: with one end moved alone everything between them is lost. */
  #heldBySilent(a: MeshMember, b: MeshMember): Way | undefined {
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const) {
      const way = this.#links.isFresh(from.id) ? undefined : this.#links.current(from, to);
      if (way) return way;
    }
    return undefined;
  }

  #publicWay(a: MeshMember, b: MeshMember): Way {
    if (this.#isTunnel(a, b)) return { kind: 'direct' };
    const relay = this.#bestRelay(a, b);
    if (!relay) return { kind: 'direct' };
    this.#giveUpDirect(a, b);
    return relay;
  }

  /** Whether two members of which one is public reach each other directly. */
  #isTunnel(a: MeshMember, b: MeshMember): boolean {
    const held = this.#heldBySilent(a, b);
    if (held) return held.kind === 'direct';
    return this.#links.state(a, b) !== 'down' && !this.#resting.has(directKey(a.id, b.id));
  }

  #way(a: MeshMember, b: MeshMember): Way {
    const key = directKey(a.id, b.id);
    const isHalf = this.#links.isDirect(a, b) !== this.#links.isDirect(b, a);
    const isWhole = this.#links.isDirect(a, b) && this.#links.isDirect(b, a);
    const isGood = isWhole || isHalf ? this.#links.state(a, b) !== 'down' : this.#links.isUpOnBoth(a, b);
    if (isGood && !this.#resting.has(key)) return { kind: 'direct' };
    this.#giveUpDirect(a, b);
    return this.#bestRelay(a, b) ?? this.#anyRelay(a, b) ?? { kind: 'none' };
  }

  #giveUpDirect(a: MeshMember, b: MeshMember): void {
    const key = directKey(a.id, b.id);
    const isTried = this.#links.isDirect(a, b) || this.#links.isDirect(b, a);
    if (isTried && !this.#resting.has(key)) this.failed.push(key);
  }

  #mayProbe(a: MeshMember, b: MeshMember): boolean {
    if (this.#resting.has(directKey(a.id, b.id))) return false;
    return [a, b].every(({ id }) => this.#links.isFresh(id) && (this.#directs.get(id) ?? 0) < MOST_DIRECT);
  }

  /** A relay that both hear, as far as is known; the one they have now if it is such. */
  #bestRelay(a: MeshMember, b: MeshMember): Way | undefined {
    const state = (relay: MeshMember): LinkState => {
      if (!this.#isTunnel(a, relay) || !this.#isTunnel(b, relay)) return 'down';
      return this.#links.isUp(a, relay) && this.#links.isUp(b, relay) ? 'up' : 'unknown';
    };
    const others = this.#relays.filter(({ id }) => id !== a.id && id !== b.id);
    const now = this.#sharedRelay(a, b);
    if (now && state(now) === 'up' && !this.#isBroken(a, b, now)) return relayed(now);
    const rested = others.filter(({ id }) => !this.#resting.has(relayKey(a.id, b.id, id)));
    const usable = rested.filter((relay) => state(relay) !== 'down' && !this.#isBroken(a, b, relay));
    const up = usable.filter((relay) => state(relay) === 'up');
    if (up.length === 0 && now && usable.includes(now)) return relayed(now);
    const [first] = byPrecedence(up.length > 0 ? up : usable, a, b);
    return first && relayed(first);
  }

  /** Where none is known to work: the one they have, else whichever is first. */
  #anyRelay(a: MeshMember, b: MeshMember): Way | undefined {
    const relay = this.#sharedRelay(a, b) ?? byPrecedence(this.#relays, a, b)[0];
    return relay && relayed(relay);
  }

  /** The relay that both have for each other. */
  #sharedRelay(a: MeshMember, b: MeshMember): MeshMember | undefined {
    const [there, back] = [this.#links.current(a, b), this.#links.current(b, a)];
    if (there?.kind !== 'relay' || back?.kind !== 'relay' || there.by !== back.by) return undefined;
    const relay = this.#byId.get(there.by);
    return relay?.endpoint === undefined ? undefined : relay;
  }

  /** Whether the relay that they have loses what it should pass on, though both hear it. */
  #isBroken(a: MeshMember, b: MeshMember, relay: MeshMember): boolean {
    if (this.#sharedRelay(a, b) !== relay || !this.#links.isCut(a, b)) return false;
    const isHeard = this.#links.isUp(a, relay) && this.#links.isUp(b, relay);
    // A node that is off loses everything, too, and no other relay helps: it is heard by none.
    if (isHeard && this.#relays.length > 1) this.failed.push(relayKey(a.id, b.id, relay.id));
    return isHeard;
  }
}

function relayed({ id }: MeshMember): Way {
  return { kind: 'relay', by: id };
}

/** Each pair begins with another relay, so that their load is shared. */
function byPrecedence(relays: readonly MeshMember[], a: MeshMember, b: MeshMember): MeshMember[] {
  const pair = directKey(a.id, b.id);
  const ranked = relays.map((relay) => ({ relay, rank: precedence(`${pair} ${relay.id}`) }));
  return ranked.sort((x, y) => x.rank - y.rank || (x.relay.id < y.relay.id ? -1 : 1)).map(({ relay }) => relay);
}
