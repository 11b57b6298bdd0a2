import type { VNode } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { type LogLine, LogReader } from '../model/docker-stream.ts';
import { call } from '../model/session.ts';
import { messageOf } from '../parts/fault.tsx';
import { Icon } from '../parts/icon.tsx';
import { useWords } from '../words/words.ts';

/** Lines that are kept here; the container's engine has all. */
const MOST_LINES = 5_000;
const TAIL = 1_000;
/** How often new lines are shown. */
const SHOW_MS = 120;
const RETRY_MS = 2_000;

interface Logs {
  readonly lines: readonly LogLine[];
  readonly dropped: number;
  readonly isEnded: boolean;
  readonly fault: unknown;
}

const NO_LOGS: Logs = { lines: [], dropped: 0, isEnded: false, fault: undefined };

/** The logs as they are written: with a search, and a pause in which nothing is lost. */
export function ContainerLogs({ id }: { readonly id: string }) {
  const { logs: words, faults, search: searchWord } = useWords();
  const { lines, dropped, isEnded, fault } = useLogs(id);
  const [search, setSearch] = useState('');
  const [isOnly, setOnly] = useState(false);
  const [hasTimes, setTimes] = useState(false);
  const [wraps, setWraps] = useState(true);
  const [paused, setPaused] = useState<readonly LogLine[]>();
  const shown = paused ?? lines;
  const lower = search.toLowerCase();
  const matching = useMemo(
    () => (lower === '' ? shown : shown.filter(({ text }) => text.toLowerCase().includes(lower))),
    [shown, lower],
  );
  const visible = isOnly && lower !== '' ? matching : shown;
  const { box, isAtEnd, toEnd, watch } = useEnd(visible);
  const news = paused ? lines.length + dropped - (paused.at(-1)?.seq ?? -1) - 1 : 0;
  return (
    <div class="logs">
      <div class="log-tools">
        <label class="log-search">
          <Icon name="search" size={16} />
          <span class="unseen">{words.search}</span>
          <input
            type="search"
            value={search}
            placeholder={searchWord}
            onInput={(event) => setSearch(event.currentTarget.value)}
          />
        </label>
        {lower !== '' && <span class="muted">{words.matches(matching.length)}</span>}
        <Toggle isOn={isOnly} set={setOnly} word={words.onlyMatches} />
        <Toggle isOn={hasTimes} set={setTimes} word={words.times} />
        <Toggle isOn={wraps} set={setWraps} word={words.wrap} />
        <button type="button" class="button" onClick={() => setPaused(paused ? undefined : lines)}>
          <Icon name={paused ? 'play' : 'pause'} size={16} />
          {paused ? words.resume : words.pause}
        </button>
        {paused && news > 0 && <span class="badge info">{words.paused(news)}</span>}
      </div>
      <section
        class={`log-box${wraps ? ' wraps' : ''}`}
        ref={box}
        onScroll={watch}
        tabIndex={0}
        aria-label={words.label}
      >
        {dropped > 0 && <p class="muted">{words.clipped(dropped)}</p>}
        {visible.map((line) => (
          <div key={line.seq} class={line.isError ? 'log-line error' : 'log-line'}>
            {hasTimes && <time>{line.at.replace('T', ' ').slice(0, 23)} </time>}
            {lower === '' ? line.text : <Marked text={line.text} part={lower} />}
          </div>
        ))}
        {lines.length === 0 && fault === undefined && <p class="muted">{isEnded ? words.empty : '…'}</p>}
        {isEnded && fault === undefined && lines.length > 0 && <p class="muted">{words.ended}</p>}
        {fault !== undefined && (
          <p class="bad-text" role="alert">
            {words.lost} {messageOf(fault, faults.gone)}
          </p>
        )}
      </section>
      {!isAtEnd && (
        <button type="button" class="button primary log-end" onClick={toEnd}>
          <Icon name="down" size={16} />
          {words.follow}
        </button>
      )}
    </div>
  );
}

function Toggle({ isOn, set, word }: { isOn: boolean; set: (isOn: boolean) => void; word: string }) {
  return (
    <label class="check">
      <input type="checkbox" checked={isOn} onChange={(event) => set(event.currentTarget.checked)} />
      <span>{word}</span>
    </label>
  );
}

function Marked({ text, part }: { readonly text: string; readonly part: string }) {
  const pieces: (string | VNode)[] = [];
  const lower = text.toLowerCase();
  let from = 0;
  for (let at = lower.indexOf(part); at >= 0; at = lower.indexOf(part, from)) {
    pieces.push(text.slice(from, at), <mark key={at}>{text.slice(at, at + part.length)}</mark>);
    from = at + part.length;
  }
  return (
    <>
      {pieces}
      {text.slice(from)}
    </>
  );
}

/** Stays at the end while new lines come, unless the reader went up. */
function useEnd(lines: readonly LogLine[]) {
  const box = useRef<HTMLElement>(null);
  const [isAtEnd, setAtEnd] = useState(true);
  const toEnd = (): void => {
    if (box.current) box.current.scrollTop = box.current.scrollHeight;
    setAtEnd(true);
  };
  const watch = (): void => {
    const element = box.current;
    if (element) setAtEnd(element.scrollHeight - element.scrollTop - element.clientHeight < 40);
  };
  useEffect(() => {
    if (isAtEnd && box.current) box.current.scrollTop = box.current.scrollHeight;
  }, [lines, isAtEnd]);
  return { box, isAtEnd, toEnd, watch };
}

function useLogs(id: string): Logs {
  const [logs, setLogs] = useState(NO_LOGS);
  useEffect(() => {
    const ending = new AbortController();
    setLogs(NO_LOGS);
    const waiting: LogLine[] = [];
    const show = (): void => {
      if (waiting.length === 0) return;
      const fresh = waiting.splice(0);
      setLogs((before) => {
        const all = [...before.lines, ...fresh];
        const extra = Math.max(0, all.length - MOST_LINES);
        return { ...before, fault: undefined, lines: all.slice(extra), dropped: before.dropped + extra };
      });
    };
    const timer = setInterval(show, SHOW_MS);
    void readLogs(id, ending.signal, (lines) => waiting.push(...lines)).then(
      () => {
        show();
        setLogs((before) => ({ ...before, isEnded: true }));
      },
      (fault: unknown) => {
        show();
        if (!ending.signal.aborted) setLogs((before) => ({ ...before, fault }));
      },
    );
    return () => {
      ending.abort();
      clearInterval(timer);
    };
  }, [id]);
  return logs;
}

/** Reads until the container has ended; where the manager breaks off, goes on from the last line. */
async function readLogs(id: string, signal: AbortSignal, take: (lines: readonly LogLine[]) => void): Promise<void> {
  const lines: LogLine[] = [];
  let seq = 0;
  let last = '';
  const give = (found: readonly LogLine[]): void => {
    const fresh = found.filter(({ at }) => last === '' || at > last || at === '');
    for (const line of fresh) lines.push({ ...line, seq: seq++ });
    last = found.at(-1)?.at || last;
    take(lines.splice(0));
  };
  for (;;) {
    const since = last === '' ? `tail=${TAIL}` : `since=${Math.floor(Date.parse(last) / 1000)}&tail=${TAIL}`;
    const response = await call('GET', `containers/${id}/logs?follow=1&timestamps=1&${since}`, { signal });
    const reader = new LogReader(response.headers.get('content-type') ?? '');
    const bytes = response.body?.getReader();
    try {
      for (let part = await bytes?.read(); part?.value; part = await bytes?.read()) give(reader.take(part.value));
      give(reader.end());
      return;
    } catch (error) {
      if (signal.aborted) throw error;
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}
