import { isDeepStrictEqual } from 'node:util';
import { ConflictError } from '../../common/errors.ts';
import type { OptionValue } from '../../drivers/options.ts';
import type { MachineState } from '../../drivers/state.ts';
import type { CreateRequest } from '../create.ts';
import { isReady, type MachineRecord } from '../record.ts';
import type { Fleet } from './file.ts';

/** What is to be done about one machine. */
export type PlanItem =
  | {
      readonly action: 'create' | 'resume' | 'replace' | 'update';
      readonly request: CreateRequest;
      readonly why: string;
    }
  | { readonly action: 'start' | 'remove' | 'keep'; readonly name: string; readonly why: string };

/** What takes a fleet from what there is to what its file asks for. */
export interface Plan {
  readonly fleet: string;
  readonly items: readonly PlanItem[];
}

/** A machine that is there. */
export interface Existing {
  readonly record: MachineRecord;
  readonly state: MachineState;
}

/**
 * Compares; does nothing. A machine whose driver or driver options differ cannot be changed: it is replaced if `mayReplace`, else
 * left as it is. Throws when a name belongs to a machine outside the fleet.
 */
export function planFleet(fleet: Fleet, existing: readonly Existing[], mayReplace: boolean): Plan {
  const found = new Map(existing.map((each) => [each.record.name, each]));
  const wanted = fleet.machines.map((request) => planOne(fleet.name, request, found.get(request.name), mayReplace));
  const names = new Set(fleet.machines.map(({ name }) => name));
  const gone = existing
    .filter(({ record }) => record.fleet === fleet.name && !names.has(record.name))
    .map(({ record }): PlanItem => ({ action: 'remove', name: record.name, why: 'not in the file any more' }));
  return { fleet: fleet.name, items: [...wanted, ...gone] };
}

/** Removes every machine of the fleet. */
export function planDown(fleet: string, existing: readonly Existing[]): Plan {
  const own = existing.filter(({ record }) => record.fleet === fleet);
  return { fleet, items: own.map(({ record }) => ({ action: 'remove', name: record.name, why: record.driver })) };
}

function planOne(fleet: string, request: CreateRequest, found: Existing | undefined, mayReplace: boolean): PlanItem {
  const { name } = request;
  if (found === undefined) return { action: 'create', request, why: describe(request) };
  const { record, state } = found;
  if (record.fleet !== fleet)
    throw new ConflictError(
      `there is a machine "${name}" that is not of the fleet "${fleet}": give one of them another name`,
      'NOT_OF_THE_FLEET',
    );
  const differs = differenceOf(request, record);
  if (differs !== undefined && mayReplace) return { action: 'replace', request, why: differs };
  if (differs !== undefined) return { action: 'keep', name, why: `${differs}: say --replace to make it anew` };
  if (!isReady(record)) return { action: 'resume', request, why: 'its create was cut off' };
  const changed = changedOf(request, record);
  if (changed !== undefined) return { action: 'update', request, why: `${changed}; restarts its engine` };
  if (state === 'Stopped') return { action: 'start', name, why: 'it is stopped' };
  return { action: 'keep', name, why: 'as it should be' };
}

/** What cannot be changed on a machine that exists. Only options the file names count: the others had defaults. */
function differenceOf(request: CreateRequest, record: MachineRecord): string | undefined {
  if (record.driver !== request.driver) return `its driver is ${record.driver}, not ${request.driver}`;
  const flag = Object.keys(request.options).find((each) => !equal(request.options[each], record.options[each]));
  if (flag === undefined) return undefined;
  return `its ${flag} is ${record.options[flag] ?? 'not set'}, not ${request.options[flag]}`;
}

/** An option that is not stored is a credential or was needed once only: it makes no difference. */
function equal(wanted: OptionValue | undefined, stored: OptionValue | undefined): boolean {
  return stored === undefined || wanted === undefined || String(wanted) === String(stored);
}

/** What can be changed by setting the engine up again. */
function changedOf(request: CreateRequest, record: MachineRecord): string | undefined {
  if (!isDeepStrictEqual(request.engine.labels, record.engine.labels)) return 'its labels changed';
  if (!isDeepStrictEqual(plain(request.engine), plain(record.engine))) return "its engine's settings changed";
  if (!isDeepStrictEqual(plain(request.swarm), plain(record.swarm))) return 'its part in the swarm changed';
  return undefined;
}

/** Without keys whose value is undefined, which a file does not keep. */
function plain(value: unknown): unknown {
  return value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
}

function describe({ driver, swarm, engine }: CreateRequest): string {
  const role = swarm === undefined ? [] : [swarm.isMaster ? 'swarm master' : 'swarm member'];
  const labels = Object.entries(engine.labels).map(([key, value]) => `${key}=${value}`);
  return [driver, ...role, ...labels].join(', ');
}

const SIGNS = { create: '+', resume: '+', replace: '±', update: '~', start: '~', remove: '-', keep: '=' } as const;

/** Whether there is anything to do. */
export function isEmpty({ items }: Plan): boolean {
  return items.every(({ action }) => action === 'keep');
}

/** The plan as people read it, a line for each machine and a sum. */
export function formatPlan({ fleet, items }: Plan): string {
  const names = items.map(nameOf);
  const width = Math.max(0, ...names.map((name) => name.length));
  const lines = items.map((item, index) =>
    `  ${SIGNS[item.action]} ${item.action.padEnd(7)} ${(names[index] ?? '').padEnd(width)}   ${item.why}`.trimEnd(),
  );
  const counts = Object.keys(SIGNS)
    .map((action) => ({ action, count: items.filter((item) => item.action === action).length }))
    .filter(({ count }) => count > 0)
    .map(({ action, count }) => `${count} to ${action}`);
  return `${[`Fleet ${fleet}:`, ...lines, counts.length === 0 ? 'No machines.' : `${counts.join(', ')}.`].join('\n')}\n`;
}

/** The machine an item is about. */
export function nameOf(item: PlanItem): string {
  return 'request' in item ? item.request.name : item.name;
}
