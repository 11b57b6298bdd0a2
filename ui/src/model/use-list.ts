import { useEffect, useState } from 'preact/hooks';
import { swarm } from './app.ts';
import { type Answer, useAsk } from './ask.ts';

/** What nodes hold is asked anew at most so often. */
const PAUSE_MS = 3_000;

/** A list of what nodes hold, asked anew after events of the given type. */
export function useList<T>(path: string, eventType: string): Answer<readonly T[]> {
  const [version, setVersion] = useState(0);
  useEffect(() => {
    let timer: number | undefined;
    let seen = swarm.events.at(-1)?.seq ?? 0;
    const end = swarm.follow(() => {
      const fresh = swarm.events.filter(({ seq }) => seq > seen);
      seen = swarm.events.at(-1)?.seq ?? seen;
      if (timer !== undefined || !fresh.some(({ type }) => type === eventType || type === 'node')) return;
      timer = window.setTimeout(() => {
        timer = undefined;
        setVersion((count) => count + 1);
      }, PAUSE_MS);
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [eventType]);
  return useAsk<readonly T[]>(path, version);
}
