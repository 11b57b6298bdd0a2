import { useWords } from '../words/words.ts';
import { Logo } from './logo.tsx';

/** The manager was replaced by one of another version while the page was open. */
export function Old() {
  const { old } = useWords();
  return (
    <main class="gate">
      <Logo size={64} />
      <h1>{old.title}</h1>
      <p>{old.text}</p>
      <button type="button" class="button primary" onClick={() => location.reload()}>
        {old.reload}
      </button>
    </main>
  );
}
