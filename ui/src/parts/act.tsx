import { useState } from 'preact/hooks';
import { call } from '../model/session.ts';
import { useWords } from '../words/words.ts';
import { Dialog } from './dialog.tsx';
import { messageOf } from './fault.tsx';
import { Icon, type IconName } from './icon.tsx';

export interface ActProps {
  readonly word: string;
  readonly icon: IconName;
  readonly method?: string;
  readonly path: string;
  readonly body?: unknown;
  /** What is asked before; without it is done at once. */
  readonly sure?: string;
  readonly text?: string;
  /** Choices that add to the query of the path. */
  readonly choices?: readonly { readonly name: string; readonly word: string; readonly isOn: boolean }[];
  readonly isDangerous?: boolean;
  readonly isDisabled?: boolean;
  readonly done?: () => void;
}

/** A button that changes something, with a question where that cannot be undone, and the manager's words when it is refused. */
export function Act(props: ActProps) {
  const { word, icon, sure, isDangerous, isDisabled } = props;
  const [isAsking, setAsking] = useState(false);
  const { isBusy, fault, act, forget } = useAct(props);
  const { act: words, faults, close } = useWords();
  return (
    <>
      <button
        type="button"
        class={isDangerous ? 'button danger' : 'button'}
        disabled={isDisabled || isBusy}
        onClick={() => (sure ? setAsking(true) : void act(''))}
      >
        <Icon name={icon} size={17} />
        {word}
      </button>
      {isAsking && (
        <Sure
          {...props}
          isBusy={isBusy}
          close={() => setAsking(false)}
          act={(query) => {
            setAsking(false);
            void act(query);
          }}
        />
      )}
      {fault !== undefined && (
        <Dialog
          title={words.failed}
          close={forget}
          isDangerous
          actions={
            <button type="button" class="button primary" onClick={forget}>
              {close}
            </button>
          }
        >
          <p role="alert">{messageOf(fault, faults.gone)}</p>
        </Dialog>
      )}
    </>
  );
}

function useAct({ method = 'POST', path, body, done }: ActProps) {
  const [isBusy, setBusy] = useState(false);
  const [fault, setFault] = useState<unknown>();
  const act = async (query: string): Promise<void> => {
    setBusy(true);
    try {
      await call(method, `${path}${query}`, body === undefined ? {} : { body });
      done?.();
    } catch (error) {
      setFault(error);
    }
    setBusy(false);
  };
  return { isBusy, fault, act, forget: () => setFault(undefined) };
}

interface SureProps extends ActProps {
  readonly isBusy: boolean;
  readonly close: () => void;
  readonly act: (query: string) => void;
}

function Sure({ sure = '', text, word, choices = [], isDangerous, isBusy, close, act }: SureProps) {
  const [chosen, setChosen] = useState(() => new Set(choices.filter(({ isOn }) => isOn).map(({ name }) => name)));
  const query = new URLSearchParams([...chosen].map((name) => [name, '1'])).toString();
  const choose = (name: string, isOn: boolean): void => {
    const next = new Set(chosen);
    if (isOn) next.add(name);
    else next.delete(name);
    setChosen(next);
  };
  return (
    <Dialog
      title={sure}
      close={close}
      isDangerous={isDangerous ?? false}
      actions={
        <button
          type="button"
          class={isDangerous ? 'button danger' : 'button primary'}
          disabled={isBusy}
          onClick={() => act(query ? `?${query}` : '')}
        >
          {word}
        </button>
      }
    >
      {text && <p>{text}</p>}
      {choices.map(({ name, word: choice }) => (
        <p key={name}>
          <label class="check">
            <input
              type="checkbox"
              checked={chosen.has(name)}
              onChange={(event) => choose(name, event.currentTarget.checked)}
            />
            <span>{choice}</span>
          </label>
        </p>
      ))}
    </Dialog>
  );
}
