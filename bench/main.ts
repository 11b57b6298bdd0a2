import { type BenchOptions, parseOptions } from './options.ts';
import { bootPart } from './parts/boot.ts';
import { runFleet } from './parts/fleet.ts';
import { idlePart } from './parts/idle.ts';
import { type Part, runPart } from './parts/part.ts';
import { readPart } from './parts/read.ts';
import { schedulePart } from './parts/schedule.ts';
import { saveResult } from './report/store.ts';
import { toPlainReport } from './report/table.ts';

const PARTS: Readonly<Record<string, Part>> = {
  boot: bootPart,
  read: readPart,
  schedule: schedulePart,
  idle: idlePart,
};

async function runParts(names: readonly string[], options: BenchOptions): Promise<void> {
  for (const name of names) {
    const part = PARTS[name];
    if (part === undefined) throw new Error(`unknown part "${name}"`);
    console.log(`\n${name}: ${options.nodes} nodes × ${options.containers} containers${options.tls ? ', TLS' : ''}`);
    const result = await runPart(name, part, options);
    console.log(toPlainReport(result));
    console.log(`saved ${await saveResult(options.out, result)}`);
  }
}

async function main(args: readonly string[]): Promise<void> {
  const { part, options } = parseOptions(args);
  if (part === 'fleet') await runFleet(options);
  else await runParts(part === 'all' ? Object.keys(PARTS) : [part], options);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
