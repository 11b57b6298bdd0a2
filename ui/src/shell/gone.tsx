import { useEffect, useRef, useState } from 'preact/hooks';
import { useAgain } from '../model/again.ts';
import { useLink } from '../model/app.ts';
import { Icon } from '../parts/icon.tsx';
import { duration } from '../words/format.ts';
import { useWords } from '../words/words.ts';

/** A word that the manager does not answer is of use after so long only. */
const PATIENCE_MS = 1_200;
const BACK_MS = 4_000;

/** Says over a view that the manager is gone, and that it is back. */
export function Gone() {
  const words = useWords();
  const { gone } = words;
  const { link, heardAt, message } = useLink();
  const again = useAgain();
  const [isBack, setBack] = useState(false);
  const wasShown = useRef(false);
  const isGone = link === 'gone' || link === 'full';
  const isShown = isGone && Date.now() - heardAt > PATIENCE_MS;
  useEffect(() => {
    if (isGone) {
      const timer = setInterval(again, 1_000);
      return () => clearInterval(timer);
    }
    if (link !== 'live' || !wasShown.current) return;
    wasShown.current = false;
    setBack(true);
    const timer = setTimeout(() => setBack(false), BACK_MS);
    return () => clearTimeout(timer);
  }, [isGone, link, again]);
  if (isShown) {
    wasShown.current = true;
    return (
      <div class="banner bad" role="alert">
        <Icon name="warning" />
        <div>
          <strong>{link === 'full' ? words.link.full : gone.title}</strong>
          <p>
            {link === 'full' ? gone.full : gone.text} {message}
          </p>
        </div>
        <span class="banner-age" aria-hidden="true">
          {gone.since(duration(Date.now() - heardAt))}
        </span>
      </div>
    );
  }
  return isBack ? (
    <div class="banner good" role="status">
      <strong>{gone.back}</strong>
    </div>
  ) : null;
}
