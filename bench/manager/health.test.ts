import { describe, expect, test } from 'vitest';
import { HEALTHY_COUNTS } from './health.ts';

const POPULATION = { nodes: 3, containers: 10 };
const rows = (...states: string[]): [string, string][] => states.map((state) => ['  └ Status', state]);

describe('HEALTHY_COUNTS', () => {
  test.each([
    ['auto', { Containers: 30, SystemStatus: rows('Healthy', 'Healthy', 'Unhealthy') }, 2],
    ['auto', { Containers: 10, SystemStatus: rows('Healthy', 'Healthy', 'Healthy') }, 1],
    ['auto', { Containers: 30, SystemStatus: null }, 3],
    ['status', { Containers: 0, SystemStatus: rows('Healthy', 'Pending') }, 1],
    ['containers', { Containers: 29 }, 2],
    ['auto', {}, 0],
  ] as const)('%s of %j is %i', (how, info, count) => {
    expect(HEALTHY_COUNTS[how](info, POPULATION)).toBe(count);
  });
});
