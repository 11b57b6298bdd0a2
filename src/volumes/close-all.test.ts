import { expect, test } from 'vitest';
import { closeAll } from './close-all.ts';

test('what is on a node that is away does not keep what is on others open', async () => {
  const closed: string[] = [];
  const away = { close: () => Promise.reject(new Error('node-1 is away')) };
  const there = { close: async () => void closed.push('there') };
  const open = new Set([away, there]);
  await expect(closeAll(open)).rejects.toThrow('node-1 is away');
  expect(closed).toEqual(['there']);
  expect([...open]).toEqual([away]);
});
