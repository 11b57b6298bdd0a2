import { useState } from 'preact/hooks';
import type { ContainerRow, NodeRow } from '../../../src/page/protocol.ts';
import { type Standing, standingOf } from '../hive/comb.ts';
import { hrefOf } from '../model/route.ts';
import { percent } from '../words/format.ts';
import { useWords } from '../words/words.ts';

const STANDING_TONES: Readonly<Record<Standing, string>> = {
  healthy: 'good',
  pending: 'idle',
  unhealthy: 'bad',
  lost: 'bad',
  drill: 'info',
  drain: 'warn',
  pause: 'warn',
};

export function NodeBadge({ node }: { readonly node: NodeRow }) {
  const { standing } = useWords();
  const is = standingOf(node);
  return (
    <span class={`badge ${STANDING_TONES[is]}`} title={node.reason}>
      {standing[is]}
    </span>
  );
}

export function toneOf({ state, health, exitCode, wait }: ContainerRow): string {
  if (wait !== undefined || health === 'unhealthy' || state === 'dead') return 'bad';
  if (state === 'running') return health === 'starting' ? 'info' : 'good';
  if (state === 'exited') return exitCode ? 'bad' : 'idle';
  return state === 'created' ? 'idle' : 'warn';
}

export function StateBadge({ row }: { readonly row: ContainerRow }) {
  const { state, health, hive } = useWords();
  const text = row.wait !== undefined ? hive.waiting : state[row.state];
  const more = row.state === 'exited' && row.exitCode ? ` ${row.exitCode}` : '';
  const isTold = row.health && row.state === 'running' && row.health !== 'healthy';
  return (
    <span class={`badge ${toneOf(row)}`} title={row.wait}>
      {isTold && row.health ? health[row.health] : `${text}${more}`}
    </span>
  );
}

export function NodeLink({ node }: { readonly node: NodeRow | undefined }) {
  const { unknown } = useWords();
  if (!node) return <span class="muted">{unknown}</span>;
  const tone = STANDING_TONES[standingOf(node)];
  return (
    <a href={hrefOf('nodes', node.id)} class="link">
      {tone !== 'good' && <span class={`dot ${tone}`} aria-hidden="true" />}
      {node.name}
    </a>
  );
}

/** How much of something is taken: a bar, and the same in words. */
export function Meter({
  part,
  label,
  text,
}: {
  readonly part: number;
  readonly label: string;
  readonly text?: string;
}) {
  const bounded = Math.min(1, Math.max(0, part));
  return (
    <span class="meter" title={`${label}: ${text ?? percent(part)}`}>
      <span class="meter-track" aria-hidden="true">
        <span
          class={bounded > 0.9 ? 'meter-fill bad' : bounded > 0.75 ? 'meter-fill warn' : 'meter-fill'}
          style={{ width: `${bounded * 100}%` }}
        />
      </span>
      <span class="meter-text">{text ?? percent(part)}</span>
    </span>
  );
}

export function CopyButton({ text, label }: { readonly text: string; readonly label: string }) {
  const { copied } = useWords();
  const [isDone, setDone] = useState(false);
  const copy = async (): Promise<void> => {
    await navigator.clipboard.writeText(text);
    setDone(true);
    setTimeout(() => setDone(false), 1_500);
  };
  // Browsers have a clipboard for pages of this machine and over TLS only.
  if (!navigator.clipboard) return null;
  return (
    <button type="button" class="button plain small" onClick={() => void copy()}>
      {isDone ? copied : label}
    </button>
  );
}
