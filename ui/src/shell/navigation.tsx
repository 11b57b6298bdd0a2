import { useState } from 'preact/hooks';
import { useSwarm } from '../model/app.ts';
import { hrefOf } from '../model/route.ts';
import { Dialog } from '../parts/dialog.tsx';
import { Icon, type IconName } from '../parts/icon.tsx';
import { number } from '../words/format.ts';
import { useWords } from '../words/words.ts';

type View = 'hive' | 'containers' | 'nodes' | 'images' | 'networks' | 'volumes' | 'events' | 'plans' | 'bill';

const SECTIONS: readonly (readonly View[])[] = [
  ['hive', 'containers', 'nodes'],
  ['images', 'networks', 'volumes'],
  ['events', 'plans', 'bill'],
];
const FIRST: readonly View[] = ['hive', 'containers', 'nodes', 'events'];

function Entry({ name, view, count, close }: { name: View; view: string; count?: number; close?: () => void }) {
  const { views } = useWords();
  return (
    <a href={hrefOf(name)} class="nav-entry" aria-current={name === view ? 'page' : undefined} onClick={close}>
      <Icon name={name as IconName} />
      <span class="nav-word">{views[name]}</span>
      {count !== undefined && <span class="nav-count">{number(count)}</span>}
    </a>
  );
}

/** The views, beside the page. */
export function Rail({ view }: { readonly view: string }) {
  const { navigation } = useWords();
  const { nodes, containers } = useSwarm(1_000);
  const counts: Partial<Record<View, number>> = { containers: containers.size, nodes: nodes.size };
  return (
    <nav class="rail" aria-label={navigation}>
      {SECTIONS.map((section) => (
        <div class="rail-section" key={section[0]}>
          {section.map((name) => (
            <Entry
              key={name}
              name={name}
              view={view}
              {...(counts[name] === undefined ? {} : { count: counts[name] })}
            />
          ))}
        </div>
      ))}
    </nav>
  );
}

/** The views, below the page on a phone; the less used ones behind `more`. */
export function BottomBar({ view }: { readonly view: string }) {
  const { navigation, more } = useWords();
  const [isOpen, setOpen] = useState(false);
  const rest = SECTIONS.flat().filter((name) => !FIRST.includes(name));
  return (
    <nav class="bottom" aria-label={navigation}>
      {FIRST.map((name) => (
        <Entry key={name} name={name} view={view} />
      ))}
      <button
        type="button"
        class={rest.includes(view as View) ? 'nav-entry is-current' : 'nav-entry'}
        aria-haspopup="dialog"
        onClick={() => setOpen(true)}
      >
        <Icon name="more" />
        <span class="nav-word">{more}</span>
      </button>
      {isOpen && (
        <Dialog title={navigation} close={() => setOpen(false)}>
          <div class="more-views">
            {rest.map((name) => (
              <Entry key={name} name={name} view={view} close={() => setOpen(false)} />
            ))}
          </div>
        </Dialog>
      )}
    </nav>
  );
}
