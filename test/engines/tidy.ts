import pLimit from 'p-limit';
import { EngineClient } from '../../src/engine/client.ts';
import { unixConnector } from '../../src/engine/connectors/socket.ts';
import type { Lab, LabNode } from '../../src/lab/lab.ts';
import { waitFor } from '../../src/namespaces/processes.ts';

/** Networks that engines have by themselves. */
const BUILT_IN = new Set(['bridge', 'host', 'none', 'docker_gwbridge', 'ingress']);

/** Older engines that leave a swarm beside others reach none of another node in the next one, see `mayLeaveBeside`. */
const leaving = pLimit(1);

/** All have defaults. */
export interface TidyOptions {
  /** Engines stay in swarm mode, with its networks: a manager of the whole suite looks after it. Default false. */
  readonly keepsSwarm?: boolean;
}

/**
 * Leaves a lab as its suite began, whatever the test before did and wherever it failed: every engine runs and is reached, is in no swarm, and
 * has neither containers nor volumes nor networks. For `afterEach`, once the test's own managers have ended. Images stay.
 */
export async function tidy(lab: Lab, options: TidyOptions = {}): Promise<void> {
  await Promise.all(lab.nodes.map((node) => tidyNode(node, options)));
}

async function tidyNode(node: LabNode, options: TidyOptions): Promise<void> {
  node.resume();
  // Also starts the engine, and its host, if they are gone.
  await node.start();
  await node.heal();
  const client = new EngineClient(unixConnector(node.socketPath));
  try {
    await waitFor(`${node.name} to be as it was`, () => isTidy(client, options), { everyMs: 100 });
  } finally {
    await client.close();
  }
}

/** Removes what there is; whether there was nothing. What is refused is tried again: a removal by somebody else may be under way. */
async function isTidy(client: EngineClient, { keepsSwarm = false }: TidyOptions): Promise<boolean> {
  const get = <T>(path: string): Promise<T> => client.json<T>({ method: 'GET', path });
  const remove = async (path: string): Promise<void> => {
    await client.request({ method: 'DELETE', path });
  };
  const containers = await get<readonly { readonly Id: string }[]>('/containers/json?all=1');
  await Promise.all(containers.map(({ Id }) => remove(`/containers/${Id}?force=1&v=1`)));
  const { Swarm } = await get<{ readonly Swarm?: { readonly LocalNodeState: string } }>('/info');
  const isInSwarm = !keepsSwarm && (Swarm?.LocalNodeState ?? 'inactive') !== 'inactive';
  if (isInSwarm) await leaving(() => client.request({ method: 'POST', path: '/swarm/leave?force=1' }));
  const { Volumes } = await get<{ readonly Volumes: readonly { readonly Name: string }[] | null }>('/volumes');
  await Promise.all((Volumes ?? []).map(({ Name }) => remove(`/volumes/${Name}?force=1`)));
  const listed =
    await get<readonly { readonly Id: string; readonly Name: string; readonly Scope: string }[]>('/networks');
  const networks = listed.filter(({ Name, Scope }) => !BUILT_IN.has(Name) && !(keepsSwarm && Scope === 'swarm'));
  await Promise.all(networks.map(({ Id }) => remove(`/networks/${Id}`)));
  return !isInSwarm && containers.length + (Volumes ?? []).length + networks.length === 0;
}
