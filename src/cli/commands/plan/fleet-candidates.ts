import { readFile } from 'node:fs/promises';
import type { DockerNode } from '../../../api/views/docker-node.ts';
import type { Candidate } from '../../../cheapest/candidates.ts';
import { fileProblem, UsageError } from '../../../common/errors.ts';
import type { FleetFile } from '../../../machine/fleet/file.ts';
import type { CommandContext } from '../../command.ts';
import type { ManagerClient } from '../../manager-client.ts';

/** Throws a {@link UsageError} that begins with the place in the file. */
export async function readFleet(path: string, env: CommandContext['env']): Promise<FleetFile> {
  const { parseFleet } = await import('../../../machine/fleet/file.ts');
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    throw new UsageError(`cannot read the fleet file ${path}: ${fileProblem(error)}. Name it with --fleet`);
  });
  return parseFleet(text, path, env);
}

/** The machines of a fleet file that would be nodes and are none yet. */
export async function fleetCandidates(
  path: string,
  client: ManagerClient,
  { env }: CommandContext,
  signal: AbortSignal,
): Promise<readonly Candidate[]> {
  const { candidateLabels } = await import('../../../machine/fleet/candidate-labels.ts');
  const fleet = await readFleet(path, env);
  const nodes = await client.get<readonly DockerNode[]>('/nodes', signal);
  const there = new Set(nodes.map(({ Description }) => Description.Hostname));
  const missing = fleet.machines.filter(({ name, swarm }) => swarm?.isMember === true && !there.has(name));
  return Promise.all(missing.map(async (request) => ({ name: request.name, labels: await candidateLabels(request) })));
}
