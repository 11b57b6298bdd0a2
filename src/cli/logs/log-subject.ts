import { PROJECT_LABEL, SERVICE_LABEL } from '../../common/compose-labels.ts';
import { ClusterError } from '../../common/errors.ts';
import type { ContainerSummary } from '../../engine/types.ts';
import { GROUP_LABEL } from '../../scheduler/groups.ts';
import type { ManagerClient } from '../manager-client.ts';

/** Whose logs are asked for, as filters of `docker ps` and `docker events`. */
export interface LogSubject {
  readonly name: string;
  /** Labels that all its containers have; empty for one container, which is found by its name. */
  readonly labels: readonly string[];
}

/** More containers than this are not followed at once: each takes a connection of its own. */
const MAX_CONTAINERS = 500;

/**
 * What a name means: `PROJECT/SERVICE`, else the first of a Compose project, a service (of any project), a group and a container.
 * Throws when nothing is called so.
 */
export async function findSubject(name: string, client: ManagerClient, signal: AbortSignal): Promise<LogSubject> {
  const slash = name.indexOf('/');
  const [project, service] = [name.slice(0, slash), name.slice(slash + 1)];
  const both = { name, labels: [`${PROJECT_LABEL}=${project}`, `${SERVICE_LABEL}=${service}`] };
  const one = [PROJECT_LABEL, SERVICE_LABEL, GROUP_LABEL].map((label) => ({ name, labels: [`${label}=${name}`] }));
  for (const subject of [...(slash > 0 ? [both] : []), ...one, { name, labels: [] }]) {
    if ((await containersOf(subject, client, signal)).length > 0) return subject;
  }
  throw new ClusterError(
    `no project, service or container is called "${name}": enxame ps -a shows the containers, and a service of one project is written PROJECT/SERVICE`,
    { code: 'NO_SUCH_SUBJECT', status: 404 },
  );
}

/** Its containers at present, those that do not run included. Throws when there are too many to follow. */
export async function containersOf(
  { name, labels }: LogSubject,
  client: ManagerClient,
  signal: AbortSignal,
): Promise<readonly ContainerSummary[]> {
  const filters = labels.length > 0 ? { label: labels } : { name: [`^/?${escaped(name)}$`] };
  const query = new URLSearchParams({ all: '1', filters: JSON.stringify(filters) });
  const listed = await client.get<readonly ContainerSummary[]>(`/containers/json?${query}`, signal);
  if (listed.length <= MAX_CONTAINERS) return listed;
  throw new ClusterError(
    `${name} has ${listed.length} containers, and the logs of at most ${MAX_CONTAINERS} are shown at once: name one service`,
    { code: 'TOO_MANY_LOGS', status: 400 },
  );
}

/** Filters of the events that tell of new or restarted ones. */
export function eventFilters({ name, labels }: LogSubject): string {
  return JSON.stringify({
    type: ['container'],
    event: ['start'],
    ...(labels.length > 0 ? { label: labels } : { container: [name] }),
  });
}

function escaped(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
