import type { DesiredState } from '../desired/desired-state.ts';
import type { ContainerRecord } from '../desired/record.ts';
import { moveRow } from './model-rows.ts';
import type { MoveRow } from './protocol.ts';

/** The moves under way, followed by their records: no look at all of them but the first. */
export class MovesUnderWay {
  readonly #moving = new Map<string, ContainerRecord>();
  readonly #end: () => void;
  #onChange: () => void = () => undefined;

  constructor(desired: DesiredState) {
    for (const record of desired.all()) if (record.move) this.#moving.set(record.key, record);
    this.#end = desired.subscribe(({ before, after }) => {
      if (!before?.move && !after?.move) return;
      if (after?.move) this.#moving.set(after.key, after);
      else if (before) this.#moving.delete(before.key);
      this.#onChange();
    });
  }

  /** Sets who is told when a move began, went on or ended. */
  set onChange(listener: () => void) {
    this.#onChange = listener;
  }

  /** The oldest first; at most {@link MOST} of them. */
  rows(nodeNumber: (id: string) => number | null): readonly MoveRow[] {
    const rows: MoveRow[] = [];
    for (const record of this.#moving.values()) {
      const row = moveRow(record, nodeNumber);
      if (row) rows.push(row);
      if (rows.length === MOST) break;
    }
    return rows;
  }

  /** Idempotent. */
  close(): void {
    this.#end();
  }
}

/** More moves than anybody can look at. */
const MOST = 500;
