import type { NodeDetail, NodeExplanation, NodeRow } from '../../../src/page/protocol.ts';
import { domainOf } from '../hive/scene.ts';
import { useSession, useSwarm } from '../model/app.ts';
import { useAsk } from '../model/ask.ts';
import { hrefOf } from '../model/route.ts';
import { Act } from '../parts/act.tsx';
import { Meter, NodeBadge, StateBadge } from '../parts/badges.tsx';
import { Card, Facts, Labels } from '../parts/facts.tsx';
import { Fault, Loading, Nothing } from '../parts/fault.tsx';
import { Icon } from '../parts/icon.tsx';
import { ago, bytes, number } from '../words/format.ts';
import { useWords } from '../words/words.ts';
import { PlanPicture } from './plan-picture.tsx';
import { UsePlots } from './use-plots.tsx';

/** One node: what it is, what it holds, and what would become of that. */
export function NodeView({ id: reference }: { readonly id: string }) {
  const swarm = useSwarm(500);
  const { node: words } = useWords();
  const node = swarm.nodeById(reference) ?? swarm.nodeByName(reference);
  if (!node) return <Nothing title={words.missing} text={words.missingText} />;
  const path = `nodes/${encodeURIComponent(node.id)}`;
  return (
    <>
      <Head node={node} path={path} />
      {node.reason && (
        <div class="notice bad">
          <Icon name="warning" />
          <p>{node.reason}</p>
        </div>
      )}
      {node.warnings?.map((warning) => (
        <div class="notice warn" key={warning}>
          <Icon name="warning" />
          <p>{warning}</p>
        </div>
      ))}
      <div class="cards">
        <Reserved node={node} />
        <Detail node={node} path={path} />
        <Containers node={node} />
        <IfLost node={node} path={path} />
      </div>
      <h2 class="section-title">{words.use}</h2>
      <UsePlots path={`${path}/stats`} memory={node.memory} />
    </>
  );
}

function Head({ node, path }: { readonly node: NodeRow; readonly path: string }) {
  const session = useSession();
  const { views, act } = useWords();
  const change = `${path}/availability`;
  return (
    <>
      <p class="crumbs">
        <a class="link" href={hrefOf('nodes')}>
          {views.nodes}
        </a>
      </p>
      <div class="view-head">
        <div>
          <h1>{node.name}</h1>
          <p class="under-title">
            <NodeBadge node={node} />
            <span class="muted">{node.address}</span>
            <span class="muted">{domainOf(node).join(' / ')}</span>
            <a class="link" href={hrefOf('hive', '', { on: `node:${node.id}` })}>
              <Icon name="hive" size={15} /> {views.hive}
            </a>
          </p>
        </div>
        {session?.actions && (
          <div class="view-tools">
            {node.availability !== 'active' && (
              <Act
                word={act.activate}
                icon="play"
                path={change}
                body={{ availability: 'active' }}
                sure={act.activateSure(node.name)}
              />
            )}
            {node.availability !== 'pause' && (
              <Act
                word={act.pauseNode}
                icon="pause"
                path={change}
                body={{ availability: 'pause' }}
                sure={act.pauseSure(node.name)}
              />
            )}
            {node.availability !== 'drain' && (
              <Act
                word={act.drain}
                icon="down"
                path={change}
                body={{ availability: 'drain' }}
                sure={act.drainSure(node.name)}
                isDangerous
              />
            )}
          </div>
        )}
      </div>
    </>
  );
}

function Reserved({ node }: { readonly node: NodeRow }) {
  const swarm = useSwarm();
  const { columns, node: words } = useWords();
  const use = swarm.use.get(node.n);
  const part = (some: number, all: number): number => (all > 0 ? some / all : 0);
  return (
    <Card title={words.use}>
      <Facts
        facts={[
          [
            `${columns.memory}, ${columns.reserved.toLowerCase()}`,
            <Meter
              key="m"
              part={part(node.reservedMemory, node.memory)}
              label={columns.memory}
              text={`${bytes(node.reservedMemory)} / ${bytes(node.memory)}`}
            />,
          ],
          [
            `${columns.cpu}, ${columns.reserved.toLowerCase()}`,
            <Meter
              key="c"
              part={part(node.reservedCpus, node.cpus)}
              label={columns.cpu}
              text={`${number(node.reservedCpus, 2)} / ${number(node.cpus, 1)}`}
            />,
          ],
          [
            `${columns.memory}, ${words.used}`,
            use && <Meter part={part(use[2], node.memory)} label={columns.memory} text={bytes(use[2])} />,
          ],
          [
            `${columns.cpu}, ${words.used}`,
            use && <Meter part={part(use[1], node.cpus)} label={columns.cpu} text={number(use[1], 2)} />,
          ],
        ]}
      />
    </Card>
  );
}

function Detail({ node, path }: { readonly node: NodeRow; readonly path: string }) {
  const swarm = useSwarm(1_000);
  const { columns, node: words } = useWords();
  const { value, fault, again } = useAsk<NodeDetail>(path, `${node.state} ${node.availability}`);
  return (
    <Card title={words.facts}>
      {fault !== undefined && !value ? (
        <Fault fault={fault} again={again} />
      ) : !value ? (
        <Loading />
      ) : (
        <>
          <Facts
            facts={[
              [columns.engine, `${value.version} ${value.platform}`],
              [words.system, value.system],
              [words.kernel, value.kernel],
              [words.storage, value.storageDriver],
              [words.rootDir, value.rootDir && <code>{value.rootDir}</code>],
              [words.clock, Math.abs(value.clockOffsetMs) > 500 && words.clockAhead(Math.round(value.clockOffsetMs))],
              [words.listed, value.listedAt !== null && ago(value.listedAt, swarm.now)],
              [
                words.holds,
                [
                  words.images(value.images),
                  words.networks(value.networks),
                  words.volumes(value.volumes),
                  value.hidden > 0 ? words.hidden(value.hidden) : '',
                ]
                  .filter(Boolean)
                  .join(', '),
              ],
            ]}
          />
          <h3>{words.labels}</h3>
          <Labels labels={value.labels} />
        </>
      )}
    </Card>
  );
}

const SHOWN = 30;

function Containers({ node }: { readonly node: NodeRow }) {
  const swarm = useSwarm(500);
  const { views, hive } = useWords();
  const rows = [...swarm.containersOn(node.n)]
    .flatMap((id) => swarm.containers.get(id) ?? [])
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return (
    <Card
      title={
        <>
          {views.containers} <span class="muted">{number(rows.length)}</span>
        </>
      }
    >
      <ul class="panel-list">
        {rows.slice(0, SHOWN).map((row) => (
          <li key={row.id}>
            <a class="link" href={hrefOf('containers', row.id)}>
              {row.name}
            </a>
            <StateBadge row={row} />
          </li>
        ))}
      </ul>
      {rows.length > SHOWN && (
        <a class="link" href={hrefOf('containers', '', { q: node.name })}>
          {hive.others(rows.length - SHOWN)}
        </a>
      )}
    </Card>
  );
}

function IfLost({ node, path }: { readonly node: NodeRow; readonly path: string }) {
  const { node: words } = useWords();
  const { value, fault, again } = useAsk<NodeExplanation>(`${path}/explain`, `${node.state} ${node.availability}`);
  return (
    <Card title={words.ifLost}>
      {fault !== undefined && !value ? (
        <Fault fault={fault} again={again} />
      ) : !value ? (
        <Loading />
      ) : (
        <PlanPicture plan={value.plan} isShort />
      )}
    </Card>
  );
}
