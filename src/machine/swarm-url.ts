import { managerPort } from './machine.ts';
import type { MachineRecord } from './record.ts';

/** The address of the manager on a swarm master; undefined for other machines. */
export function swarmUrl(record: MachineRecord, url: string): string | undefined {
  if (!record.swarm?.isMaster) return undefined;
  return url.replace(/^ssh:\/\/[^@]*@/, 'tcp://').replace(/:\d+\/?$/, `:${managerPort(record.swarm.host)}`);
}
