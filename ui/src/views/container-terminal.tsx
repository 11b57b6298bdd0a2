import { useEffect, useRef, useState } from 'preact/hooks';
import type { ContainerRow, ExecEnd } from '../../../src/page/protocol.ts';
import { useSession } from '../model/app.ts';
import { useTheme } from '../model/theme.ts';
import { Loading, Nothing } from '../parts/fault.tsx';
import { Icon } from '../parts/icon.tsx';
import { useWords } from '../words/words.ts';

type End = ExecEnd | { readonly why: string };

/** A shell in the container; the terminal itself is loaded when one is opened. */
export function ContainerTerminal({ row }: { readonly row: ContainerRow }) {
  const { terminal: words } = useWords();
  const session = useSession();
  const [round, setRound] = useState(0);
  const [command, setCommand] = useState('');
  const [end, setEnd] = useState<End>();
  if (!session?.actions || !session.has.exec) return <Nothing title={words.readOnly} />;
  const isOpen = round > 0 && end === undefined;
  return (
    <div class="terminal-view">
      {!isOpen && (
        <form
          class="terminal-start"
          onSubmit={(event) => {
            event.preventDefault();
            setEnd(undefined);
            setRound(round + 1);
          }}
        >
          {end && (
            <p class={'why' in end ? 'bad-text' : 'muted'} role="status">
              {'why' in end ? words.failed(end.why) : words.ended(end.exitCode)}
            </p>
          )}
          {row.state !== 'running' && <p class="muted">{words.notRunning}</p>}
          <label class="inline-label">
            <span>{words.command}</span>
            <input
              value={command}
              placeholder={words.commandHint}
              spellcheck={false}
              autocapitalize="off"
              onInput={(event) => setCommand(event.currentTarget.value)}
            />
          </label>
          <button type="submit" class="button primary" disabled={row.state !== 'running'}>
            <Icon name="play" size={16} />
            {round === 0 ? words.open : words.again}
          </button>
        </form>
      )}
      {round > 0 && <Screen key={round} id={row.id} command={command} ended={setEnd} />}
    </div>
  );
}

interface ScreenProps {
  readonly id: string;
  readonly command: string;
  readonly ended: (end: End) => void;
}

function Screen({ id, command, ended }: ScreenProps) {
  const { terminal: words } = useWords();
  const { isDark } = useTheme();
  const box = useRef<HTMLDivElement>(null);
  const [isLoading, setLoading] = useState(true);
  useEffect(() => {
    let close: (() => void) | undefined;
    let isGone = false;
    void import('../terminal/session.ts').then(
      ({ openTerminal }) => {
        if (isGone || !box.current) return;
        setLoading(false);
        const wanted = command.split(/\s+/).filter(Boolean);
        close = openTerminal(box.current, { container: id, command: wanted, isDark, label: words.label, ended });
      },
      (error: unknown) => ended({ why: String(error) }),
    );
    return () => {
      isGone = true;
      close?.();
    };
  }, []);
  return (
    <>
      {isLoading && <Loading />}
      <div ref={box} class="terminal" />
    </>
  );
}
