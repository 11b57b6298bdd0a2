import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe } from 'vitest';
import type { Generation } from '../../../src/lab/lab.ts';
import type { Swarm } from '../swarm.ts';
import { User } from '../user.ts';
import { imageScenarios } from './docker-images.ts';
import { lifecycleScenarios } from './docker-lifecycle.ts';
import { listingScenarios } from './docker-listing.ts';
import { networkScenarios } from './docker-networks.ts';
import { nodeScenarios } from './docker-nodes.ts';
import { refusalScenarios } from './docker-refusals.ts';
import { removeGuests, removeLabelled, startSleepers } from './docker-sleepers.ts';
import { systemScenarios } from './docker-system.ts';
import { volumeScenarios } from './docker-volumes.ts';

/** What people do with docker, by the CLI of one generation. */
export function dockerScenarios(generation: Generation, swarm: () => Swarm): void {
  const user = new User(generation, swarm);
  describe(`docker ${generation}`, () => {
    let folder: string;
    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), 'enxame-cli-'));
      await startSleepers(user);
    });
    afterEach(() => removeGuests(user));
    afterAll(async () => {
      await removeLabelled(user);
      await rm(folder, { recursive: true, force: true });
    });
    listingScenarios(user, swarm);
    lifecycleScenarios(user);
    refusalScenarios(user);
    nodeScenarios(user);
    imageScenarios(user, () => folder);
    networkScenarios(user);
    volumeScenarios(user);
    systemScenarios(user, swarm);
  });
}
