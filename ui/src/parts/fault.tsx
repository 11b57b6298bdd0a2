import { PageFault } from '../model/session.ts';
import { useWords } from '../words/words.ts';
import { Icon } from './icon.tsx';

/** What went wrong, in the manager's words. */
export function messageOf(fault: unknown, gone: string): string {
  return fault instanceof PageFault ? fault.message : gone;
}

export function Fault({ fault, again }: { readonly fault: unknown; readonly again?: () => void }) {
  const { faults, retry } = useWords();
  return (
    <div class="notice bad" role="alert">
      <Icon name="warning" />
      <div>
        <strong>{faults.title}</strong>
        <p>{messageOf(fault, faults.gone)}</p>
      </div>
      {again && (
        <button type="button" class="button" onClick={again}>
          {retry}
        </button>
      )}
    </div>
  );
}

/** What is said in place of a view that has nothing to show. */
export function Nothing({ title, text }: { readonly title: string; readonly text?: string }) {
  return (
    <div class="nothing">
      <svg viewBox="0 0 120 104" width="96" height="83" aria-hidden="true" focusable="false">
        <path
          d="M30 0 60 17v35L30 69 0 52V17zM90 0l30 17v35L90 69 60 52V17zM60 52l30 17v35H30V69z"
          class="nothing-cells"
        />
      </svg>
      <h2>{title}</h2>
      {text && <p>{text}</p>}
    </div>
  );
}

export function Loading() {
  const { loading } = useWords();
  return (
    <div class="loading" role="status">
      <span class="loading-cell" />
      <span>{loading}</span>
    </div>
  );
}
