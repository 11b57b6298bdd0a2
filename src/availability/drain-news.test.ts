import { expect, test } from 'vitest';
import type { Notice } from '../notify/notice.ts';
import { DrainNews } from './drain-news.ts';
import type { Plan } from './plan.ts';

const NODE = { id: 'n1', name: 'bee-1' };

function plan(moves: number, stays: readonly string[]): Plan {
  const container = (name: string) => ({ key: name, id: name, name });
  return {
    reason: { kind: 'drain', nodes: [NODE] },
    moves: Array.from({ length: moves }, (_, i) => ({
      container: container(`web-${i}`),
      from: NODE,
      to: { id: 'n2', name: 'bee-2' },
      how: 'start-first' as const,
      why: 'bee-1 is drained',
      generation: 0,
      loses: [],
    })),
    stays: stays.map((name) => ({ container: container(name), node: NODE, why: 'it is bound', waits: true })),
  };
}

function news(): { readonly news: DrainNews; readonly told: string[] } {
  const told: string[] = [];
  return { news: new DrainNews(({ event, text }: Notice) => void told.push(`${event}: ${text}`)), told };
}

test('a drain is told when it begins, and once when nothing more can move', () => {
  const { news: each, told } = news();
  each.asked(NODE);
  each.planned([NODE], plan(2, ['db']));
  each.planned([NODE], plan(1, ['db']));
  each.planned([NODE], plan(0, ['db']));
  each.planned([NODE], plan(0, ['db']));
  expect(told).toEqual([
    'drain-begun: drain of node bee-1 begins: 2 to move, 1 to stay',
    'drain-done: drain of node bee-1 is done: db stays (it is bound)',
  ]);
});

test('a drain of a node without containers is done at once; a manager that starts says nothing of an old one', () => {
  const { news: each, told } = news();
  each.planned([NODE], undefined);
  expect(told).toEqual([]);
  each.asked(NODE);
  each.planned([NODE], undefined);
  expect(told).toEqual(['drain-done: drain of node bee-1 is done: nothing stays']);
});

test('a drain that was ended and begun again is told again, and of what stays at most five are named', () => {
  const { news: each, told } = news();
  each.planned([NODE], plan(1, []));
  each.planned([], undefined);
  each.planned([NODE], plan(1, []));
  each.planned([NODE], plan(0, ['a', 'b', 'c', 'd', 'e', 'f', 'g']));
  expect(told).toHaveLength(3);
  expect(told.at(-1)).toMatch(/e stays \(it is bound\), and 2 more$/);
});
