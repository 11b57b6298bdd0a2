import { afterAll, beforeAll } from 'vitest';
import type { Generation } from '../../src/lab/lab.ts';
import { composeScenarios } from '../matrix/scenarios/compose.ts';
import { MIXED, type Swarm, startSwarm } from '../matrix/swarm.ts';

/** The oldest and the newest compose over engines of all generations; `npm run test:matrix` has every pair. */
const CORNERS: readonly Generation[] = ['20.10', '28.5'];

let swarm: Swarm;

beforeAll(async () => {
  swarm = await startSwarm(MIXED);
});

afterAll(() => swarm?.close());

for (const generation of CORNERS) composeScenarios(generation, () => swarm);
