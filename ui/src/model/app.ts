import { useEffect } from 'preact/hooks';
import type { SessionAnswer } from '../../../src/page/protocol.ts';
import { Topic, useAgain, useTopic } from './again.ts';
import { ask, TOKEN_KEY } from './session.ts';
import { Stream } from './stream.ts';
import { Swarm } from './swarm.ts';

/** The one swarm of this page, and the stream that feeds it. */
export const swarm: Swarm = new Swarm();

const linkTopic = new Topic();
export const stream: Stream = new Stream(swarm, () => {
  linkTopic.tell();
  if (stream.link === 'live') void readSession();
});

// Somebody logged in at another tab.
window.addEventListener('storage', ({ key, newValue }) => {
  if (key === TOKEN_KEY && newValue !== null && stream.link === 'login') stream.open();
});

/** Draws the component anew when the link to the manager changes. */
export function useLink(): Stream {
  useTopic(linkTopic);
  return stream;
}

let session: SessionAnswer | undefined;
const sessionTopic = new Topic();

/** What this session may do, and what the manager has; undefined until it has said so. */
export function useSession(): SessionAnswer | undefined {
  useTopic(sessionTopic);
  return session;
}

async function readSession(): Promise<void> {
  try {
    session = await ask<SessionAnswer>('session', AbortSignal.timeout(10_000));
    sessionTopic.tell();
  } catch {
    // The stream says what is wrong.
  }
}

/** Draws the component anew when the swarm changed, at most once in `everyMs`: text that changes faster cannot be read. */
export function useSwarm(everyMs = 250): Swarm {
  const again = useAgain();
  const drawn = swarm.version;
  useEffect(() => {
    if (swarm.version !== drawn) again();
    let timer: number | undefined;
    let last = 0;
    const end = swarm.follow(({ isWhole }) => {
      if (timer !== undefined && !isWhole) return;
      clearTimeout(timer);
      const wait = isWhole ? 0 : Math.max(0, everyMs - (performance.now() - last));
      timer = window.setTimeout(() => {
        timer = undefined;
        last = performance.now();
        again();
      }, wait);
    });
    return () => {
      end();
      clearTimeout(timer);
    };
  }, [everyMs, again]);
  return swarm;
}
