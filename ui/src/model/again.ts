import { useCallback, useEffect, useState } from 'preact/hooks';

/** Draws the component anew each time it is called. */
export function useAgain(): () => void {
  const [, set] = useState(0);
  return useCallback(() => set((count) => count + 1), []);
}

/** Listeners of something that there is once per page. */
export class Topic {
  /** How often it told. */
  version = 0;
  readonly #waiting = new Set<() => void>();

  tell(): void {
    this.version += 1;
    for (const again of [...this.#waiting]) again();
  }

  follow(listener: () => void): () => void {
    this.#waiting.add(listener);
    return () => void this.#waiting.delete(listener);
  }
}

/** Draws the component anew whenever the topic tells. */
export function useTopic(topic: Topic): void {
  const again = useAgain();
  const drawn = topic.version;
  useEffect(() => {
    // It may have told between the drawing and now.
    if (topic.version !== drawn) again();
    return topic.follow(again);
  }, [topic, again]);
}
