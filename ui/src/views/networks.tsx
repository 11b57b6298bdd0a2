import type { NetworkRow } from '../../../src/page/protocol.ts';
import { hrefOf, useRoute } from '../model/route.ts';
import { searcher } from '../model/search.ts';
import { useList } from '../model/use-list.ts';
import { Fault, Loading } from '../parts/fault.tsx';
import { NodeSet } from '../parts/node-set.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { ViewHead } from '../parts/view-head.tsx';
import { useWords } from '../words/words.ts';

const TONES = { cluster: 'good', local: 'info', predefined: '' } as const;

/** Networks, and over which nodes they span. */
export function NetworksView() {
  const { columns: c, views, networks: words } = useWords();
  const { query } = useRoute();
  const { value, fault, again } = useList<NetworkRow>('networks', 'network');
  if (!value) {
    return (
      <>
        <ViewHead title={views.networks} />
        {fault === undefined ? <Loading /> : <Fault fault={fault} again={again} />}
      </>
    );
  }
  const finds = searcher(query.get('q') ?? '');
  const rows = value.filter(({ id, name, driver, project }) => finds.texts(id, name, driver, project));
  const columns: readonly Column<NetworkRow>[] = [
    {
      key: 'name',
      title: c.name,
      by: ({ name }) => name,
      cell: ({ id, name }) => (
        <a class="link" href={hrefOf('networks', id)}>
          {name}
        </a>
      ),
    },
    {
      key: 'kind',
      title: c.kind,
      by: ({ kind }) => kind,
      cell: ({ kind, internal }) => (
        <>
          <span class={`badge ${TONES[kind]}`}>{words.kinds[kind]}</span>
          {internal && <span class="muted"> {words.internal}</span>}
        </>
      ),
    },
    { key: 'driver', title: c.driver, by: ({ driver }) => driver, cell: ({ driver }) => driver, isExtra: true },
    { key: 'subnets', title: c.subnets, cell: ({ subnets }) => <code>{subnets.join(', ')}</code>, isExtra: true },
    {
      key: 'nodes',
      title: c.nodes,
      by: ({ nodes }) => nodes.length,
      cell: ({ nodes }) => <NodeSet nodes={nodes} />,
    },
    {
      key: 'project',
      title: c.project,
      by: ({ project = '' }) => project,
      cell: ({ project }) => project ?? '',
      isExtra: true,
    },
  ];
  return (
    <div class="full">
      <ViewHead title={views.networks} />
      <Table
        label={views.networks}
        columns={columns}
        rows={rows}
        keyOf={({ id, nodes }) => `${id} ${nodes[0]}`}
        total={value.length}
        sort={['kind', 'up']}
      />
    </div>
  );
}
