import { useEffect, useState } from 'preact/hooks';
import { amend, go, useRoute } from '../model/route.ts';
import { Icon } from '../parts/icon.tsx';
import { useWords } from '../words/words.ts';

const PAUSE_MS = 150;
/** Views that search in what they show; from others a search goes to the containers. */
const SEARCHED = new Set(['hive', 'containers', 'nodes', 'images', 'networks', 'volumes', 'events']);

/** One search for all views; what is sought is in the address. */
export function SearchBox() {
  const { search, searchHint } = useWords();
  const { view, part, query } = useRoute();
  const asked = query.get('q') ?? '';
  const [text, setText] = useState(asked);
  useEffect(() => setText(asked), [asked, view]);
  useEffect(() => {
    if (text === asked) return;
    const timer = setTimeout(() => {
      if (SEARCHED.has(view) && part === '') amend({ q: text });
      else go('containers', '', { q: text });
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  }, [text, asked, view, part]);
  return (
    <search class="search">
      <Icon name="search" size={18} />
      <input
        id="search"
        type="search"
        value={text}
        placeholder={searchHint}
        aria-label={search}
        autocomplete="off"
        spellcheck={false}
        onInput={(event) => setText(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key !== 'Escape') return;
          setText('');
          event.currentTarget.blur();
        }}
      />
      <kbd aria-hidden="true">/</kbd>
    </search>
  );
}
