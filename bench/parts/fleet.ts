import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FleetControl } from '../fleet/control.ts';
import { Fleet } from '../fleet/fleet.ts';
import type { BenchOptions } from '../options.ts';

/** Starts a fleet for playing by hand and leaves it up until Ctrl-C. */
export async function runFleet({ nodes, containers, control: port }: BenchOptions): Promise<void> {
  await using fleet = await Fleet.start({ nodes, containers });
  const control = await FleetControl.listen(fleet, port);
  const nodesFile = join(tmpdir(), `enxame-fleet-${process.pid}.txt`);
  await writeFile(nodesFile, `${fleet.addresses.join('\n')}\n`);
  console.log(`${nodes} engines with ${containers} containers each; their addresses are in ${nodesFile}`);
  console.log(`control: curl -X POST 'http://127.0.0.1:${control.port}/fault?nodes=0-9&kind=hang'   (Ctrl-C ends)`);
  await once(process, 'SIGINT');
  await control.close();
  await rm(nodesFile, { force: true });
}
