import { stream, useSession } from '../model/app.ts';
import { logout } from '../model/session.ts';
import { setTheme, type Theme, useTheme } from '../model/theme.ts';
import { Dialog } from '../parts/dialog.tsx';
import { Icon } from '../parts/icon.tsx';
import { currentLanguage, LANGUAGE_NAMES, setLanguage, useWords } from '../words/words.ts';

const THEMES: readonly Theme[] = ['auto', 'light', 'dark'];

interface SettingsProps {
  readonly close: () => void;
  readonly openKeys: () => void;
}

/** Colours, language, and the way out. */
export function Settings({ close, openKeys }: SettingsProps) {
  const words = useWords();
  const { theme } = useTheme();
  const session = useSession();
  const leave = async (): Promise<void> => {
    await logout();
    stream.open();
    close();
  };
  return (
    <Dialog title={`${words.theme}, ${words.languageOf}`} close={close}>
      <fieldset class="choices">
        <legend>{words.theme}</legend>
        {THEMES.map((each) => (
          <label key={each}>
            <input type="radio" name="theme" checked={theme === each} onChange={() => setTheme(each)} />
            <span>{words.themes[each]}</span>
          </label>
        ))}
      </fieldset>
      <fieldset class="choices">
        <legend>{words.languageOf}</legend>
        {LANGUAGE_NAMES.map(([each, name]) => (
          <label key={each} lang={each}>
            <input
              type="radio"
              name="language"
              checked={currentLanguage() === each}
              onChange={() => setLanguage(each)}
            />
            <span>{name}</span>
          </label>
        ))}
      </fieldset>
      <div class="settings-end">
        <button type="button" class="button" onClick={openKeys}>
          <Icon name="key" size={18} />
          {words.keys.open}
        </button>
        <button type="button" class="button" onClick={() => void leave()}>
          {words.logout}
        </button>
        {session && <span class="muted">Enxame {session.version}</span>}
      </div>
    </Dialog>
  );
}
