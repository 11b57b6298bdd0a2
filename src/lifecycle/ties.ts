import type { Home } from '../scheduler/types.ts';
import type { Member } from './drafts.ts';
import type { LifecycleContext } from './lifecycle.ts';
import { type Key, keysOf } from './traffic.ts';
import type { Wanted } from './wanted.ts';

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

/** Follows volumes and references from a container that is to be created. Throws 404 for networks that nobody knows. */
export function tiesOf(context: LifecycleContext, wanted: Wanted): Ties {
  const found = new TieFinder(context);
  found.follow(wanted);
  return found;
}

class TieFinder implements Ties {
  readonly members = new Map<string, Member>();
  readonly volumes = new Set<string>();
  readonly homes: Home[] = [];
  readonly keys = new Set<Key>();
  readonly #context: LifecycleContext;
  readonly #seen = new Set<Key>();

  constructor(context: LifecycleContext) {
    this.#context = context;
  }

  follow(wanted: Wanted): void {
    const { networks } = this.#context;
    for (const key of keysOf(wanted)) this.keys.add(key);
    for (const volume of wanted.references.volumes) this.#followVolume(volume);
    for (const { container } of wanted.parsed.request.dependencies) this.#followContainer(container);
    for (const reference of neighboursOf(wanted)) this.#followContainer(reference);
    this.homes.push(...networks.homesOf(wanted.references.networks));
  }

  #followVolume(name: string): void {
    if (!this.#isNew(`volume ${name}`)) return;
    const users = this.#context.drafts.usersOf(name);
    const members = [...(users ?? [])].map((id) => this.#context.drafts.member(id));
    if (!users || members.includes(undefined)) {
      this.homes.push(...this.#context.volumes.homesOf([name]));
      return;
    }
    this.volumes.add(name);
    for (const member of members) if (member) this.#followMember(member);
  }

  #followContainer(reference: string): void {
    const { cluster, drafts } = this.#context;
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
    this.follow(member.draft.wanted);
    for (const dependent of this.#context.drafts.dependentsOf(id)) this.#followContainer(dependent);
  }

  #isNew(key: Key): boolean {
    const isNew = !this.#seen.has(key);
    this.#seen.add(key);
    return isNew;
  }
}

/** Containers by whose name an affinity asks to be near. */
function neighboursOf({ parsed }: Wanted): readonly string[] {
  return parsed.request.affinities.flatMap(({ key, operator, isSoft, pattern }) =>
    key === 'container' && operator === '==' && !isSoft && pattern.kind === 'exact' ? [pattern.value] : [],
  );
}
