import type { ImageRow } from '../../../src/page/protocol.ts';
import { useSwarm } from '../model/app.ts';
import { hrefOf, useRoute } from '../model/route.ts';
import { searcher } from '../model/search.ts';
import { useList } from '../model/use-list.ts';
import { Fault, Loading } from '../parts/fault.tsx';
import { NodeSet } from '../parts/node-set.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { ViewHead } from '../parts/view-head.tsx';
import { bytes, duration, number, shortId } from '../words/format.ts';
import { useWords } from '../words/words.ts';

/** Images, and which nodes have them. */
export function ImagesView() {
  const swarm = useSwarm(5_000);
  const { columns: c, views, images } = useWords();
  const { query } = useRoute();
  const { value, fault, again } = useList<ImageRow>('images', 'image');
  if (!value) {
    return (
      <>
        <ViewHead title={views.images} />
        {fault === undefined ? <Loading /> : <Fault fault={fault} again={again} />}
      </>
    );
  }
  const finds = searcher(query.get('q') ?? '');
  const rows = value.filter(({ id, names }) => finds.texts(id, ...names));
  const columns: readonly Column<ImageRow>[] = [
    {
      key: 'name',
      title: c.name,
      by: ({ names }) => names[0] ?? '~',
      cell: ({ names }) =>
        names.length > 0 ? <strong>{names.join(', ')}</strong> : <span class="muted">{images.untagged}</span>,
    },
    { key: 'id', title: 'ID', cell: ({ id }) => <code>{shortId(id)}</code>, isExtra: true },
    { key: 'size', title: c.size, by: ({ size }) => size, cell: ({ size }) => bytes(size), isNumber: true },
    {
      key: 'nodes',
      title: c.nodes,
      by: ({ nodes }) => nodes.length,
      cell: ({ nodes }) => <NodeSet nodes={nodes} />,
      isExtra: true,
    },
    {
      key: 'count',
      title: `# ${c.nodes}`,
      by: ({ nodes }) => nodes.length,
      cell: ({ nodes }) => `${number(nodes.length)} / ${number(swarm.nodes.size)}`,
      isNumber: true,
    },
    {
      key: 'containers',
      title: c.containers,
      by: ({ containers }) => containers,
      cell: ({ containers, names }) =>
        containers > 0 && names[0] ? (
          <a class="link" href={hrefOf('containers', '', { q: names[0] })}>
            {number(containers)}
          </a>
        ) : (
          number(containers)
        ),
      isNumber: true,
    },
    {
      key: 'created',
      title: c.created,
      by: ({ createdSeconds }) => -createdSeconds,
      cell: ({ createdSeconds }) => duration(swarm.now - createdSeconds * 1000),
      isNumber: true,
      isExtra: true,
    },
  ];
  return (
    <div class="full">
      <ViewHead title={views.images} />
      <Table label={views.images} columns={columns} rows={rows} keyOf={({ id }) => id} total={value.length} />
    </div>
  );
}
