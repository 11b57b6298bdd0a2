import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/common/clock.ts';
import { openDiscovery } from '../../src/discovery/discovery.ts';
import type { Lab } from '../../src/lab/lab.ts';
import { type LabManager, managerOver } from './manager-over-lab.ts';

/** A cluster over a lab's engines (the site), and one whose only node is that cluster. */
export interface SiteWorld extends AsyncDisposable {
  readonly site: LabManager;
  readonly above: LabManager;
}

/** Starts both managers, each with a state folder of its own; the folders go with them. */
export async function siteOver(lab: Lab): Promise<SiteWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'enxame-site-'));
  const started: LabManager[] = [];
  const close = async (): Promise<void> => {
    for (const each of started.toReversed()) await each.close();
    await rm(folder, { recursive: true, force: true });
  };
  try {
    const site = await managerOver(lab, ['enxame.substrate=off'], join(folder, 'site'), lab.nodes.length, {
      cluster: 'hive',
    });
    started.push(site);
    const settings = { heartbeatMs: 1_000, clock: systemClock, options: new Map(), env: {} };
    const backend = await openDiscovery(`nodes://${site.endpoint}`, settings);
    const above = await managerOver(lab, ['enxame.substrate=eager'], join(folder, 'above'), 1, { backend });
    started.push(above);
    return { site, above, [Symbol.asyncDispose]: close };
  } catch (error) {
    await close();
    throw error;
  }
}
