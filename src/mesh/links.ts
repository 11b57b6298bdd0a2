import type { PeerReport, WayReport } from './protocol.ts';
import type { MeshMember, MeshSight, MeshSituation, Way } from './types.ts';

/** A tunnel renews its handshake every two minutes and is dead after three. */
const HANDSHAKE_S = 190;
/** Both ends of a tunnel say something every 25 seconds. */
const HEARD_S = 60;
/** Packets lost one after the other, of one each two seconds, before a way counts as broken. */
const MISSED = 4;

/** What is known of the tunnel between two members. */
export type LinkState = 'up' | 'down' | 'unknown';

/** Reads from the reports how the members hear each other now. */
export class Links {
  readonly #sights: MeshSituation['sights'];
  readonly #byKey: ReadonlyMap<string, MeshMember>;
  readonly #peers = new Map<string, ReadonlyMap<string, PeerReport>>();
  readonly #ways = new Map<string, ReadonlyMap<string, WayReport>>();
  /** By member ID: through which peer's key each address is reached. */
  readonly #through = new Map<string, ReadonlyMap<string, string>>();

  constructor({ members, sights }: Pick<MeshSituation, 'members' | 'sights'>) {
    this.#sights = sights;
    this.#byKey = new Map(members.map((member) => [member.key, member]));
    for (const { id } of members) {
      const report = sights.get(id)?.report;
      if (!report) continue;
      this.#peers.set(id, new Map(report.peers.map((peer) => [peer.key, peer])));
      this.#ways.set(id, new Map(report.ways.map((way) => [way.address, way])));
      this.#through.set(id, new Map(report.peers.flatMap(({ key, allowed }) => allowed.map((each) => [each, key]))));
    }
  }

  sight(id: string): MeshSight | undefined {
    return this.#sights.get(id);
  }

  isFresh(id: string): boolean {
    return this.#sights.get(id)?.isFresh ?? false;
  }

  /** What `from` has measured of its way to `to`, whichever way that is. */
  measured(from: MeshMember, to: MeshMember): WayReport | undefined {
    return this.#ways.get(from.id)?.get(to.address);
  }

  peer(from: MeshMember, to: MeshMember): PeerReport | undefined {
    return this.#peers.get(from.id)?.get(to.key);
  }

  /** The way that `from` sends what is for `to`, as it last told; undefined when it told none, or one through a node that is gone. */
  current(from: MeshMember, to: MeshMember): Way | undefined {
    const key = this.#through.get(from.id)?.get(to.address);
    const by = key === undefined ? undefined : this.#byKey.get(key);
    if (!by) return undefined;
    return by.id === to.id ? { kind: 'direct' } : { kind: 'relay', by: by.id };
  }

  isDirect(from: MeshMember, to: MeshMember): boolean {
    return this.current(from, to)?.kind === 'direct';
  }

  /** Down when one end says so, up when one says so and the other does not object. */
  state(a: MeshMember, b: MeshMember): LinkState {
    const views = [this.#view(a, b), this.#view(b, a)];
    if (views.includes('down')) return 'down';
    return views.includes('up') ? 'up' : 'unknown';
  }

  isUp(a: MeshMember, b: MeshMember): boolean {
    return this.state(a, b) === 'up';
  }

  /** Whether each end hears the other: only then may traffic be moved to this tunnel. */
  isUpOnBoth(a: MeshMember, b: MeshMember): boolean {
    return this.#view(a, b) === 'up' && this.#view(b, a) === 'up';
  }

  /** Whether packets between them are lost on whatever way they have. */
  isCut(a: MeshMember, b: MeshMember): boolean {
    return [this.measured(a, b), this.measured(b, a)].some((way) => (way?.missed ?? 0) >= MISSED);
  }

  #view(from: MeshMember, to: MeshMember): LinkState {
    if (!this.isFresh(from.id)) return 'unknown';
    const peer = this.peer(from, to);
    if (!peer) return 'unknown';
    const isShaken = peer.handshakeS !== undefined && peer.handshakeS <= HANDSHAKE_S;
    if (this.isDirect(from, to)) {
      if ((this.measured(from, to)?.missed ?? 0) >= MISSED) return 'down';
      return isShaken ? 'up' : 'unknown';
    }
    return isShaken && peer.heardS !== undefined && peer.heardS <= HEARD_S ? 'up' : 'down';
  }
}
