import { containerId, containerName, type Population, RARE_LABEL } from '../../simulator/population.ts';
import { filteredList, plainRequest } from '../load/requests.ts';
import type { Operation } from '../load/run.ts';

/** A read and how it can be compared. */
export interface ReadOperation extends Operation {
  /** The request of operation `serial`. */
  readonly requestFor: (serial: number) => string;
  /** Reads that reach an engine are also compared with a pipe and with the engine alone. */
  readonly forwarded: boolean;
  /** More clients than this would measure memory, not the manager. */
  readonly maxClients: number;
}

/** A step through all containers that visits nodes in no pattern and repeats late. */
const STRIDE = 7919;

/** The reads of the benchmark over one population; those of single containers leave out the first `skipNodes` nodes. */
export function readOperations(
  population: Population,
  { skipNodes = 0 }: { skipNodes?: number } = {},
): ReadOperation[] {
  const { nodes, containers } = population;
  const pick = (serial: number): { node: number; index: number } => {
    const overall = (serial * STRIDE) % ((nodes - skipNodes) * containers);
    return { node: skipNodes + Math.floor(overall / containers), index: overall % containers };
  };
  const byId = (serial: number): string => containerId(pick(serial).node, pick(serial).index);
  const byName = (serial: number): string => containerName(pick(serial).node, pick(serial).index);
  return [
    read('info', () => '/info'),
    read('ps -a', () => '/containers/json?all=1', { maxClients: 16 }),
    read('ps by label', () => filteredList({ label: [`${RARE_LABEL}=yes`] })),
    read('ps by ID', (serial) => filteredList({ id: [byId(serial)] })),
    read('ps by name', (serial) => filteredList({ name: [byName(serial)] })),
    read('inspect by ID', (serial) => `/containers/${byId(serial)}/json`, { forwarded: true }),
    read('inspect by name', (serial) => `/containers/${byName(serial)}/json`, { forwarded: true }),
  ];
}

function read(
  name: string,
  pathFor: (serial: number) => string,
  { forwarded = false, maxClients = Infinity }: { forwarded?: boolean; maxClients?: number } = {},
): ReadOperation {
  const requestFor = (serial: number): string => plainRequest('GET', pathFor(serial));
  return {
    name,
    requestFor,
    forwarded,
    maxClients,
    run: async (client, serial) => {
      const { status, bytes } = await client.request(requestFor(serial));
      if (status !== 200) throw new Error(`${name}: status ${status}`);
      return bytes;
    },
  };
}
