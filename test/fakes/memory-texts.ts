import type { DurableTexts } from '../../src/cluster/records.ts';

/** Texts that live as long as the test. */
export function memoryTexts(): DurableTexts {
  const texts = new Map<string, string>();
  return {
    list: () => texts,
    put: async (key, value) => {
      texts.set(key, value);
    },
    delete: async (key) => {
      texts.delete(key);
    },
  };
}
