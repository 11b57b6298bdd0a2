import type { NodeRow } from '../../../src/page/protocol.ts';
import { standingOf } from '../hive/comb.ts';
import { loadOfNode } from '../hive/look.ts';
import { domainOf } from '../hive/scene.ts';
import { useSwarm } from '../model/app.ts';
import { hrefOf, useRoute } from '../model/route.ts';
import { searcher } from '../model/search.ts';
import { Meter, NodeBadge } from '../parts/badges.tsx';
import { Icon } from '../parts/icon.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { ViewHead } from '../parts/view-head.tsx';
import { bytes, number } from '../words/format.ts';
import { useWords } from '../words/words.ts';

const ORDER = ['lost', 'unhealthy', 'drill', 'pending', 'drain', 'pause', 'healthy'];

/** All nodes, and what they have left. */
export function NodesView() {
  const swarm = useSwarm(500);
  const { columns: c, views, node: words } = useWords();
  const { query } = useRoute();
  const finds = searcher(query.get('q') ?? '');
  const rows = [...swarm.nodes.values()].filter((row) => finds.node(row));
  const share = (some: number, all: number): number => (all > 0 ? some / all : 0);
  const columns: readonly Column<NodeRow>[] = [
    {
      key: 'name',
      title: c.name,
      by: ({ name }) => name,
      cell: ({ id, name, warnings }) => (
        <>
          <a class="link" href={hrefOf('nodes', id)}>
            {name}
          </a>
          {warnings && (
            <span class="warn-mark" title={warnings.join('\n')}>
              <Icon name="warning" size={15} />
              <span class="unseen">{words.warnings}</span>
            </span>
          )}
        </>
      ),
    },
    {
      key: 'state',
      title: c.state,
      by: (row) => ORDER.indexOf(standingOf(row)),
      cell: (node) => <NodeBadge node={node} />,
    },
    {
      key: 'domain',
      title: c.domain,
      by: (row) => domainOf(row).join('/'),
      cell: (row) => domainOf(row).join(' / ') || '–',
      isExtra: true,
    },
    {
      key: 'containers',
      title: c.containers,
      by: ({ n }) => swarm.containersOn(n).size,
      cell: ({ n, running }) => `${number(running)} / ${number(swarm.containersOn(n).size)}`,
      isNumber: true,
    },
    {
      key: 'load',
      title: words.use,
      by: (row) => loadOfNode(row, swarm.use.get(row.n)),
      cell: (row) => <Meter part={loadOfNode(row, swarm.use.get(row.n))} label={words.use} />,
      isExtra: true,
    },
    {
      key: 'memory',
      title: `${c.memory}, ${c.reserved.toLowerCase()}`,
      by: ({ reservedMemory, memory }) => share(reservedMemory, memory),
      cell: ({ reservedMemory, memory }) => (
        <Meter
          part={share(reservedMemory, memory)}
          label={c.memory}
          text={`${bytes(reservedMemory)} / ${bytes(memory)}`}
        />
      ),
      isExtra: true,
    },
    {
      key: 'cpus',
      title: `${c.cpu}, ${c.reserved.toLowerCase()}`,
      by: ({ reservedCpus, cpus }) => share(reservedCpus, cpus),
      cell: ({ reservedCpus, cpus }) => (
        <Meter
          part={share(reservedCpus, cpus)}
          label={c.cpu}
          text={`${number(reservedCpus, 1)} / ${number(cpus, 1)}`}
        />
      ),
      isExtra: true,
    },
    { key: 'engine', title: c.engine, by: ({ version }) => version, cell: ({ version }) => version, isExtra: true },
    { key: 'address', title: c.address, by: ({ address }) => address, cell: ({ address }) => address, isExtra: true },
  ];
  return (
    <div class="full">
      <ViewHead title={views.nodes} />
      <Table
        label={views.nodes}
        columns={columns}
        rows={rows}
        keyOf={({ id }) => id}
        total={swarm.nodes.size}
        sort={['state', 'up']}
      />
    </div>
  );
}
