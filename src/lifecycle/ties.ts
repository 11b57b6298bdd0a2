import type { ContainerSpec } from '../desired/container-spec.ts';
import type { Home } from '../scheduler/types.ts';
import type { ProvisionalDeps } from './deps.ts';
import type { Member } from './drafts.ts';
import { type Key, keysOf } from './traffic.ts';

/** Everything a container has to share a node with, directly or through others. */
export interface Ties {
  /** What may still be made elsewhere, by ID. */
  readonly members: ReadonlyMap<string, Member>;
  /** Volumes that only the members have used. */
  readonly volumes: ReadonlySet<string>;
  /** What stays where it is. */
  readonly homes: readonly Home[];
  readonly keys: ReadonlySet<Key>;
}

/** Follows volumes and references from a container that is to be created. Throws 404 for unknown networks. */
export function tiesOf(deps: ProvisionalDeps, spec: ContainerSpec): Ties {
  const found = new TieFinder(deps);
  found.follow(spec);
  return found;
}

class TieFinder implements Ties {
  readonly members = new Map<string, Member>();
  readonly volumes = new Set<string>();
  readonly homes: Home[] = [];
  readonly keys = new Set<Key>();
  readonly #deps: ProvisionalDeps;
  readonly #seen = new Set<Key>();

  constructor(deps: ProvisionalDeps) {
    this.#deps = deps;
  }

  follow(spec: ContainerSpec): void {
    const { networks } = this.#deps;
    for (const key of keysOf(spec)) this.keys.add(key);
    for (const volume of spec.volumes) this.#followVolume(volume);
    for (const { container } of spec.placement.dependencies) this.#followContainer(container);
    for (const reference of neighboursOf(spec)) this.#followContainer(reference);
    this.homes.push(...networks.homesOf(spec.networks));
  }

  #followVolume(name: string): void {
    if (!this.#isNew(`volume ${name}`)) return;
    const users = this.#deps.drafts.usersOf(name);
    const members = [...(users ?? [])].map((id) => this.#deps.drafts.member(id));
    if (!users || members.includes(undefined)) {
      this.homes.push(...this.#deps.volumes.homesOf([name]));
      return;
    }
    this.volumes.add(name);
    for (const member of members) if (member) this.#followMember(member);
  }

  #followContainer(reference: string): void {
    const { cluster, drafts } = this.#deps;
    const container = cluster.findContainer(reference);
    if (!container) return;
    const member = drafts.member(container.id);
    if (member) this.#followMember(member);
    else if (this.#isNew(`container ${container.id}`))
      this.homes.push({ nodeId: container.nodeId, reason: `container ${container.name} is there` });
  }

  #followMember(member: Member): void {
    const { id } = member.draft;
    if (!this.#isNew(`container ${id}`)) return;
    this.keys.add(`container ${id}`);
    this.members.set(id, member);
    this.follow(member.draft.spec);
    for (const dependent of this.#deps.drafts.dependentsOf(id)) this.#followContainer(dependent);
  }

  #isNew(key: Key): boolean {
    const isNew = !this.#seen.has(key);
    this.#seen.add(key);
    return isNew;
  }
}

/** Containers by whose name an affinity asks to be near. */
function neighboursOf({ placement }: ContainerSpec): readonly string[] {
  return placement.affinities.flatMap(({ key, operator, isSoft, pattern }) =>
    key === 'container' && operator === '==' && !isSoft && pattern.kind === 'exact' ? [pattern.value] : [],
  );
}
