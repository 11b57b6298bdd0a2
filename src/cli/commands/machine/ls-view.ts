import { shownEngine, shownSwarm, shownText } from '../../../machine/shown.ts';
import type { MachineStatus } from '../../../machine/status.ts';
import { swarmUrl } from '../../../machine/swarm-url.ts';
import type { View } from '../../output/format.ts';

/** Whether docker talks to the machine, or to the swarm whose master it is: docker-machine's signs. */
export function activity(row: MachineStatus, dockerHost: string | undefined): '*' | '* (swarm)' | '-' {
  if (!dockerHost || row.url === '') return '-';
  const host = dockerHost.replace(/\/$/, '');
  if (host === row.url) return '*';
  return row.record !== undefined && host === swarmUrl(row.record, row.url) ? '* (swarm)' : '-';
}

/** The table of `ls`. `masters`: name of the master by discovery. */
export function machineView(dockerHost: string | undefined, masters: ReadonlyMap<string, string>): View<MachineStatus> {
  const swarmOf = ({ record, role }: MachineStatus): string => {
    if (record?.swarm === undefined) return '';
    const master = masters.get(record.swarm.discovery);
    if (record.swarm.isMaster) return `${record.name} (master${role === undefined ? '' : `, ${role}`})`;
    return master ?? shownText(record.swarm.discovery);
  };
  const versionOf = ({ version, state }: MachineStatus): string =>
    version === undefined ? (state === 'Running' ? 'Unknown' : '') : `v${version}`;
  const errorOf = ({ problems }: MachineStatus): string => shownText(problems.join('; '));
  return {
    columns: [
      { title: 'NAME', value: ({ name }) => name, keep: 'whole' },
      { title: 'ACTIVE', value: (row) => activity(row, dockerHost), keep: 'whole', drop: 1 },
      { title: 'DRIVER', value: ({ record }) => record?.driver ?? '', drop: 2 },
      { title: 'STATE', value: ({ state }) => state, color: stateColor },
      { title: 'URL', value: ({ url }) => url, keep: 'whole' },
      { title: 'SWARM', value: swarmOf, drop: 3 },
      { title: 'DOCKER', value: versionOf, drop: 4 },
      { title: 'ERRORS', value: errorOf },
    ],
    fields: (row) => ({
      Name: row.name,
      Active: activity(row, dockerHost),
      ActiveHost: activity(row, dockerHost) === '*',
      ActiveSwarm: activity(row, dockerHost) === '* (swarm)',
      DriverName: row.record?.driver ?? '',
      State: row.state,
      URL: row.url,
      Swarm: swarmOf(row),
      DockerVersion: versionOf(row),
      Error: errorOf(row),
      ResponseTime: row.responseMs,
      SwarmOptions: row.record?.swarm ? shownSwarm(row.record.swarm) : null,
      EngineOptions: row.record ? shownEngine(row.record.engine) : null,
    }),
  };
}

function stateColor({ state }: MachineStatus): 'green' | 'yellow' | 'red' | 'dim' {
  if (state === 'Running') return 'green';
  if (state === 'Error' || state === 'Timeout') return 'red';
  return state === 'Stopped' || state === 'Saved' ? 'dim' : 'yellow';
}
