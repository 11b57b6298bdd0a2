import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { constants, gzipSync } from 'node:zlib';
import { defineConfig, type Plugin, type UserConfig } from 'vite';

const outDir = fileURLToPath(new URL('../dist/ui', import.meta.url));
/** What is compressed already gains nothing. */
const COMPRESSIBLE = /\.(css|html|js|json|svg|txt)$/;

/** The page as `enxame manage --page` serves it: names with content hashes, each file beside its own `.gz`, nothing inline. */
const config: UserConfig = defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  base: '/',
  plugins: [compressed()],
  build: {
    outDir,
    emptyOutDir: true,
    target: ['chrome111', 'firefox114', 'safari16.4'],
    // A strict policy of contents forbids data: and inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});

export default config;

/** Writes a `.gz` beside what compresses; without a time in it, so that two builds are equal. */
function compressed(): Plugin {
  let folder = outDir;
  return {
    name: 'enxame-compressed',
    apply: 'build',
    configResolved({ build }) {
      folder = build.outDir;
    },
    closeBundle() {
      for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
        const path = join(folder, name);
        if (!COMPRESSIBLE.test(name) || !statSync(path).isFile()) continue;
        writeFileSync(`${path}.gz`, gzipSync(readFileSync(path), { level: constants.Z_BEST_COMPRESSION }));
      }
    },
  };
}
