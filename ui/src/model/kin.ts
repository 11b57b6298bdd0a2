import type { ContainerRow } from '../../../src/page/protocol.ts';

/** What a container belongs to, by which it has its colour: its service, else its group, else its image. */
export function kinOf({ service, project, group, image }: ContainerRow): string {
  if (service) return project ? `${project}/${service}` : service;
  return group ?? project ?? image.replace(/@sha256:.*$/, '');
}

/** Whether it should run well and does not: one that has ended is no such. */
export function isUnwell({ state, health }: ContainerRow): boolean {
  return health === 'unhealthy' || state === 'dead' || state === 'restarting';
}
