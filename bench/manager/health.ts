import type { Population } from '../../simulator/population.ts';

/** The parts of `GET /info` that show how many nodes a manager sees. */
export interface ManagerInfo {
  readonly Containers?: number;
  readonly SystemStatus?: readonly (readonly [key: string, value: string])[] | null;
}

/** How many nodes of a fleet a manager shows as healthy. */
export type HealthyCount = (info: ManagerInfo, population: Population) => number;

/** Counts the rows `Status  Healthy` of the node tree in SystemStatus. */
export const countByStatus: HealthyCount = (info) =>
  (info.SystemStatus ?? []).filter(([key, value]) => key.endsWith('Status') && value.startsWith('Healthy')).length;

/** Divides the sum of containers by what each node holds: for managers without a node tree. */
export const countByContainers: HealthyCount = (info, { containers }) =>
  Math.floor((info.Containers ?? 0) / containers);

/** Both must agree where both exist: a node is healthy when its containers are known. */
const countByBoth: HealthyCount = (info, population) => {
  const byContainers = countByContainers(info, population);
  const rows = info.SystemStatus ?? [];
  return rows.length === 0 ? byContainers : Math.min(byContainers, countByStatus(info, population));
};

/** By name on the command line. */
export const HEALTHY_COUNTS: Readonly<Record<'auto' | 'status' | 'containers', HealthyCount>> = {
  auto: countByBoth,
  status: countByStatus,
  containers: countByContainers,
};
