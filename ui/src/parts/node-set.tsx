import { useSwarm } from '../model/app.ts';
import { useWords } from '../words/words.ts';
import { NodeLink } from './badges.tsx';

const SHOWN = 3;

/** Which nodes have something; with many, how many. */
export function NodeSet({ nodes }: { readonly nodes: readonly number[] }) {
  const swarm = useSwarm(2_000);
  const { images, hive } = useWords();
  if (nodes.length > SHOWN && nodes.length >= swarm.nodes.size) return <span class="muted">{images.onAll}</span>;
  const names = nodes.map((n) => swarm.nodes.get(n)?.name ?? '').join('\n');
  return (
    <span title={names}>
      {nodes.slice(0, SHOWN).map((n, at) => (
        <span key={n}>
          {at > 0 && ', '}
          <NodeLink node={swarm.nodes.get(n)} />
        </span>
      ))}
      {nodes.length > SHOWN && <span class="muted"> {hive.others(nodes.length - SHOWN)}</span>}
      {nodes.length === 0 && '–'}
    </span>
  );
}
