import { useEffect, useRef, useState } from 'preact/hooks';
import type { ColourBy } from '../hive/look.ts';
import { HiveMap, type MapOptions } from '../hive/map.ts';
import type { Pick } from '../hive/pick.ts';
import { swarm, useSwarm } from '../model/app.ts';
import { kinOf } from '../model/kin.ts';
import { amend, go, useRoute } from '../model/route.ts';
import { searcher } from '../model/search.ts';
import { canMove, useTheme } from '../model/theme.ts';
import { Nothing } from '../parts/fault.tsx';
import { Icon } from '../parts/icon.tsx';
import { useWords } from '../words/words.ts';
import { HiveLegend } from './hive-legend.tsx';
import { HivePanel } from './hive-panel.tsx';
import { HiveSummary } from './hive-summary.tsx';
import { HiveTip, type Tip } from './hive-tip.tsx';
import { HiveTree } from './hive-tree.tsx';

/** The swarm at a glance: as a map, or the same as a list. */
export function HiveView() {
  const { hive } = useWords();
  const { query } = useRoute();
  const { nodes } = useSwarm(1_000);
  const isList = query.get('as') === 'list';
  return (
    <div class="hive">
      <h1 class="unseen">{hive.title}</h1>
      <HiveSummary />
      {nodes.size === 0 ? <Nothing title={hive.empty} text={hive.emptyText} /> : isList ? <HiveTree /> : <LiveMap />}
      <fieldset class="switch as-switch">
        <legend class="unseen">{hive.as}</legend>
        {(['map', 'list'] as const).map((as) => (
          <label key={as}>
            <input
              type="radio"
              name="as"
              checked={isList === (as === 'list')}
              onChange={() => amend({ as: as === 'list' ? 'list' : '' })}
            />
            <span>
              <Icon name={as === 'list' ? 'list' : 'hive'} size={16} />
              {hive[as]}
            </span>
          </label>
        ))}
      </fieldset>
    </div>
  );
}

function LiveMap() {
  const words = useWords();
  const { hive } = words;
  const { query } = useRoute();
  const { palette } = useTheme();
  const ground = useRef<HTMLCanvasElement>(null);
  const spare = useRef<HTMLCanvasElement>(null);
  const top = useRef<HTMLCanvasElement>(null);
  const map = useRef<HiveMap | undefined>(undefined);
  const [tip, setTip] = useState<Tip>();
  const [said, setSaid] = useState('');
  const [, setColours] = useState(0);
  const search = query.get('q') ?? '';
  const kind = query.get('service') ?? '';
  const colourBy: ColourBy = query.get('colour') === 'state' ? 'state' : 'service';
  const chosen = pickOf(query.get('on'));
  const finds = searcher(search);
  const options: MapOptions = {
    palette,
    colourBy,
    isFiltered: search !== '' || kind !== '',
    matches: (row) => (kind === '' || kinOf(row) === kind) && finds.container(row, swarm.nodes.get(row.n)),
    wordFor: (standing) => words.standing[standing],
    canMove: canMove(),
  };
  useEffect(() => {
    if (!ground.current || !spare.current || !top.current) return;
    const made = new HiveMap([ground.current, spare.current], top.current, swarm, options, {
      pointed: (pick, at) => setTip(pick && at ? { pick, at } : undefined),
      chosen: (pick) => amend({ on: pick ? textOf(pick) : '' }),
      cursor: (pick) => setSaid(pick ? nameOf(pick) : ''),
      recoloured: () => setColours((count) => count + 1),
    });
    map.current = made;
    made.choose(chosen);
    setColours((count) => count + 1);
    return () => made.close();
  }, []);
  useEffect(() => {
    if (map.current) map.current.options = options;
  }, [palette, colourBy, search, kind, words]);
  useEffect(() => map.current?.choose(pickOf(query.get('on'))), [query.get('on')]);
  const press = (event: KeyboardEvent): void => {
    if (map.current && !event.ctrlKey && !event.metaKey && pressed(map.current, event)) event.preventDefault();
  };
  return (
    <div class="map-frame">
      <HiveLegend
        colourBy={colourBy}
        kind={kind}
        colourOf={(each) => map.current?.colours.ofKind(each) ?? 'transparent'}
        showGroup={(path) => map.current?.showGroup(path)}
        showAll={() => map.current?.fit()}
      />
      <div class="map">
        <div
          class="map-keys"
          role="application"
          tabIndex={0}
          aria-label={hive.label(swarm.nodes.size, swarm.containers.size)}
          onKeyDown={press}
          onBlur={() => map.current?.setCursor(undefined)}
        >
          <canvas ref={ground} class="map-canvas" />
          <canvas ref={spare} class="map-canvas" />
          <canvas ref={top} class="map-canvas map-top" />
        </div>
        <p class="unseen" aria-live="polite">
          {said}
        </p>
        {tip && <HiveTip tip={tip} />}
        <div class="map-tools">
          <button type="button" class="button" aria-label={hive.zoomIn} onClick={() => map.current?.zoom(1.6)}>
            <Icon name="plus" size={18} />
          </button>
          <button type="button" class="button" aria-label={hive.zoomOut} onClick={() => map.current?.zoom(1 / 1.6)}>
            <Icon name="minus" size={18} />
          </button>
          <button type="button" class="button" aria-label={hive.fit} onClick={() => map.current?.fit()}>
            <Icon name="fit" size={18} />
          </button>
        </div>
      </div>
      {chosen && <HivePanel pick={chosen} close={() => amend({ on: '' })} />}
    </div>
  );
}

const STEPS: Readonly<Record<string, readonly [number, number]>> = {
  ArrowLeft: [-1, 0],
  ArrowRight: [1, 0],
  ArrowUp: [0, -1],
  ArrowDown: [0, 1],
};

/** Whether the key meant something. */
function pressed(map: HiveMap, { key }: KeyboardEvent): boolean {
  const step = STEPS[key];
  if (step) map.step(...step);
  else if (key === '+' || key === '=') map.zoom(1.4);
  else if (key === '-') map.zoom(1 / 1.4);
  else if (key === '0') map.fit();
  else if (key === 'Enter') enter(map);
  else if (key === 'Escape') leave(map);
  else return false;
  return true;
}

function enter(map: HiveMap): void {
  const cursor = map.cursor;
  if (cursor?.kind === 'container') go('containers', cursor.id);
  else if (!map.stepIn() && cursor) amend({ on: textOf(cursor) });
}

function leave(map: HiveMap): void {
  if (!map.stepOut()) amend({ on: '' });
}

function textOf(pick: Pick): string {
  return pick.kind === 'container' ? `container:${pick.id}` : `node:${swarm.nodes.get(pick.n)?.id ?? ''}`;
}

function pickOf(text: string | null): Pick | undefined {
  if (!text) return undefined;
  const id = text.slice(text.indexOf(':') + 1);
  if (text.startsWith('container:')) return { kind: 'container', id };
  const node = swarm.nodeById(id);
  return node && { kind: 'node', n: node.n };
}

function nameOf(pick: Pick): string {
  if (pick.kind === 'node') return swarm.nodes.get(pick.n)?.name ?? '';
  const row = swarm.containers.get(pick.id);
  return row ? `${row.name}, ${row.state}` : '';
}
