import { type BenchOptions, parseOptions } from './options.ts';
import { bootPart } from './parts/boot.ts';
import { browserPart } from './parts/browser.ts';
import { cheapestPart } from './parts/cheapest.ts';
import { comparePart } from './parts/compare.ts';
import { eventsPart } from './parts/events.ts';
import { failoverPart } from './parts/failover.ts';
import { failurePart } from './parts/failure.ts';
import { runFleet } from './parts/fleet.ts';
import { idlePart } from './parts/idle.ts';
import { pagePart } from './parts/page.ts';
import { type Part, runPart } from './parts/part.ts';
import { publishPart } from './parts/publish.ts';
import { readPart } from './parts/read.ts';
import { recordsPart } from './parts/records.ts';
import { schedulePart } from './parts/schedule.ts';
import { soakPart } from './parts/soak.ts';
import { storesPart } from './parts/stores.ts';
import { streamsPart } from './parts/streams.ts';
import { sweepPart } from './parts/sweep.ts';
import { writeDocument } from './report/document.ts';
import { saveResult } from './report/store.ts';
import { toPlainReport } from './report/table.ts';
import { USAGE } from './usage.ts';

const PARTS: Readonly<Record<string, Part>> = {
  boot: bootPart,
  read: readPart,
  schedule: schedulePart,
  events: eventsPart,
  streams: streamsPart,
  failure: failurePart,
  idle: idlePart,
};
const DOCUMENT = 'docs/performance.md';

async function run(name: string, part: Part, options: BenchOptions): Promise<void> {
  console.log(`\n${name}: ${options.nodes} nodes × ${options.containers} containers${options.tls ? ', TLS' : ''}`);
  const result = await runPart(name, part, options);
  console.log(toPlainReport(result));
  console.log(`saved ${await saveResult(options.out, result)}`);
}

async function runAll(options: BenchOptions): Promise<void> {
  for (const [name, part] of Object.entries(PARTS)) await run(name, part, options);
}

async function runSweep(options: BenchOptions): Promise<void> {
  for (const population of options.sweep) await run('sweep', sweepPart, { ...options, ...population });
}

async function main(args: readonly string[]): Promise<void> {
  const { part: name, options } = parseOptions(args);
  const part = PARTS[name];
  if (part !== undefined) return run(name, part, options);
  switch (name) {
    case 'all':
      return runAll(options);
    case 'sweep':
      return runSweep(options);
    case 'soak':
      return run('soak', soakPart, options);
    case 'browser':
      return run('browser', browserPart, options);
    case 'page':
      return run('page', pagePart, options);
    case 'publish':
      return run('publish', publishPart, options);
    case 'compare':
      return run('compare', comparePart, options);
    case 'cheapest':
      return run('cheapest', cheapestPart, options);
    case 'records':
      return run('records', recordsPart, { ...options, isRecorded: true });
    case 'failover':
      return run('failover', failoverPart, options);
    case 'stores':
      return run('stores', storesPart, options);
    case 'fleet':
      return runFleet(options);
    case 'report':
      return writeDocument(DOCUMENT, options.out);
    default:
      console.log(USAGE);
      process.exitCode = name === 'help' ? 0 : 2;
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(`bench: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});
