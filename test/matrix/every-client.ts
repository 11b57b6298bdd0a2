import { afterAll, beforeAll } from 'vitest';
import { generations } from '../../src/namespaces/generations.ts';
import { composeScenarios } from './scenarios/compose.ts';
import { dockerScenarios } from './scenarios/docker-cli.ts';
import { type Engines, type Swarm, startSwarm } from './swarm.ts';

/** Registers the scenarios of every docker CLI and every compose over one set of engines. */
export function everyClient(engines: Engines): void {
  let swarm: Swarm;
  beforeAll(async () => {
    swarm = await startSwarm(engines);
  });
  afterAll(() => swarm?.close());
  for (const generation of generations) {
    dockerScenarios(generation, () => swarm);
    composeScenarios(generation, () => swarm);
  }
}
