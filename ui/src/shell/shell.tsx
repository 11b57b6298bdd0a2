import type { ComponentChildren } from 'preact';
import { useState } from 'preact/hooks';
import { useLink, useSession, useSwarm } from '../model/app.ts';
import { useRoute } from '../model/route.ts';
import { Icon } from '../parts/icon.tsx';
import { useWords } from '../words/words.ts';
import { Gone } from './gone.tsx';
import { Keys, useShortcuts } from './keys.tsx';
import { Logo } from './logo.tsx';
import { BottomBar, Rail } from './navigation.tsx';
import { SearchBox } from './search-box.tsx';
import { Settings } from './settings.tsx';

/** The frame around every view. */
export function Shell({ children }: { readonly children: ComponentChildren }) {
  const words = useWords();
  const { link } = useLink();
  const { hello } = useSwarm(1_000);
  const session = useSession();
  const { view } = useRoute();
  const [isSettings, setSettings] = useState(false);
  const [isKeys, setKeys] = useState(false);
  useShortcuts(() => setKeys(true));
  const name = hello?.cluster.name;
  return (
    <div class="shell">
      <button type="button" class="skip" onClick={() => document.getElementById('content')?.focus()}>
        {words.skip}
      </button>
      <header class="top">
        <a class="brand" href="#/hive" aria-label="Enxame">
          <Logo size={30} />
          <span class="brand-name">Enxame</span>
          {name && <span class="brand-cluster">{name}</span>}
        </a>
        <SearchBox />
        <div class="top-end">
          {session && !session.actions && (
            <span class="read-only" title={words.readOnlyHint}>
              <Icon name="lock" size={16} />
              <span class="wide">{words.readOnly}</span>
            </span>
          )}
          <span class={`link-state ${link}`} role="status">
            <span class="link-dot" aria-hidden="true" />
            <span class="link-word">{words.link[link]}</span>
          </span>
          <button
            type="button"
            class="button plain"
            aria-label={`${words.theme}, ${words.languageOf}`}
            onClick={() => setSettings(true)}
          >
            <Icon name="settings" />
          </button>
        </div>
      </header>
      <Rail view={view} />
      <main id="content" class={`content view-${view}`} tabIndex={-1}>
        <Gone />
        {children}
      </main>
      <BottomBar view={view} />
      {isSettings && (
        <Settings
          close={() => setSettings(false)}
          openKeys={() => {
            setSettings(false);
            setKeys(true);
          }}
        />
      )}
      {isKeys && <Keys close={() => setKeys(false)} />}
    </div>
  );
}
