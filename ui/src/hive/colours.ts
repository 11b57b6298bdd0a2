import type { ContainerRow } from '../../../src/page/protocol.ts';
import { hashOf, type Palette } from './palette.ts';

/** The colours of kinds of containers: the most frequent ones have the most different. */
export class Colours {
  readonly #ranked = new Map<string, string>();
  #services: readonly string[] = [];

  /** @param kinds how many containers there are of each */
  rank(kinds: ReadonlyMap<string, number>, { services }: Palette): void {
    this.#services = services;
    const sorted = [...kinds].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
    this.#ranked.clear();
    for (const [at, [kind]] of sorted.entries()) this.#ranked.set(kind, this.#at(at));
  }

  /** One that came since then has some colour, the same in all browsers. */
  ofKind(kind: string): string {
    return this.#ranked.get(kind) ?? this.#at(hashOf(kind));
  }

  #at(rank: number): string {
    return this.#services[rank % this.#services.length] ?? '#888';
  }
}

export function stateColour({ state, health, exitCode, wait }: ContainerRow, palette: Palette): string {
  if (wait !== undefined || health === 'unhealthy' || state === 'dead') return palette.bad;
  if (state === 'running') return health === 'starting' ? palette.info : palette.good;
  if (state === 'exited') return exitCode ? palette.bad : palette.idle;
  return state === 'paused' || state === 'restarting' || state === 'removing' ? palette.warn : palette.idle;
}
