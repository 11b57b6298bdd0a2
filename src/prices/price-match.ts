import type { PricedNode } from './price.ts';
import type { FilePrice, PriceMatch } from './price-list.ts';

/** What an entry demands of a node, or a node has: its name, a label, or whether it may be taken back. */
type Trait = string;

/** Finds the first entry of a price file that fits a node. It looks only at entries that share with the node what is rarest about them. */
export class PriceMatcher {
  /** Positions of entries, ascending, by the trait that the fewest entries demand. */
  readonly #byTrait = new Map<Trait, number[]>();
  readonly #entries: readonly FilePrice[];
  readonly #traits: readonly (readonly Trait[])[];

  constructor(entries: readonly FilePrice[]) {
    this.#entries = entries;
    this.#traits = entries.map(({ match }) => traitsWanted(match));
    const counts = new Map<Trait, number>();
    for (const trait of this.#traits.flat()) counts.set(trait, (counts.get(trait) ?? 0) + 1);
    const countOf = (trait: Trait): number => counts.get(trait) ?? 0;
    for (const [at, traits] of this.#traits.entries()) {
      const rarest = traits.reduce((a, b) => (countOf(b) < countOf(a) ? b : a));
      const positions = this.#byTrait.get(rarest);
      if (positions === undefined) this.#byTrait.set(rarest, [at]);
      else positions.push(at);
    }
  }

  find(node: PricedNode, isSpot: boolean): FilePrice | undefined {
    const own = new Set(traitsOf(node, isSpot));
    const fits = (at: number): boolean => this.#traits[at]?.every((trait) => own.has(trait)) ?? false;
    let first = this.#entries.length;
    for (const trait of own) {
      const found = this.#byTrait.get(trait)?.find((at) => at >= first || fits(at));
      if (found !== undefined && found < first) first = found;
    }
    return this.#entries[first];
  }
}

/** At least one: an entry that demands nothing is refused when a file is read. */
function traitsWanted({ node, spot, labels = {}, ...own }: PriceMatch): readonly Trait[] {
  return [
    ...(node === undefined ? [] : [nameTrait(node)]),
    ...Object.entries({ ...own, ...labels }).map(labelTrait),
    ...(spot === undefined ? [] : [spotTrait(spot)]),
  ];
}

function traitsOf({ name, labels }: PricedNode, isSpot: boolean): readonly Trait[] {
  return [nameTrait(name), ...[...labels].map(labelTrait), spotTrait(isSpot)];
}

function nameTrait(name: string): Trait {
  return `name ${name}`;
}

function labelTrait([key, value]: readonly [string, string]): Trait {
  return `label ${key}=${value}`;
}

function spotTrait(isSpot: boolean): Trait {
  return `spot ${isSpot}`;
}
