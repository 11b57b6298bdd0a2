import type { Services } from '../api/call.ts';
import type { Node } from '../cluster/node.ts';
import { ConflictError } from '../common/errors.ts';
import { type PageRoutes, sendValue } from './calls.ts';
import { viewOf } from './page-plans.ts';
import { pathParam } from './params.ts';
import { drillPlans } from './plan-source.ts';
import type { NodeDetail, NodeExplanation } from './protocol.ts';
import { shownLabels } from './secrets.ts';

/** What pages ask of nodes. */
export function nodeCalls(services: Services): PageRoutes {
  const { nodes: directory, cluster } = services;
  const present = (reference: string): Node => {
    const { node, name } = directory.find(reference);
    if (!node) throw new ConflictError(`node ${name} is not in the cluster`, 'NODE_LEFT');
    return node;
  };
  const drill = drillPlans(services);
  return {
    'GET nodes/:id': async (call) => {
      const node = present(pathParam(call, 'id'));
      const { id, name, address, labels, builtins, info, clockOffsetMs, updatedAtMs } = node;
      const detail: NodeDetail = {
        id,
        name,
        address,
        labels: shownLabels(Object.fromEntries(labels)),
        kernel: builtins.kernelversion,
        system: builtins.operatingsystem,
        storageDriver: builtins.storagedriver,
        version: info?.ServerVersion ?? '',
        platform: info ? `${builtins.ostype}/${builtins.architecture}` : '',
        rootDir: String(info?.DockerRootDir ?? ''),
        clockOffsetMs: Math.round(clockOffsetMs),
        listedAt: updatedAtMs === 0 ? null : updatedAtMs,
        images: cluster.images.of(node).size,
        networks: cluster.networks.of(node).length,
        volumes: cluster.volumes.of(node).length,
        hidden: node.hidden.size,
      };
      sendValue(call.res, detail);
    },
    'GET nodes/:id/explain': async (call) => {
      const node = present(pathParam(call, 'id'));
      const { id, name, state, reason, availability } = node;
      const made = await drill.make([node], call.signal);
      const plan = viewOf('drill', made.plan);
      const explanation: NodeExplanation = { id, name, state, reason, availability, plan };
      sendValue(call.res, explanation);
    },
  };
}
