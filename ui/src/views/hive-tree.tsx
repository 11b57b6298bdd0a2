import { useState } from 'preact/hooks';
import type { ContainerRow, NodeRow } from '../../../src/page/protocol.ts';
import { compareNames } from '../hive/layout.ts';
import { loadOfNode } from '../hive/look.ts';
import { domainOf } from '../hive/scene.ts';
import { swarm, useSwarm } from '../model/app.ts';
import { hrefOf, useRoute } from '../model/route.ts';
import { searcher } from '../model/search.ts';
import { Meter, NodeBadge, StateBadge } from '../parts/badges.tsx';
import { Nothing } from '../parts/fault.tsx';
import { number } from '../words/format.ts';
import { useWords } from '../words/words.ts';

/** How many nodes of a domain are listed at once. */
const STEP = 100;

/** The map as text: domains, their nodes, and the containers of those that are open. */
export function HiveTree() {
  const { hive, nothingFound } = useWords();
  const { nodes } = useSwarm(500);
  const { query } = useRoute();
  const search = query.get('q') ?? '';
  const finds = searcher(search);
  const groups = new Map<string, NodeRow[]>();
  for (const node of nodes.values()) {
    if (search && !finds.node(node) && !rowsOf(node).some((row) => finds.container(row, node))) continue;
    const key = domainOf(node).join(' / ');
    groups.set(key, [...(groups.get(key) ?? []), node]);
  }
  const sorted = [...groups].sort(([a], [b]) => compareNames(a, b));
  if (sorted.length === 0) return <Nothing title={nothingFound} />;
  return (
    <div class="tree">
      {sorted.map(([name, members]) => (
        <section key={name} aria-label={name || hive.noDomain}>
          <h2>
            {name || (sorted.length > 1 ? hive.noDomain : hive.nodesWell)}{' '}
            <span class="muted">{number(members.length)}</span>
          </h2>
          <Nodes nodes={members} search={search} />
        </section>
      ))}
    </div>
  );
}

function rowsOf({ n }: NodeRow): readonly ContainerRow[] {
  return [...swarm.containersOn(n)].flatMap((id) => swarm.containers.get(id) ?? []);
}

function Nodes({ nodes, search }: { readonly nodes: readonly NodeRow[]; readonly search: string }) {
  const { hive } = useWords();
  const [count, setCount] = useState(STEP);
  const sorted = [...nodes].sort((a, b) => compareNames(a.name, b.name));
  return (
    <>
      <ul class="tree-nodes">
        {sorted.slice(0, count).map((node) => (
          <TreeNode key={node.id} node={node} search={search} />
        ))}
      </ul>
      {sorted.length > count && (
        <button type="button" class="button" onClick={() => setCount(count + STEP)}>
          {hive.others(sorted.length - count)}
        </button>
      )}
    </>
  );
}

function TreeNode({ node, search }: { readonly node: NodeRow; readonly search: string }) {
  const { columns, node: words, nothingFound } = useWords();
  const [isOpen, setOpen] = useState(false);
  const finds = searcher(search);
  const rows = isOpen
    ? rowsOf(node)
        .filter((row) => finds.node(node) || finds.container(row, node))
        .sort((a, b) => compareNames(a.name, b.name))
    : [];
  return (
    <li>
      <details open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
        <summary>
          <span class="tree-name">{node.name}</span>
          <NodeBadge node={node} />
          <span class="muted">
            {number(swarm.containersOn(node.n).size)} {columns.containers.toLowerCase()}
          </span>
          <Meter part={loadOfNode(node, swarm.use.get(node.n))} label={words.use} />
        </summary>
        <a class="link tree-link" href={hrefOf('nodes', node.id)}>
          {columns.node} {node.name}
        </a>
        {rows.length === 0 && <p class="muted">{nothingFound}</p>}
        <ul class="tree-containers">
          {rows.map((row) => (
            <li key={row.id}>
              <a class="link" href={hrefOf('containers', row.id)}>
                {row.name}
              </a>
              <StateBadge row={row} />
              <span class="muted">{row.image}</span>
            </li>
          ))}
        </ul>
      </details>
    </li>
  );
}
