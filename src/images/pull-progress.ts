import type { JsonMessage } from './json-messages.ts';

/** Bytes done and to do. */
interface Amount {
  readonly current: number;
  readonly total: number;
}

/** How far one engine's pull is: its layers added up. */
export class PullProgress {
  readonly #downloads = new Map<string, Amount>();
  readonly #extractions = new Map<string, Amount>();

  /** Takes a message; true when the sum changed. */
  take({ id, status, progressDetail }: JsonMessage): boolean {
    const layers = status === 'Downloading' ? this.#downloads : status === 'Extracting' ? this.#extractions : undefined;
    if (id === undefined || !layers || !progressDetail?.total) return this.#finish(id, status);
    layers.set(id, { current: progressDetail.current ?? 0, total: progressDetail.total });
    return true;
  }

  /** Extracting begins when nothing is left to download. */
  get phase(): 'Downloading' | 'Extracting' {
    const { current, total } = sumOf(this.#downloads);
    return current >= total && this.#extractions.size > 0 ? 'Extracting' : 'Downloading';
  }

  get sum(): Amount {
    return sumOf(this.phase === 'Downloading' ? this.#downloads : this.#extractions);
  }

  #finish(id: string | undefined, status: string | undefined): boolean {
    const layers =
      status === 'Download complete' ? this.#downloads : status === 'Pull complete' ? this.#extractions : undefined;
    const layer = id === undefined ? undefined : layers?.get(id);
    if (!layer || id === undefined) return false;
    layers?.set(id, { current: layer.total, total: layer.total });
    return true;
  }
}

function sumOf(layers: ReadonlyMap<string, Amount>): Amount {
  let [current, total] = [0, 0];
  for (const layer of layers.values()) {
    current += layer.current;
    total += layer.total;
  }
  return { current, total };
}
