import { useEffect } from 'preact/hooks';
import { go } from '../model/route.ts';
import { Dialog } from '../parts/dialog.tsx';
import { useWords } from '../words/words.ts';

const PLACES: Readonly<Record<string, string>> = {
  h: 'hive',
  c: 'containers',
  n: 'nodes',
  i: 'images',
  e: 'events',
  p: 'plans',
};
/** How long `g` waits for its second key. */
const WAIT_MS = 1_200;

/** Keys that work in every view, but not while something is typed. */
export function useShortcuts(openKeys: () => void): void {
  useEffect(() => {
    let wentAt = 0;
    const press = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      const place = PLACES[event.key];
      if (place && performance.now() - wentAt < WAIT_MS) {
        wentAt = 0;
        go(place);
      } else if (event.key === 'g') {
        wentAt = performance.now();
      } else if (event.key === '/') {
        document.getElementById('search')?.focus();
        event.preventDefault();
      } else if (event.key === '?') {
        openKeys();
      }
    };
    window.addEventListener('keydown', press);
    return () => window.removeEventListener('keydown', press);
  }, []);
}

function isTyping(target: EventTarget | null): boolean {
  return target instanceof HTMLElement && target.closest('input, textarea, select, dialog, .terminal') !== null;
}

export function Keys({ close }: { readonly close: () => void }) {
  const { keys } = useWords();
  return (
    <Dialog title={keys.title} close={close}>
      <dl class="keys">
        {keys.list.map(([key, what]) => (
          <div key={key}>
            <dt>
              <kbd>{key}</kbd>
            </dt>
            <dd>{what}</dd>
          </div>
        ))}
      </dl>
    </Dialog>
  );
}
