import { useCallback, useEffect, useState } from 'preact/hooks';
import { ask } from './session.ts';

export interface Answer<T> {
  readonly value?: T;
  readonly fault?: unknown;
  readonly isLoading: boolean;
  again(): void;
}

/**
 * Asks the manager, and again when the path changes, when `version` does, or every `everyMs`. What was answered stays while it is asked again; an undefined path asks
 * nothing.
 */
export function useAsk<T>(path: string | undefined, version: unknown = 0, everyMs?: number): Answer<T> {
  const [state, setState] = useState<{ path?: string; value?: T; fault?: unknown; isLoading: boolean }>({
    isLoading: true,
  });
  const [round, setRound] = useState(0);
  useEffect(() => {
    if (path === undefined) return;
    const ending = new AbortController();
    setState((before) => (before.path === path ? { ...before, isLoading: true } : { path, isLoading: true }));
    ask<T>(path, ending.signal).then(
      (value) => setState({ path, value, isLoading: false }),
      (fault: unknown) => {
        if (ending.signal.aborted) return;
        setState((before) => ({ ...before, path, fault, isLoading: false }));
      },
    );
    return () => ending.abort();
  }, [path, version, round]);
  const again = useCallback(() => setRound((count) => count + 1), []);
  useEffect(() => {
    if (everyMs === undefined) return;
    const timer = setInterval(() => document.visibilityState === 'visible' && again(), everyMs);
    return () => clearInterval(timer);
  }, [everyMs, again]);
  const isOther = state.path !== path;
  return isOther ? { isLoading: true, again } : { ...state, again };
}
