import { loadOfNode } from '../hive/look.ts';
import type { Pick } from '../hive/pick.ts';
import { useSwarm } from '../model/app.ts';
import { hrefOf } from '../model/route.ts';
import { Meter, NodeBadge, NodeLink, StateBadge } from '../parts/badges.tsx';
import { Icon } from '../parts/icon.tsx';
import { bytes, duration, number } from '../words/format.ts';
import { useWords } from '../words/words.ts';

/** What was chosen on the map, in short, with the way to all of it. */
export function HivePanel({ pick, close }: { readonly pick: Pick; readonly close: () => void }) {
  const { close: closeWord } = useWords();
  return (
    <aside class="panel">
      <button type="button" class="button plain panel-close" aria-label={closeWord} onClick={close}>
        <Icon name="close" />
      </button>
      {pick.kind === 'node' ? <NodePart n={pick.n} /> : <ContainerPart id={pick.id} />}
    </aside>
  );
}

function NodePart({ n }: { readonly n: number }) {
  const swarm = useSwarm();
  const { columns, node: words, views, events, unknown } = useWords();
  const node = swarm.nodes.get(n);
  if (!node) return <p class="muted">{unknown}</p>;
  const ids = [...swarm.containersOn(n)];
  const recent = swarm.events
    .filter((each) => each.node === node.name)
    .slice(-6)
    .reverse();
  return (
    <>
      <h2>{node.name}</h2>
      <p>
        <NodeBadge node={node} /> <span class="muted">{node.address}</span>
      </p>
      {node.reason && <p class="bad-text">{node.reason}</p>}
      <dl class="facts">
        <dt>{words.use}</dt>
        <dd>
          <Meter part={loadOfNode(node, swarm.use.get(n))} label={words.use} />
        </dd>
        <dt>{columns.memory}</dt>
        <dd>{words.reservedOf(bytes(node.reservedMemory), bytes(node.memory))}</dd>
        <dt>{columns.cpu}</dt>
        <dd>{words.reservedOf(number(node.reservedCpus, 2), number(node.cpus, 1))}</dd>
        <dt>{columns.domain}</dt>
        <dd>{node.domains.filter(Boolean).join(' / ') || '–'}</dd>
        <dt>{columns.engine}</dt>
        <dd>
          {node.version} {node.platform}
        </dd>
      </dl>
      <a class="button primary wide" href={hrefOf('nodes', node.id)}>
        {columns.node} <Icon name="next" size={16} />
      </a>
      <h3>
        {views.containers} <span class="muted">{number(ids.length)}</span>
      </h3>
      <ul class="panel-list">
        {ids.slice(0, 60).map((id) => {
          const row = swarm.containers.get(id);
          return (
            row && (
              <li key={id}>
                <a class="link" href={hrefOf('containers', id)}>
                  {row.name}
                </a>
                <StateBadge row={row} />
              </li>
            )
          );
        })}
      </ul>
      {recent.length > 0 && (
        <>
          <h3>{views.events}</h3>
          <ul class="panel-list">
            {recent.map((each) => (
              <li key={each.seq}>
                <span>
                  {each.action} <span class="muted">{each.name}</span>
                </span>
                <span class="muted">{duration(swarm.now - each.at)}</span>
              </li>
            ))}
          </ul>
        </>
      )}
      {recent.length === 0 && <p class="muted">{events.empty}</p>}
    </>
  );
}

function ContainerPart({ id }: { readonly id: string }) {
  const swarm = useSwarm();
  const { columns, container: words } = useWords();
  const row = swarm.containers.get(id);
  if (!row) return <p class="muted">{words.gone}</p>;
  return (
    <>
      <h2>{row.name}</h2>
      <p>
        <StateBadge row={row} />{' '}
        {row.since !== undefined && <span class="muted">{duration(swarm.now - row.since)}</span>}
      </p>
      {row.wait && <p class="bad-text">{row.wait}</p>}
      <dl class="facts">
        <dt>{columns.node}</dt>
        <dd>
          <NodeLink node={swarm.nodes.get(row.n)} />
        </dd>
        <dt>{columns.image}</dt>
        <dd>{row.image}</dd>
        {row.service && (
          <>
            <dt>{columns.service}</dt>
            <dd>{row.project ? `${row.project} / ${row.service}` : row.service}</dd>
          </>
        )}
        {(row.memory !== undefined || row.cpus !== undefined) && (
          <>
            <dt>{columns.reserved}</dt>
            <dd>
              {[row.memory !== undefined && bytes(row.memory), row.cpus !== undefined && `${number(row.cpus, 2)} CPU`]
                .filter(Boolean)
                .join(', ')}
            </dd>
          </>
        )}
        {row.ports && row.ports.length > 0 && (
          <>
            <dt>{columns.ports}</dt>
            <dd>{row.ports.join(', ')}</dd>
          </>
        )}
        {row.from && (
          <>
            <dt>{words.moves}</dt>
            <dd>{words.arrived(row.from.node, row.from.why)}</dd>
          </>
        )}
      </dl>
      <a class="button primary wide" href={hrefOf('containers', id)}>
        {words.tabs.overview} <Icon name="next" size={16} />
      </a>
      <a class="button wide" href={hrefOf('containers', id, { tab: 'logs' })}>
        {words.tabs.logs} <Icon name="next" size={16} />
      </a>
    </>
  );
}
