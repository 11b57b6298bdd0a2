import { bench, describe } from 'vitest';
import { parsePlacement } from '../src/scheduler/placement.ts';
import { NOTHING } from '../src/scheduler/reservation.ts';
import { schedule, schedulerOptions } from '../src/scheduler/scheduler.ts';
import { FixtureCluster, GIB, seeded } from '../test/fakes/fixture-cluster.ts';

/** `npx vitest bench --project unit bench/scheduler`: what one decision costs, by size of cluster and kind of request. */
const REQUESTS: Readonly<Record<string, unknown>> = {
  'nothing asked': { Image: 'redis' },
  'memory, CPU and a port': {
    HostConfig: { Memory: GIB / 8, NanoCpus: 5e8, PortBindings: { '80/tcp': [{ HostPort: '80' }] } },
  },
  'a constraint 1 in 100 meets': { Env: ['constraint:rack==42'] },
  'a soft one nobody meets': { Env: ['constraint:rack==~none'] },
  'refused by all': { Env: ['constraint:rack==none'] },
};

const randomOptions = schedulerOptions({ strategy: 'random' });

for (const size of [100, 1000, 5000]) {
  const cluster = clusterOf(size);
  describe(`${size} nodes`, () => {
    for (const [name, body] of Object.entries(REQUESTS)) {
      const { request } = parsePlacement(body);
      const options = schedulerOptions();
      bench(name, () => void schedule(request, cluster, options), { time: 200 });
    }
    bench('nothing asked, random', () => void schedule(parsePlacement({}).request, cluster, randomOptions), {
      time: 200,
    });
  });
}

function clusterOf(size: number): FixtureCluster {
  const specs = Array.from({ length: size }, (_, i) => ({ name: `n${i}`, labels: { rack: String(i % 100) } }));
  const cluster = new FixtureCluster(specs);
  const random = seeded(1);
  for (const { ledger } of cluster.nodes) {
    const count = Math.floor(random() * 30);
    for (let i = 0; i < count; i += 1) ledger.put(`c${i}`, { ...NOTHING, memoryBytes: GIB / 64, nanoCpus: 1e7 });
  }
  return cluster;
}
