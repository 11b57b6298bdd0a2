import { standingOf } from '../hive/comb.ts';
import type { Spot } from '../hive/grid.ts';
import type { Pick } from '../hive/pick.ts';
import { useSwarm } from '../model/app.ts';
import { bytes, duration, number } from '../words/format.ts';
import { useWords } from '../words/words.ts';

export interface Tip {
  readonly pick: Pick;
  /** Beside it, in pixels of the map. */
  readonly at: Spot;
}

/** What is under the mouse, in a few words. */
export function HiveTip({ tip: { pick, at } }: { readonly tip: Tip }) {
  const swarm = useSwarm();
  const { standing, state, health, columns } = useWords();
  const style = { left: `${at.x + 14}px`, top: `${at.y + 14}px` };
  if (pick.kind === 'node') {
    const node = swarm.nodes.get(pick.n);
    if (!node) return null;
    return (
      <div class="tip" style={style} aria-hidden="true">
        <strong>{node.name}</strong>
        <span>{standing[standingOf(node)]}</span>
        <span>
          {number(node.running)} / {number(swarm.containersOn(node.n).size)} {columns.containers.toLowerCase()}
        </span>
        <span>
          {bytes(node.reservedMemory)} / {bytes(node.memory)}
        </span>
        {node.reason && <span class="bad-text">{node.reason}</span>}
      </div>
    );
  }
  const row = swarm.containers.get(pick.id);
  if (!row) return null;
  return (
    <div class="tip" style={style} aria-hidden="true">
      <strong>{row.name}</strong>
      <span>
        {state[row.state]}
        {row.health ? `, ${health[row.health]}` : ''}
        {row.since === undefined ? '' : ` · ${duration(swarm.now - row.since)}`}
      </span>
      <span>{row.image}</span>
      {row.memory !== undefined && <span>{bytes(row.memory)}</span>}
      {row.wait && <span class="bad-text">{row.wait}</span>}
    </div>
  );
}
