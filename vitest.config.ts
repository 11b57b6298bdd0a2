import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** Limits only against tests that hang: what waits for real programs takes minutes on a busy machine. */
const PATIENT = {
  testTimeout: 600_000,
  hookTimeout: 600_000,
  expect: { poll: { timeout: 180_000 } },
} as const;

/**
 * `unit` needs nothing and takes seconds; `stores` runs real etcd and ZooKeeper; `engines` runs real Docker engines (root, Linux); `browser` the page over real engines, in Chromium; `matrix` is every client with every
 * engine; `vm` starts real virtual machines. `npm test` runs the first three, and on other releases of Node `unit` and `nodes`: the calls that
 * lean most on Node, on real engines.
 */
const config: ViteUserConfig = defineConfig({
  test: {
    // Vitest's own default leaves a core idle; tests wait more than they compute.
    maxWorkers: '100%',
    projects: [
      {
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'simulator/**/*.test.ts', 'bench/**/*.test.ts', 'ui/**/*.test.ts'],
          // Only against tests that hang: on a busy machine a slow one is no failure.
          testTimeout: 180_000,
          hookTimeout: 180_000,
          expect: { poll: { timeout: 120_000 } },
        },
      },
      {
        test: {
          name: 'stores',
          include: ['test/stores/**/*.test.ts'],
          ...PATIENT,
        },
      },
      {
        test: {
          name: 'engines',
          include: ['test/engines/**/*.test.ts'],
          ...PATIENT,
          // Two files at a time: they wait for engines more than they compute.
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'browser',
          include: ['test/browser/**/*.test.ts'],
          // Browsers wait for cores more than others do on a busy machine.
          ...PATIENT,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'nodes',
          include: ['test/nodes/**/*.test.ts'],
          ...PATIENT,
        },
      },
      {
        test: {
          name: 'matrix',
          include: ['test/matrix/**/*.test.ts'],
          ...PATIENT,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'vm',
          include: ['test/vm/**/*.test.ts'],
          testTimeout: 1_200_000,
          hookTimeout: 1_200_000,
          fileParallelism: false,
        },
      },
    ],
  },
});

export default config;
