import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { driver as localDriver } from '../../src/machine/drivers/local.ts';
import { testDriver } from '../conformance/driver.ts';

/** A local network of this run's own, so that nothing here meets other machines of this host. */
async function localWorld(): Promise<{ folder: string; network: string; traces: () => Promise<string[]> }> {
  const folder = await mkdtemp('/var/tmp/enxame-machines-');
  const network = `t-${folder
    .slice(-6)
    .toLowerCase()
    .replace(/[^a-z0-9]/g, 'x')}`;
  const traces = async (): Promise<string[]> => {
    const spaces = (await readdir('/run/netns').catch(() => [])).filter((name) => name.startsWith(`enxame.${network}`));
    const folders = await readdir(join(folder, network, 'nodes')).catch(() => []);
    return [...spaces, ...folders].sort();
  };
  return { folder, network, traces };
}

testDriver('local', async () => {
  const { folder, network, traces } = await localWorld();
  return {
    driver: localDriver,
    options: { 'local-folder': folder, 'local-network': network },
    env: {},
    existing: traces,
    close: () => rm(folder, { recursive: true, force: true }),
  };
});
