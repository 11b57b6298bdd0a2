import { useState } from 'preact/hooks';
import type { VolumeRow } from '../../../src/page/protocol.ts';
import { useSwarm } from '../model/app.ts';
import { hrefOf, useRoute } from '../model/route.ts';
import { searcher } from '../model/search.ts';
import { useList } from '../model/use-list.ts';
import { NodeLink } from '../parts/badges.tsx';
import { Fault, Loading } from '../parts/fault.tsx';
import { type Column, Table } from '../parts/table.tsx';
import { ViewHead } from '../parts/view-head.tsx';
import { bytes } from '../words/format.ts';
import { useWords } from '../words/words.ts';

/** Volumes: where they live, who uses them, and how large they are. */
export function VolumesView() {
  const swarm = useSwarm(2_000);
  const { columns: c, views, volumes: words } = useWords();
  const { query } = useRoute();
  const [hasSizes, setSizes] = useState(false);
  const { value, fault, again, isLoading } = useList<VolumeRow>(hasSizes ? 'volumes?size=1' : 'volumes', 'volume');
  if (!value) {
    return (
      <>
        <ViewHead title={views.volumes} />
        {fault === undefined ? <Loading /> : <Fault fault={fault} again={again} />}
      </>
    );
  }
  const finds = searcher(query.get('q') ?? '');
  const rows = value.filter(({ name, driver, project, home }) => finds.texts(name, driver, project, home?.name));
  const columns: readonly Column<VolumeRow>[] = [
    {
      key: 'name',
      title: c.name,
      by: ({ name }) => name,
      cell: ({ name, lost }) => (
        <>
          <strong title={name}>{name.length === 64 ? name.slice(0, 12) : name}</strong>
          {lost !== undefined && (
            <span class="badge bad" title={lost}>
              {words.lost}
            </span>
          )}
        </>
      ),
    },
    {
      key: 'home',
      title: c.home,
      by: ({ home }) => home?.name ?? '~',
      cell: ({ home }) =>
        home ? <NodeLink node={swarm.nodeById(home.id)} /> : <span class="muted">{words.everywhere}</span>,
    },
    {
      key: 'size',
      title: c.size,
      by: ({ size }) => size ?? -1,
      cell: ({ size }) => (size === null ? '–' : bytes(size)),
      isNumber: true,
    },
    {
      key: 'users',
      title: c.users,
      by: ({ users }) => users.length,
      cell: ({ users }) => <Users ids={users} />,
    },
    { key: 'driver', title: c.driver, by: ({ driver }) => driver, cell: ({ driver }) => driver, isExtra: true },
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
      <ViewHead title={views.volumes}>
        <button
          type="button"
          class="button"
          aria-pressed={hasSizes}
          disabled={isLoading}
          onClick={() => setSizes(!hasSizes)}
        >
          {words.sizes}
        </button>
      </ViewHead>
      <Table
        label={views.volumes}
        columns={columns}
        rows={rows}
        keyOf={({ name, home }) => `${name} ${home?.id}`}
        total={value.length}
      />
    </div>
  );
}

const SHOWN = 2;

function Users({ ids }: { readonly ids: readonly string[] }) {
  const swarm = useSwarm(2_000);
  const { volumes: words, hive } = useWords();
  if (ids.length === 0) return <span class="muted">{words.unused}</span>;
  return (
    <>
      {ids.slice(0, SHOWN).map((id, at) => (
        <span key={id}>
          {at > 0 && ', '}
          <a class="link" href={hrefOf('containers', id)}>
            {swarm.containers.get(id)?.name ?? id.slice(0, 12)}
          </a>
        </span>
      ))}
      {ids.length > SHOWN && <span class="muted"> {hive.others(ids.length - SHOWN)}</span>}
    </>
  );
}
