import { parseOptions } from './options.ts';
import { runFleet } from './parts/fleet.ts';

const PARTS: Readonly<Record<string, typeof runFleet>> = { fleet: runFleet };

const { part, options } = parseOptions(process.argv.slice(2));
await PARTS[part]?.(options);
