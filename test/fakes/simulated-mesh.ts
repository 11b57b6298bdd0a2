import { createHash } from 'node:crypto';
import { planMesh } from '../../src/mesh/plan.ts';
import type { MeshOrder, MeshReport } from '../../src/mesh/protocol.ts';
import type { MeshMember, MeshPlan, MeshSight, MeshSituation } from '../../src/mesh/types.ts';

export interface SimulatedMeshOptions {
  readonly public: readonly string[];
  readonly behindNat: readonly string[];
  /** Routers that give each destination another port: two nodes behind such never hear each other directly. */
  readonly isHard?: boolean;
  /** All that are behind NAT are behind one router. */
  readonly isOneSite?: boolean;
}

export interface SimulatedFault {
  readonly from: number;
  readonly to: number;
  readonly kind: 'block' | 'off' | 'silent' | 'heal';
}

/** A key for a name, in WireGuard's form. */
export function keyOf(name: string): string {
  return createHash('sha256').update(name).digest('base64');
}

/** Nodes whose tunnels follow WireGuard's rules: a packet is taken from the one peer that may send it. Orders are carried out at once. */
export class SimulatedMesh {
  readonly publics: readonly string[];
  readonly #options: SimulatedMeshOptions;
  readonly #addresses: ReadonlyMap<string, string>;
  #members: readonly MeshMember[];
  readonly #orders = new Map<string, MeshOrder>();
  readonly #off = new Set<string>();
  readonly #silent = new Set<string>();
  readonly #blocked = new Set<string>();
  #resting: ReadonlySet<string> = new Set();

  constructor(options: SimulatedMeshOptions) {
    this.#options = options;
    this.publics = options.public;
    this.#members = [...options.public, ...options.behindNat].map((id, at) => ({
      id,
      key: keyOf(id),
      address: `10.231.0.${at + 1}`,
      ...(options.public.includes(id) && { endpoint: `198.51.100.${at + 1}:51820` }),
    }));
    this.#addresses = new Map(this.#members.map(({ id, address }) => [id, address]));
  }

  address(id: string): string {
    return this.#addresses.get(id) ?? '';
  }

  plan(): MeshPlan {
    return planMesh(this.situation());
  }

  situation(): MeshSituation {
    return {
      subnet: '10.231.0.0/16',
      mtu: 1280,
      members: this.#members,
      sights: new Map(this.#members.map(({ id }) => [id, this.#sight(id)])),
      resting: this.#resting,
    };
  }

  /** Rounds of planning and carrying out until nothing changes. */
  settle(): void {
    for (let round = 0; round < 12; round += 1) {
      const plan = this.plan();
      const changed = [...plan.orders].filter(
        ([id, { digest }]) => this.#isTold(id) && this.#orders.get(id)?.digest !== digest,
      );
      if (changed.length === 0 && plan.failed.length === 0) return;
      for (const [id, order] of changed) this.#orders.set(id, order);
      this.#resting = new Set([...this.#resting, ...plan.failed]);
    }
    throw new Error('the plans do not settle');
  }

  turnOff(id: string): void {
    this.#off.add(id);
  }

  /** The manager does not hear it; it goes on as it is. */
  silence(id: string): void {
    this.#silent.add(id);
  }

  block(a: string, b: string): void {
    this.#blocked.add([a, b].sort().join(' '));
  }

  remove(id: string): void {
    this.#members = this.#members.filter((member) => member.id !== id);
  }

  fail({ from, to, kind }: SimulatedFault): void {
    const a = this.#members[from % this.#members.length]?.id ?? '';
    const b = this.#members[to % this.#members.length]?.id ?? '';
    if (kind === 'block') this.block(a, b);
    if (kind === 'off') this.turnOff(a);
    if (kind === 'silent') this.silence(a);
    if (kind !== 'heal') return;
    this.#off.delete(a);
    this.#silent.delete(a);
    this.#blocked.delete([a, b].sort().join(' '));
  }

  /** All works again, and what rested is tried again. */
  healAll(): void {
    for (const set of [this.#off, this.#silent, this.#blocked]) set.clear();
    this.#resting = new Set();
  }

  /** Whether a tunnel between them could be made. */
  hears(a: string, b: string): boolean {
    if (a === b || this.#off.has(a) || this.#off.has(b) || this.#blocked.has([a, b].sort().join(' '))) return false;
    return this.#isPublic(a) || this.#isPublic(b) || !this.#options.isHard;
  }

  /** Whether a packet gets from one to the other by what they were ordered. */
  arrives(from: string, to: string): boolean {
    const target = this.address(to);
    let at = from;
    for (let hop = 0; hop < 3; hop += 1) {
      const peer = this.#orders.get(at)?.peers.find(({ allowed }) => allowed.includes(target));
      const next = this.#members.find(({ key }) => key === peer?.key)?.id;
      if (next === undefined || !this.#isLinked(at, next)) return false;
      const back = this.#orders.get(next)?.peers.find(({ allowed }) => allowed.includes(this.address(from)));
      if (back?.key !== keyOf(at)) return false;
      if (next === to) return true;
      if (!this.#isPublic(next)) return false;
      at = next;
    }
    return false;
  }

  #isPublic(id: string): boolean {
    return this.#options.public.includes(id);
  }

  #isTold(id: string): boolean {
    return !this.#off.has(id) && !this.#silent.has(id);
  }

  #isLinked(a: string, b: string): boolean {
    const has = (id: string, other: string): boolean =>
      this.#orders.get(id)?.peers.some(({ key }) => key === keyOf(other)) ?? false;
    return has(a, b) && has(b, a) && this.hears(a, b);
  }

  #sight(id: string): MeshSight {
    const order = this.#orders.get(id);
    const site = this.#options.isOneSite ? 0 : this.#options.behindNat.indexOf(id);
    const from = this.#isPublic(id) ? `198.51.100.${this.#options.public.indexOf(id) + 1}` : `203.0.113.${site + 1}`;
    const report: MeshReport = {
      key: keyOf(id),
      port: 51820,
      kind: 'program',
      interface: 'enxame-1',
      addresses: [`192.168.1.${this.#options.behindNat.indexOf(id) + 10}`],
      routes: [],
      applied: order?.digest,
      peers: (order?.peers ?? []).map(({ key, allowed, endpoint }) => {
        const other = this.#members.find((member) => member.key === key)?.id ?? '';
        const isHeard = this.#isLinked(id, other);
        return {
          key,
          allowed,
          endpoint: endpoint ?? (isHeard ? `203.0.113.${this.#options.behindNat.indexOf(other) + 1}:51820` : undefined),
          ...(isHeard && { handshakeS: 5, heardS: 5 }),
        };
      }),
      ways: (order?.measured ?? []).map((address) => {
        const other = this.#members.find((member) => member.address === address)?.id;
        const isLost = other === undefined || !(this.arrives(id, other) && this.arrives(other, id));
        return { address, sent: 20, lost: isLost ? 20 : 0, missed: isLost ? 20 : 0, isNarrow: false };
      }),
      problems: [],
      nowMs: 0,
    };
    return { report, from, isFresh: this.#isTold(id) };
  }
}
