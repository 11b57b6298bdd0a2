import type { ContainerRow } from '../../../src/page/protocol.ts';
import { useSwarm } from '../model/app.ts';
import { isUnwell, kinOf } from '../model/kin.ts';
import { amend, hrefOf, useRoute } from '../model/route.ts';
import { searcher } from '../model/search.ts';
import { NodeLink, StateBadge, toneOf } from '../parts/badges.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { ViewHead } from '../parts/view-head.tsx';
import { bytes, duration } from '../words/format.ts';
import { useWords } from '../words/words.ts';

const STATES: Readonly<Record<string, (row: ContainerRow) => boolean>> = {
  running: ({ state }) => state === 'running',
  bad: isUnwell,
  wait: ({ wait }) => wait !== undefined,
  ended: ({ state }) => state === 'exited' || state === 'created' || state === 'dead',
};

/** All containers of the swarm. */
export function ContainersView() {
  const swarm = useSwarm(500);
  const words = useWords();
  const { query } = useRoute();
  const { columns: c, views, hive, state } = words;
  const finds = searcher(query.get('q') ?? '');
  const only = query.get('state') ?? '';
  const service = query.get('service') ?? '';
  const rows = [...swarm.containers.values()].filter(
    (row) =>
      (STATES[only]?.(row) ?? true) &&
      (service === '' || kinOf(row) === service) &&
      finds.container(row, swarm.nodes.get(row.n)),
  );
  const nodeName = ({ n }: ContainerRow): string => swarm.nodes.get(n)?.name ?? '';
  const columns: readonly Column<ContainerRow>[] = [
    {
      key: 'name',
      title: c.name,
      by: ({ name }) => name,
      cell: ({ id, name }) => (
        <a class="link" href={hrefOf('containers', id)}>
          {name}
        </a>
      ),
    },
    {
      key: 'state',
      title: c.state,
      by: (row) => `${toneOf(row)} ${row.state}`,
      cell: (row) => <StateBadge row={row} />,
    },
    { key: 'node', title: c.node, by: nodeName, cell: ({ n }) => <NodeLink node={swarm.nodes.get(n)} /> },
    { key: 'service', title: c.service, by: kinOf, cell: (row) => kinOf(row), isExtra: true },
    { key: 'image', title: c.image, by: ({ image }) => image, cell: ({ image }) => image, isExtra: true },
    {
      key: 'since',
      title: c.since,
      by: ({ since = 0 }) => -since,
      cell: ({ since }) => (since === undefined ? '–' : duration(swarm.now - since)),
      isNumber: true,
      isExtra: true,
    },
    {
      key: 'memory',
      title: c.reserved,
      by: ({ memory = 0 }) => memory,
      cell: ({ memory }) => (memory === undefined ? '–' : bytes(memory)),
      isNumber: true,
      isExtra: true,
    },
    { key: 'ports', title: c.ports, cell: ({ ports }) => ports?.join(', ') ?? '', isExtra: true },
  ];
  return (
    <div class="full">
      <ViewHead title={views.containers}>
        <label class="inline-label">
          <span>{c.state}</span>
          <select value={only} onChange={(event) => amend({ state: event.currentTarget.value })}>
            <option value="">{words.all}</option>
            <option value="running">{state.running}</option>
            <option value="bad">{hive.unwell}</option>
            <option value="wait">{hive.waiting}</option>
            <option value="ended">
              {state.exited}, {state.created}
            </option>
          </select>
        </label>
      </ViewHead>
      <Table
        label={views.containers}
        columns={columns}
        rows={rows}
        keyOf={({ id }) => id}
        total={swarm.containers.size}
      />
    </div>
  );
}
