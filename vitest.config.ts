import { defineConfig, type ViteUserConfig } from 'vitest/config';

/** Two projects: `unit` needs nothing and takes seconds; `engines` runs real Docker engines (root, Linux). */
const config: ViteUserConfig = defineConfig({
  test: {
    projects: [
      { test: { name: 'unit', include: ['src/**/*.test.ts', 'bench/**/*.test.ts', 'test/unit/**/*.test.ts'] } },
      {
        test: {
          name: 'engines',
          include: ['test/engines/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 180_000,
          fileParallelism: false,
        },
      },
    ],
  },
});

export default config;
