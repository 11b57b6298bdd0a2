import type { NotedContainer } from '../cluster/held-notes.ts';
import type { Recollection } from '../cluster/recollection.ts';
import type { Clock } from '../common/clock.ts';
import type { ContainerSummary } from '../engine/types.ts';
import type { DesiredState } from './desired-state.ts';
import type { ContainerRecord, RecordBody } from './record.ts';
import { summaryOf } from './record-summary.ts';

/**
 * What records say of the containers of a node that is not reached. What has a record is there if and only if the record's current copy
 * is on that node; notes add what the record does not tell. A container that was noted with a record and has none any more was removed.
 * One that never had a record is there as it was noted.
 */
export class RememberedContainers implements Recollection {
  readonly #desired: DesiredState;
  readonly #clock: Clock;

  constructor(desired: DesiredState, clock: Clock) {
    this.#desired = desired;
    this.#clock = clock;
  }

  async containersOn(nodeId: string, noted: readonly NotedContainer[]): Promise<readonly ContainerSummary[]> {
    const bodies = await this.#bodiesBeside(nodeId, new Set(noted.map(({ summary }) => summary.Id)));
    // From here on at one moment: records may have changed meanwhile.
    const left = new Map(noted.map((each) => [each.summary.Id, each] as const));
    const recorded = this.#desired.index.onNode(nodeId).flatMap((record): readonly ContainerSummary[] => {
      const { engineId } = record.current;
      if (engineId === undefined) return [];
      const note = left.get(engineId)?.summary;
      left.delete(engineId);
      return [note ? corrected(note, record) : summaryOf(record, engineId, bodies.get(record.key), this.#clock.now())];
    });
    return [...recorded, ...[...left.values()].flatMap((each) => (this.#isThere(each) ? each.summary : []))];
  }

  /** The bodies of what is recorded of a node and not noted, by the keys of their records; without those that cannot be read. */
  async #bodiesBeside(nodeId: string, noted: ReadonlySet<string>): Promise<ReadonlyMap<string, RecordBody>> {
    const bodies = new Map<string, RecordBody>();
    for (const { key, current } of this.#desired.index.onNode(nodeId)) {
      if (current.engineId === undefined || noted.has(current.engineId)) continue;
      const body = await this.#desired.body(key).catch(() => undefined); // What the record says is shown all the same.
      if (body) bodies.set(key, body);
    }
    return bodies;
  }

  /** Whether one that no record has as its current copy here may be there still. Copies that a move left behind the model hides. */
  #isThere({ summary, wasRecorded }: NotedContainer): boolean {
    return !wasRecorded || this.#desired.index.byEngineId(summary.Id) !== undefined;
  }
}

/** A note with what its record has known since. */
function corrected(note: ContainerSummary, record: ContainerRecord): ContainerSummary {
  const name = `/${record.name}`;
  const isNamed = record.name === '' || note.Names?.includes(name);
  return { ...note, ...(!isNamed && { Names: [name] }), State: stateAfter(note.State, record) };
}

/** The state that was noted, unless its record wants something that cannot have been noted yet. An end is the container's own. */
function stateAfter(noted: string, { wanted, ended }: ContainerRecord): string {
  if (wanted === 'running' && !ended && (noted === 'created' || noted === 'paused')) return 'running';
  if (wanted === 'paused' && noted === 'running') return 'paused';
  if (wanted === 'stopped' && (noted === 'running' || noted === 'paused' || noted === 'restarting')) return 'exited';
  return noted;
}
