import { describe, expect, it } from 'vitest';
import { nodeProblem } from './join.ts';

const ROWS: readonly (readonly [string, string])[] = [
  ['Role', 'primary'],
  ['Nodes', '3'],
  [' queen', '10.0.0.1:2376'],
  ['  └ ID', 'AB'],
  ['  └ Status', 'Healthy'],
  [' (unknown)', '10.0.0.2:2376'],
  ['  └ Status', 'Pending'],
  ['  └ Error', 'certificate has expired'],
  [' w', '10.0.0.3:2376'],
  ['  └ Status', 'Pending'],
  ['  └ Error', '(none)'],
];

describe('nodeProblem', () => {
  it.each([
    ['10.0.0.1:2376', undefined],
    ['10.0.0.2:2376', 'it is Pending: certificate has expired'],
    ['10.0.0.3:2376', 'it is Pending'],
    ['10.0.0.4:2376', 'it does not know the engine yet'],
  ])('%s: %s', (entry, problem) => {
    expect(nodeProblem(ROWS, entry)).toBe(problem);
  });
});
