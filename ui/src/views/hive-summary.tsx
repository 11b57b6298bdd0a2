import { standingOf } from '../hive/comb.ts';
import { useSwarm } from '../model/app.ts';
import { hrefOf } from '../model/route.ts';
import type { Swarm } from '../model/swarm.ts';
import { Icon } from '../parts/icon.tsx';
import { number } from '../words/format.ts';
import { useWords } from '../words/words.ts';

/** What matters, in numbers that lead to what they count. */
export function HiveSummary() {
  const swarm = useSwarm(500);
  const { hive, standing } = useWords();
  const { nodes, running, leaving, down } = countsOf(swarm);
  const { unwell } = swarm;
  const { brake, waiting, drill } = swarm.failover;
  return (
    <div class="summary">
      <ul class="figures">
        <Figure count={nodes} word={hive.nodesWell} href={hrefOf('nodes')} />
        {down > 0 && <Figure count={down} word={hive.down} href={hrefOf('nodes', '', { sort: 'state' })} tone="bad" />}
        {leaving > 0 && (
          <Figure count={leaving} word={standing.drain} href={hrefOf('nodes', '', { q: 'drain' })} tone="warn" />
        )}
        <Figure count={running} word={hive.running} href={hrefOf('containers', '', { q: 'running' })} tone="good" />
        {unwell > 0 && (
          <Figure count={unwell} word={hive.unwell} href={hrefOf('containers', '', { state: 'bad' })} tone="bad" />
        )}
        {swarm.moves.length > 0 && (
          <Figure count={swarm.moves.length} word={hive.moving} href={hrefOf('hive')} tone="info" />
        )}
        {waiting > 0 && (
          <Figure count={waiting} word={hive.waiting} href={hrefOf('containers', '', { state: 'wait' })} tone="bad" />
        )}
      </ul>
      {brake !== null && (
        <p class="notice bad slim" role="alert">
          <Icon name="warning" size={18} />
          <span>
            <strong>{hive.brake}:</strong> {brake}
          </span>
        </p>
      )}
      {drill.length > 0 && (
        <p class="notice info slim">
          <Icon name="warning" size={18} />
          <span>
            <strong>{hive.drillOn}:</strong> {drill.map(({ n }) => swarm.nodes.get(n)?.name ?? n).join(', ')}
          </span>
        </p>
      )}
      {swarm.problems.length > 0 && (
        <details class="notice warn slim">
          <summary>
            {hive.problems} ({swarm.problems.length})
          </summary>
          <ul>
            {swarm.problems.map((problem) => (
              <li key={problem}>{problem}</li>
            ))}
          </ul>
        </details>
      )}
    </div>
  );
}

function Figure({ count, word, href, tone = '' }: { count: number; word: string; href: string; tone?: string }) {
  return (
    <li>
      <a class={`figure ${tone}`} href={href}>
        <strong>{number(count)}</strong> {word}
      </a>
    </li>
  );
}

function countsOf({ nodes }: Swarm) {
  let [running, leaving, down] = [0, 0, 0];
  for (const node of nodes.values()) {
    running += node.running;
    const is = standingOf(node);
    if (is === 'lost' || is === 'unhealthy' || is === 'drill') down += 1;
    else if (is === 'drain') leaving += 1;
  }
  return { nodes: nodes.size, running, leaving, down };
}
