import { useState } from 'preact/hooks';
import type { ColourBy } from '../hive/look.ts';
import { domainOf } from '../hive/scene.ts';
import { useSwarm } from '../model/app.ts';
import { amend } from '../model/route.ts';
import { useTheme } from '../model/theme.ts';
import { Icon } from '../parts/icon.tsx';
import { number } from '../words/format.ts';
import { useWords } from '../words/words.ts';

interface LegendProps {
  readonly colourBy: ColourBy;
  readonly kind: string;
  readonly colourOf: (kind: string) => string;
  readonly showGroup: (path: readonly string[]) => void;
  readonly showAll: () => void;
}

const SHOWN = 10;

/** What colours and sizes mean; a service is shown alone when it is chosen, a domain is zoomed to. */
export function HiveLegend({ colourBy, kind, colourOf, showGroup, showAll }: LegendProps) {
  const { hive, close } = useWords();
  const [isOpen, setOpen] = useState(innerWidth > 900);
  if (!isOpen) {
    return (
      <button type="button" class="button legend-opener" aria-expanded={false} onClick={() => setOpen(true)}>
        <Icon name="list" size={18} />
        {hive.legend}
      </button>
    );
  }
  return (
    <section class="legend" aria-label={hive.legend}>
      <header>
        <fieldset class="switch">
          <legend class="unseen">{hive.colour}</legend>
          {(['service', 'state'] as const).map((by) => (
            <label key={by}>
              <input
                type="radio"
                name="colour"
                checked={colourBy === by}
                onChange={() => amend({ colour: by === 'state' ? 'state' : '' })}
              />
              <span>{by === 'service' ? hive.byService : hive.byState}</span>
            </label>
          ))}
        </fieldset>
        <button type="button" class="button plain small" aria-label={close} onClick={() => setOpen(false)}>
          <Icon name="close" size={16} />
        </button>
      </header>
      {colourBy === 'service' ? <Services kind={kind} colourOf={colourOf} /> : <States />}
      <p class="legend-note">
        <span class="honey-sample" aria-hidden="true" />
        {hive.honey}
      </p>
      <p class="legend-note">
        <span class="size-sample" aria-hidden="true">
          ⬢⬢
        </span>
        {hive.size}
      </p>
      <Domains showGroup={showGroup} showAll={showAll} />
    </section>
  );
}

function Services({ kind, colourOf }: Pick<LegendProps, 'kind' | 'colourOf'>) {
  const { hive } = useWords();
  const { kinds } = useSwarm(1_000);
  const sorted = [...kinds].sort(([a, x], [b, y]) => y - x || (a < b ? -1 : 1));
  const shown = sorted.slice(0, SHOWN);
  if (kind && !shown.some(([name]) => name === kind)) shown.unshift([kind, kinds.get(kind) ?? 0]);
  return (
    <ul class="legend-list">
      {shown.map(([name, count]) => (
        <li key={name}>
          <button
            type="button"
            class="legend-entry"
            aria-pressed={kind === name}
            onClick={() => amend({ service: kind === name ? '' : name })}
          >
            <span class="swatch" style={{ color: colourOf(name) }} aria-hidden="true">
              ⬢
            </span>
            <span class="legend-name">{name}</span>
            <span class="legend-count">{number(count)}</span>
          </button>
        </li>
      ))}
      {sorted.length > SHOWN && <li class="muted legend-more">{hive.others(sorted.length - SHOWN)}</li>}
    </ul>
  );
}

function States() {
  const { state, health, hive } = useWords();
  const { palette } = useTheme();
  const entries = [
    [palette.good, state.running],
    [palette.info, health.starting],
    [palette.warn, `${state.paused}, ${state.restarting}`],
    [palette.bad, `${health.unhealthy}, ${state.dead}, ${hive.waiting}`],
    [palette.idle, `${state.created}, ${state.exited}`],
  ] as const;
  return (
    <ul class="legend-list">
      {entries.map(([colour, text]) => (
        <li key={text} class="legend-entry">
          <span class="swatch" style={{ color: colour }} aria-hidden="true">
            ⬢
          </span>
          <span class="legend-name">{text}</span>
        </li>
      ))}
    </ul>
  );
}

function Domains({ showGroup, showAll }: Pick<LegendProps, 'showGroup' | 'showAll'>) {
  const { hive } = useWords();
  const { nodes } = useSwarm(2_000);
  const paths = new Map<string, readonly string[]>();
  for (const node of nodes.values()) {
    const path = domainOf(node);
    for (let depth = 1; depth <= path.length; depth++) paths.set(path.slice(0, depth).join('/'), path.slice(0, depth));
  }
  if (paths.size === 0) return null;
  const sorted = [...paths].sort(([a], [b]) => (a < b ? -1 : 1));
  return (
    <div class="legend-domains">
      <label for="domain">{hive.domains}</label>
      <select
        id="domain"
        onChange={(event) => {
          const path = paths.get(event.currentTarget.value);
          if (path) showGroup(path);
          else showAll();
        }}
      >
        <option value="">{hive.whole}</option>
        {sorted.map(([key]) => (
          <option key={key} value={key}>
            {key}
          </option>
        ))}
      </select>
    </div>
  );
}
