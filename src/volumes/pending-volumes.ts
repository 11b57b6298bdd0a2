import type { Clock } from '../common/clock.ts';
import type { VolumeSummary } from '../engine/types.ts';
import type { RecordView } from '../kv/record-view.ts';
import type { NamedVolumeBody } from './create-body.ts';
import { pendingSummary } from './homes.ts';
import type { VolumeRecord } from './records.ts';

export interface PendingVolumesDeps {
  readonly records: RecordView<VolumeRecord>;
  readonly clock: Clock;
}

/** Volumes that have no node yet: recorded, and made where their first user is placed. */
export class PendingVolumes {
  readonly #deps: PendingVolumesDeps;

  constructor(deps: PendingVolumesDeps) {
    this.#deps = deps;
  }

  has(name: string): boolean {
    return this.#deps.records.has(name);
  }

  get(name: string): VolumeRecord | undefined {
    return this.#deps.records.get(name);
  }

  /** All, as clients see them. */
  summaries(): readonly VolumeSummary[] {
    return [...this.#deps.records.values()].map(pendingSummary);
  }

  /** Resolves with the volume as clients see it, when it is durable. */
  async add(body: NamedVolumeBody): Promise<VolumeSummary> {
    const createdAt = new Date(this.#deps.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const record = { name: body.Name, body: JSON.stringify(body), createdAt };
    await this.#deps.records.put(record.name, record);
    return pendingSummary(record);
  }

  /** Resolves when the record is gone, durably, also when there was none. */
  async forget(name: string): Promise<void> {
    if (this.has(name)) await this.#deps.records.delete(name);
  }
}
