import { useEffect, useState } from 'preact/hooks';
import { stream } from '../model/app.ts';
import { login } from '../model/session.ts';
import { takeWanted, want } from '../model/wanted.ts';
import { messageOf } from '../parts/fault.tsx';
import { Icon } from '../parts/icon.tsx';
import { useWords } from '../words/words.ts';
import { Logo } from './logo.tsx';

/** Exchanges the link that the page was opened with, or says how to get one. */
export function Login() {
  const { login: words, faults } = useWords();
  const [fault, setFault] = useState<unknown>();
  const [isChecking, setChecking] = useState(false);
  const tryLink = async (link: string): Promise<void> => {
    setChecking(true);
    setFault(undefined);
    // The secret is good once: it is of no use in the browser's history.
    if (secretOf(location.hash)) history.replaceState(null, '', '#/');
    try {
      await login(link);
      history.replaceState(null, '', takeWanted());
      stream.open();
      window.dispatchEvent(new HashChangeEvent('hashchange'));
    } catch (error) {
      setFault(error);
      setChecking(false);
    }
  };
  useEffect(() => {
    const open = (): void => {
      const secret = secretOf(location.hash);
      if (secret) void tryLink(secret);
    };
    want(location.hash);
    open();
    window.addEventListener('hashchange', open);
    return () => window.removeEventListener('hashchange', open);
  }, []);
  return (
    <main class="gate">
      <Logo size={72} />
      <h1>Enxame</h1>
      {isChecking ? (
        <p role="status">{words.checking}</p>
      ) : (
        <>
          {fault !== undefined && (
            <div class="notice bad" role="alert">
              <Icon name="warning" />
              <div>
                <strong>{words.failed}</strong>
                <p>{messageOf(fault, faults.gone)}</p>
              </div>
            </div>
          )}
          <p>{fault === undefined ? words.text : words.used}</p>
          <pre class="command">enxame page</pre>
          <form
            class="paste"
            onSubmit={(event) => {
              event.preventDefault();
              const pasted = String(new FormData(event.currentTarget).get('link') ?? '').trim();
              const secret = secretOf(pasted.slice(Math.max(0, pasted.indexOf('#')))) || pasted;
              if (secret) void tryLink(secret);
            }}
          >
            <label for="paste-link">{words.paste}</label>
            <div class="paste-row">
              <input id="paste-link" name="link" autocomplete="off" spellcheck={false} placeholder="http://…/#…" />
              <button type="submit" class="button primary">
                {words.go}
              </button>
            </div>
          </form>
        </>
      )}
    </main>
  );
}

/** What stands behind `#` in a login link; empty for the address of a view. */
function secretOf(hash: string): string {
  return hash.startsWith('#') && !hash.startsWith('#/') ? hash.slice(1) : '';
}
