import { useMemo, useState } from 'preact/hooks';
import type { EventRow } from '../../../src/page/protocol.ts';
import { useSwarm } from '../model/app.ts';
import { amend, hrefOf, useRoute } from '../model/route.ts';
import { searcher } from '../model/search.ts';
import { ask } from '../model/session.ts';
import { Fault, Nothing } from '../parts/fault.tsx';
import { ViewHead } from '../parts/view-head.tsx';
import { clock, time } from '../words/format.ts';
import { useWords } from '../words/words.ts';

const STEP = 200;

/** What happened, the latest first, with filters that are in the address. */
export function EventsView() {
  const { events: words, views, nothingFound } = useWords();
  const { query } = useRoute();
  const { all, more } = useEvents();
  const type = query.get('type') ?? '';
  const node = query.get('node') ?? '';
  const search = query.get('q') ?? '';
  const shown = useMemo(() => {
    const finds = searcher(search);
    return all
      .filter(
        (each) =>
          (type === '' || each.type === type) &&
          (node === '' || each.node === node) &&
          finds.texts(each.action, each.name, each.node, each.text, each.id),
      )
      .reverse();
  }, [all, type, node, search]);
  return (
    <>
      <ViewHead title={views.events}>
        <Filters events={all} type={type} node={node} />
      </ViewHead>
      <Density events={shown} />
      {shown.length === 0 && <Nothing title={all.length === 0 ? words.empty : nothingFound} />}
      <Timeline events={shown} />
      {more.fault !== undefined && <Fault fault={more.fault} />}
      {more.isAll ? (
        <p class="muted">{words.noOlder}</p>
      ) : (
        <button type="button" class="button" onClick={() => void more.load()}>
          {words.older}
        </button>
      )}
    </>
  );
}

/** Those that the stream told, and older ones that were asked for; oldest first. */
function useEvents() {
  const { events } = useSwarm(300);
  const [older, setOlder] = useState<readonly EventRow[]>([]);
  const [isAll, setAll] = useState(false);
  const [fault, setFault] = useState<unknown>();
  const first = older[0]?.seq ?? events[0]?.seq;
  const load = async (): Promise<void> => {
    try {
      const before = first === undefined ? '' : `before=${first}&`;
      const found = await ask<readonly EventRow[]>(`events?${before}limit=${STEP}`);
      setFault(undefined);
      if (found.length === 0) setAll(true);
      setOlder([...[...found].reverse(), ...older]);
    } catch (error) {
      setFault(error);
    }
  };
  const all = useMemo(() => {
    const start = events[0]?.seq ?? Number.POSITIVE_INFINITY;
    return [...older.filter(({ seq }) => seq < start), ...events];
  }, [events, older]);
  return { all, more: { load, isAll, fault } };
}

function Filters({ events, type, node }: { events: readonly EventRow[]; type: string; node: string }) {
  const { events: words, all } = useWords();
  const nodes = [...new Set([...events.map((each) => each.node), node])].filter(Boolean).sort();
  return (
    <>
      <label class="inline-label">
        <span>{words.type}</span>
        <select value={type} onChange={(event) => amend({ type: event.currentTarget.value })}>
          <option value="">{all}</option>
          {Object.entries(words.types).map(([key, word]) => (
            <option key={key} value={key}>
              {word}
            </option>
          ))}
        </select>
      </label>
      <label class="inline-label">
        <span>{words.node}</span>
        <select value={node} onChange={(event) => amend({ node: event.currentTarget.value })}>
          <option value="">{all}</option>
          {nodes.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
    </>
  );
}

const BAR_COUNT = 60;

/** How many there were over the time that is shown; where faults were, bars are red. */
function Density({ events }: { readonly events: readonly EventRow[] }) {
  const { events: words } = useWords();
  const [last, first] = [events[0]?.at ?? 0, events.at(-1)?.at ?? 0];
  if (last <= first) return null;
  const bars = Array.from({ length: BAR_COUNT }, () => ({ all: 0, bad: 0 }));
  for (const event of events) {
    const bar = bars[Math.min(BAR_COUNT - 1, Math.floor(((event.at - first) / (last - first)) * BAR_COUNT))];
    if (!bar) continue;
    bar.all += 1;
    if (toneOf(event) === 'bad') bar.bad += 1;
  }
  const most = Math.max(...bars.map((bar) => bar.all));
  return (
    <figure class="density">
      <figcaption class="unseen">{words.density}</figcaption>
      <svg viewBox={`0 0 ${BAR_COUNT * 10} 48`} preserveAspectRatio="none" aria-hidden="true" focusable="false">
        {bars.map(({ all, bad }, at) => {
          const [high, red] = [(all / most) * 46, (bad / most) * 46];
          return (
            <g key={at}>
              <rect class="bar" x={at * 10 + 1.5} y={48 - high} width="7" height={high} />
              <rect class="bar bad" x={at * 10 + 1.5} y={48 - red} width="7" height={red} />
            </g>
          );
        })}
      </svg>
      <p class="density-ends muted">
        <span>{time(first)}</span>
        <span>{time(last)}</span>
      </p>
    </figure>
  );
}

function Timeline({ events }: { readonly events: readonly EventRow[] }) {
  const swarm = useSwarm(5_000);
  const [count, setCount] = useState(STEP);
  const { hive, events: words } = useWords();
  return (
    <>
      <ol class="timeline">
        {events.slice(0, count).map((event) => {
          const node = event.node ? swarm.nodeByName(event.node) : undefined;
          return (
            <li key={event.seq} class={toneOf(event)}>
              <time dateTime={new Date(event.at).toISOString()} title={time(event.at)}>
                {clock(event.at)}
              </time>
              <span class="event-what">
                <span class="unseen">{words.types[event.type] ?? event.type}</span>
                <strong>{event.action.replaceAll('_', ' ')}</strong>{' '}
                {event.type === 'container' && swarm.containers.has(event.id) ? (
                  <a class="link" href={hrefOf('containers', event.id)}>
                    {event.name}
                  </a>
                ) : (
                  event.name
                )}
              </span>
              <span class="event-node muted">
                {node && event.name !== event.node ? <a href={hrefOf('nodes', node.id)}>{event.node}</a> : ''}
              </span>
              {event.text && <span class="event-text muted">{event.text}</span>}
            </li>
          );
        })}
      </ol>
      {events.length > count && (
        <button type="button" class="button" onClick={() => setCount(count + STEP)}>
          {hive.others(events.length - count)}
        </button>
      )}
    </>
  );
}

const BAD = /^(die|oom|kill|engine_lost|engine_disconnect|engine_unhealthy|reschedule_wait|health_status: unhealthy)/;
const GOOD = /^(start|engine_connect|reschedule|unpause|health_status: healthy)/;

function toneOf({ action, text = '' }: EventRow): 'bad' | 'good' | '' {
  if (action === 'die' && /\b0\b/.test(text)) return '';
  return BAD.test(action) ? 'bad' : GOOD.test(action) ? 'good' : '';
}
