import type { LookupFunction } from 'node:net';
import { DiscoveryError, reasonOf } from '../common/errors.ts';
import { printable } from '../common/printable.ts';
import type { DiscoverySettings } from './backend.ts';
import { type Entry, parseEntry, uniqueEntries } from './entry.ts';
import { type Reach, reachableLookup, unreachableBecause } from './reachable.ts';

/** Entries left out that are told one by one. */
const MAX_TOLD = 100;

/** What others registered with a service or a store. Any of them may have written anything: a host that others cannot reach is left out, and the rest stay. */
export class SharedEntries {
  readonly #reach: Reach;
  readonly #lookup: LookupFunction;
  readonly #onLeftOut: DiscoverySettings['onLeftOut'];
  readonly #leftOut = new Set<string>();

  constructor(reach: Reach, onLeftOut: DiscoverySettings['onLeftOut']) {
    this.#reach = reach;
    this.#lookup = reachableLookup(reach);
    this.#onLeftOut = onLeftOut;
  }

  /** Those of the texts that are entries and hosts, each once. */
  usable(texts: readonly string[]): readonly Entry[] {
    const entries = texts.flatMap((text) => {
      const entry = this.#read(text);
      if (entry === undefined) return [];
      return ['unix', 'ssh', 'agent'].includes(entry.scheme) ? [entry] : [{ ...entry, lookup: this.#lookup } as Entry];
    });
    return uniqueEntries(entries);
  }

  /** Throws what {@link usable} would leave out: what a service of ours would say, and another one would not. */
  assertReachable(entry: Entry): void {
    const problem = unreachableBecause(entry, this.#reach);
    if (problem === undefined) return;
    throw new DiscoveryError(
      `"${printable(entry.canonical)}" is not a host that others can reach: ${problem}. Register the address the manager reaches the engine at`,
      'BAD_ENTRY',
    );
  }

  #read(text: string): Entry | undefined {
    try {
      const entry = parseEntry(text);
      const problem = unreachableBecause(entry, this.#reach);
      if (problem === undefined) return entry;
      this.#leaveOut(entry.canonical, `it is not a host that others can reach: ${problem}`);
    } catch (error) {
      this.#leaveOut(text, reasonOf(error));
    }
    return undefined;
  }

  /** Says so once for each, and no more often than a person reads. */
  #leaveOut(text: string, why: string): void {
    if (this.#leftOut.has(text) || this.#leftOut.size >= MAX_TOLD) return;
    this.#leftOut.add(text);
    this.#onLeftOut?.(text.replace(/[^\x20-\x7e]/g, '?').slice(0, 200), why);
  }
}
