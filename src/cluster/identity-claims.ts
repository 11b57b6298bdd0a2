import { Container } from './container.ts';
import type { ContainerIndex, Indexed } from './container-index.ts';

/** A container whose identity must change. */
interface Settlement {
  readonly container: Container;
  readonly isGranted: boolean;
}

/**
 * Which container may have the identity that a label claims. Anyone with access to an engine can write that label, so it takes nothing away:
 * an identity belongs to the container whose engine gave it that ID, if there is one, else to the one of its claimants that was created
 * first. The others go by their engines' own IDs. Work only grows with the containers that claim one identity.
 */
export class IdentityClaims {
  readonly #index: ContainerIndex<Indexed>;
  readonly #onRefused: ((container: Container) => void) | undefined;
  readonly #claimants = new Map<string, Set<Container>>();
  /** Node and engine ID of those that were refused and told of, by claimed identity. */
  readonly #told = new Map<string, Set<string>>();

  constructor(index: ContainerIndex<Indexed>, onRefused?: (container: Container) => void) {
    this.#index = index;
    this.#onRefused = onRefused;
  }

  add(container: Container): void {
    const { claimedId } = container;
    if (claimedId === container.engineId) return;
    const claimants = this.#claimants.get(claimedId);
    if (claimants) claimants.add(container);
    else this.#claimants.set(claimedId, new Set([container]));
  }

  remove(container: Container): void {
    const { claimedId } = container;
    const claimants = this.#claimants.get(claimedId);
    if (claimants?.delete(container) && claimants.size === 0) this.#claimants.delete(claimedId);
  }

  /** What must change now that `changed` was added or removed. */
  toSettle({ engineId, claimedId }: Container): readonly Settlement[] {
    if (this.#claimants.size === 0 && this.#told.size === 0) return [];
    const identities = engineId === claimedId ? [engineId] : [engineId, claimedId];
    return identities.flatMap((identity) => this.#settle(identity));
  }

  #settle(identity: string): Settlement[] {
    const claimants = this.#claimants.get(identity);
    if (!claimants) {
      this.#told.delete(identity);
      return [];
    }
    const isGiven = this.#index.byId(identity).some((each) => each instanceof Container && each.engineId === identity);
    const first = isGiven ? undefined : [...claimants].reduce((a, b) => (isBefore(b, a) ? b : a));
    return [...claimants].flatMap((container) => {
      const isGranted = container === first;
      if (!isGranted) this.#tell(container);
      return isGranted === (container.id === identity) ? [] : [{ container, isGranted }];
    });
  }

  #tell(container: Container): void {
    const told = this.#told.get(container.claimedId) ?? new Set();
    this.#told.set(container.claimedId, told);
    const key = `${container.node.entry} ${container.engineId}`;
    if (told.has(key)) return;
    told.add(key);
    this.#onRefused?.(container);
  }
}

function isBefore(a: Container, b: Container): boolean {
  if (a.createdSeconds !== b.createdSeconds) return a.createdSeconds < b.createdSeconds;
  if (a.engineId !== b.engineId) return a.engineId < b.engineId;
  return a.node.entry < b.node.entry;
}
