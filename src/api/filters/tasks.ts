import { BadRequestError } from '../../common/errors.ts';
import type { DockerTask } from '../views/docker-task.ts';
import { type Filters, matchesLabels } from './query.ts';

/** Filters of `GET /tasks`, those of the engine. */
export const TASK_FILTERS: ReadonlySet<string> = new Set(['desired-state', 'id', 'label', 'name', 'node', 'service']);

const DESIRED = new Set(['running', 'shutdown', 'accepted', 'ready']);

/** Whether a task passes all filters but `node`; IDs and names by prefix, as swarm mode compares them. Throws 400 for a state that there is not. */
export function taskTest(filters: Filters): (task: DockerTask) => boolean {
  const states = filters.get('desired-state') ?? [];
  const unknown = states.find((state) => !DESIRED.has(state));
  if (unknown !== undefined)
    throw new BadRequestError(
      `invalid filter 'desired-state=${unknown}': use one of ${[...DESIRED].join(', ')}`,
      'BAD_FILTER',
    );
  const anyOf = (name: string, test: (wanted: string) => boolean): boolean => {
    const values = filters.get(name) ?? [];
    return values.length === 0 || values.some(test);
  };
  return ({ ID, ServiceID, Slot, Labels, DesiredState }) =>
    anyOf('desired-state', (state) => state === DesiredState) &&
    anyOf('id', (prefix) => ID.startsWith(prefix)) &&
    anyOf('name', (prefix) => `${ServiceID}.${Slot}`.startsWith(prefix)) &&
    anyOf('service', (service) => service === ServiceID) &&
    matchesLabels(Labels, filters.get('label') ?? []);
}
