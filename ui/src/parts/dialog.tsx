import type { ComponentChildren } from 'preact';
import { useEffect, useRef } from 'preact/hooks';
import { useWords } from '../words/words.ts';
import { Icon } from './icon.tsx';

interface DialogProps {
  readonly title: string;
  readonly close: () => void;
  readonly children?: ComponentChildren;
  /** Buttons below, besides the one that closes. */
  readonly actions?: ComponentChildren;
  readonly isDangerous?: boolean;
}

/** A question over the page; Escape and a click beside it close it, the browser keeps the focus inside. */
export function Dialog({ title, close, children, actions, isDangerous }: DialogProps) {
  const { cancel, close: closeWord } = useWords();
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => before instanceof HTMLElement && before.focus();
  }, []);
  return (
    // biome-ignore lint/a11y/useKeyWithClickEvents: Escape does the same, the browser sees to it.
    <dialog
      ref={dialog}
      class={isDangerous ? 'dialog dangerous' : 'dialog'}
      aria-labelledby="dialog-title"
      onClose={close}
      onClick={(event) => event.target === dialog.current && close()}
    >
      <div class="dialog-body">
        <header>
          <h2 id="dialog-title">{title}</h2>
          <button type="button" class="button plain" aria-label={closeWord} onClick={close}>
            <Icon name="close" />
          </button>
        </header>
        {children}
        {actions && (
          <footer>
            <button type="button" class="button" onClick={close}>
              {cancel}
            </button>
            {actions}
          </footer>
        )}
      </div>
    </dialog>
  );
}
