import { useEffect, useRef } from 'preact/hooks';
import type { ContainerDetail, ContainerRow } from '../../../src/page/protocol.ts';
import { useSession, useSwarm } from '../model/app.ts';
import { useAsk } from '../model/ask.ts';
import { go, hrefOf, useRoute } from '../model/route.ts';
import { PageFault } from '../model/session.ts';
import { Act } from '../parts/act.tsx';
import { NodeLink, StateBadge } from '../parts/badges.tsx';
import { Fault, Loading, Nothing } from '../parts/fault.tsx';
import { Icon } from '../parts/icon.tsx';
import { ago, shortId } from '../words/format.ts';
import { useWords } from '../words/words.ts';
import { ContainerEnv } from './container-env.tsx';
import { ContainerLogs } from './container-logs.tsx';
import { ContainerOverview } from './container-overview.tsx';
import { ContainerTerminal } from './container-terminal.tsx';
import { UsePlots } from './use-plots.tsx';

const TABS = ['overview', 'logs', 'stats', 'env', 'terminal'] as const;
type Tab = (typeof TABS)[number];

/** One container, by its ID, its name, or the start of its ID. */
export function ContainerView({ id: reference }: { readonly id: string }) {
  const swarm = useSwarm();
  const { container: words } = useWords();
  const [row, ...others] = swarm.find(reference);
  if (!row) return <Nothing title={words.missing} text={words.missingText} />;
  if (others.length > 0) return <Several rows={[row, ...others]} />;
  return <One key={row.id} row={row} reference={reference} />;
}

/** So many are named. */
const MOST_NAMED = 20;

function Several({ rows }: { readonly rows: readonly ContainerRow[] }) {
  const { container: words } = useWords();
  return (
    <>
      <Nothing title={words.several(rows.length)} />
      <ul class="plain-list">
        {rows.slice(0, MOST_NAMED).map(({ id, name }) => (
          <li key={id}>
            <a class="link" href={hrefOf('containers', id)}>
              {name}
            </a>{' '}
            <code>{shortId(id)}</code>
          </li>
        ))}
      </ul>
    </>
  );
}

/** State, place and history, logs, use, environment, a terminal. */
function One({ row, reference }: { readonly row: ContainerRow; readonly reference: string }) {
  const { container: words } = useWords();
  const { query } = useRoute();
  const { id } = row;
  // Anything that a row tells may have changed the rest, too.
  const { value, fault, again } = useAsk<ContainerDetail>(`containers/${id}`, row);
  const asked = query.get('tab') as Tab;
  const tab: Tab = TABS.includes(asked) ? asked : 'overview';
  const tabs = useRef<HTMLElement>(null);
  // On a phone not all of them have room.
  useEffect(() => {
    tabs.current?.querySelector('[aria-current]')?.scrollIntoView({ block: 'nearest', inline: 'nearest' });
  }, [tab]);
  return (
    <div class={`full container-view tab-${tab}`}>
      <Head row={row} />
      <nav class="tabs" aria-label={row.name} ref={tabs}>
        {TABS.map((each) => (
          <a
            key={each}
            href={hrefOf('containers', reference, { tab: each === 'overview' ? '' : each })}
            aria-current={each === tab ? 'page' : undefined}
          >
            {words.tabs[each]}
          </a>
        ))}
      </nav>
      {tab === 'logs' ? (
        <ContainerLogs id={id} />
      ) : tab === 'stats' ? (
        <UsePlots path={`containers/${id}/stats`} {...(value?.memory ? { memory: value.memory } : {})} />
      ) : tab === 'terminal' ? (
        <ContainerTerminal row={row} />
      ) : fault !== undefined && !value ? (
        fault instanceof PageFault && fault.status === 404 ? (
          <Nothing title={words.gone} />
        ) : (
          <Fault fault={fault} again={again} />
        )
      ) : !value ? (
        <Loading />
      ) : tab === 'env' ? (
        <ContainerEnv env={value.env} />
      ) : (
        <ContainerOverview row={row} detail={value} />
      )}
    </div>
  );
}

function Head({ row }: { readonly row: ContainerRow }) {
  const swarm = useSwarm(1_000);
  const { views, container: words } = useWords();
  const node = swarm.nodes.get(row.n);
  return (
    <>
      <p class="crumbs">
        <a class="link" href={hrefOf('containers')}>
          {views.containers}
        </a>
        <Icon name="next" size={14} />
        <NodeLink node={node} />
      </p>
      <div class="view-head">
        <div>
          <h1>{row.name}</h1>
          <p class="under-title">
            <StateBadge row={row} />
            {row.since !== undefined && <span class="muted">{ago(row.since, swarm.now)}</span>}
            <span class="muted">{row.image}</span>
            <a class="link" href={hrefOf('hive', '', { on: `container:${row.id}` })}>
              <Icon name="hive" size={15} /> {views.hive}
            </a>
          </p>
        </div>
        <Acts row={row} />
      </div>
      {row.wait && (
        <div class="notice bad">
          <Icon name="warning" />
          <div>
            <strong>{words.waitsNow}</strong>
            <p>{row.wait}</p>
          </div>
        </div>
      )}
    </>
  );
}

function Acts({ row: { id, name, state } }: { readonly row: ContainerRow }) {
  const session = useSession();
  const { act } = useWords();
  if (!session?.actions) return null;
  const path = `containers/${id}`;
  const isRunning = state === 'running' || state === 'restarting';
  return (
    <div class="view-tools">
      {!isRunning && state !== 'paused' && <Act word={act.start} icon="play" path={`${path}/start`} />}
      {isRunning && <Act word={act.stop} icon="stop" path={`${path}/stop`} sure={act.sure.stop(name)} />}
      {isRunning && <Act word={act.restart} icon="restart" path={`${path}/restart`} sure={act.sure.restart(name)} />}
      {isRunning && <Act word={act.pause} icon="pause" path={`${path}/pause`} />}
      {state === 'paused' && <Act word={act.unpause} icon="play" path={`${path}/unpause`} />}
      {isRunning && <Act word={act.kill} icon="kill" path={`${path}/kill`} sure={act.sure.kill(name)} isDangerous />}
      <Act
        word={act.remove}
        icon="remove"
        method="DELETE"
        path={path}
        sure={act.sure.remove(name)}
        text={act.removeText}
        choices={[
          ...(isRunning || state === 'paused' ? [{ name: 'force', word: act.force, isOn: false }] : []),
          { name: 'volumes', word: act.volumes, isOn: false },
        ]}
        isDangerous
        done={() => go('containers')}
      />
    </div>
  );
}
