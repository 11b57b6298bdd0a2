import type { RouteHandlers } from './call.ts';
import { agentRoutes } from './routes/agents.ts';
import { buildRoutes } from './routes/build.ts';
import { cheapestRoutes } from './routes/cheapest.ts';
import { commitRoutes } from './routes/commit.ts';
import { containerStreamRoutes } from './routes/container-streams.ts';
import { containerRoutes } from './routes/containers.ts';
import { dialledRoutes } from './routes/dialled.ts';
import { diskUsageRoutes } from './routes/disk-usage.ts';
import { drillRoutes } from './routes/drill.ts';
import { eventRoutes } from './routes/events.ts';
import { execRoutes } from './routes/exec.ts';
import { failoverRoutes } from './routes/failover.ts';
import { fenceRoutes } from './routes/fence.ts';
import { imageTransferRoutes } from './routes/image-transfers.ts';
import { imageRoutes } from './routes/images.ts';
import { meshRoutes } from './routes/mesh.ts';
import { moveRoutes } from './routes/moves.ts';
import { networkRoutes } from './routes/networks.ts';
import { nodeRoutes } from './routes/nodes.ts';
import { pageRoutes } from './routes/page.ts';
import { planRoutes } from './routes/plans.ts';
import { pluginRoutes } from './routes/plugins.ts';
import { priceRoutes } from './routes/prices.ts';
import { registryRoutes } from './routes/registry.ts';
import { statsRoutes } from './routes/stats.ts';
import { substrateRoutes } from './routes/substrate.ts';
import { systemRoutes } from './routes/system.ts';
import { volumeRoutes } from './routes/volumes.ts';

/** All areas' handlers. A new area adds its line here. */
export const HANDLERS: RouteHandlers = {
  ...systemRoutes,
  ...diskUsageRoutes,
  ...eventRoutes,
  ...containerRoutes,
  ...containerStreamRoutes,
  ...execRoutes,
  ...imageRoutes,
  ...imageTransferRoutes,
  ...networkRoutes,
  ...nodeRoutes,
  ...failoverRoutes,
  ...substrateRoutes,
  ...volumeRoutes,
  ...registryRoutes,
  ...pluginRoutes,
  ...buildRoutes,
  ...commitRoutes,
  ...statsRoutes,
  ...agentRoutes,
  ...dialledRoutes,
  ...meshRoutes,
  ...cheapestRoutes,
  ...planRoutes,
  ...pageRoutes,
  ...moveRoutes,
  ...drillRoutes,
  ...fenceRoutes,
  ...priceRoutes,
};
