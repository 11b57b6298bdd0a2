import type { RouteHandlers } from './call.ts';
import { containerStreamRoutes } from './routes/container-streams.ts';
import { containerRoutes } from './routes/containers.ts';
import { eventRoutes } from './routes/events.ts';
import { execRoutes } from './routes/exec.ts';
import { imageRoutes } from './routes/images.ts';
import { systemRoutes } from './routes/system.ts';

/** All areas' handlers. A new area adds its line here. */
export const HANDLERS: RouteHandlers = {
  ...systemRoutes,
  ...eventRoutes,
  ...containerRoutes,
  ...containerStreamRoutes,
  ...execRoutes,
  ...imageRoutes,
};
