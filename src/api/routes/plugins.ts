import { NotFoundError } from '../../common/errors.ts';
import { onEach } from '../../common/every-node.ts';
import { type Call, param, type RouteHandlers } from '../call.ts';
import { askNode, sendAnswer } from '../proxy.ts';

/** Engine plugins. `docker inspect NAME` without a type asks for one after all else, so what is unknown must be 404. */
export const pluginRoutes: RouteHandlers = {
  'GET /plugins/{name}/json': inspectPlugin,
};

/** A node that does not answer within this counts as one without the plugin. */
const ASK_MS = 5_000;

async function inspectPlugin(call: Call): Promise<void> {
  const asked = { path: call.path, timeoutMs: ASK_MS };
  const { done } = await onEach(call.services.cluster.healthyNodes(), (node) => askNode(call, node, asked));
  const answer = [...done.values()].find(({ statusCode }) => statusCode === 200);
  if (!answer) throw new NotFoundError(`plugin "${param(call, 'name')}" not found`, 'NO_SUCH_PLUGIN');
  sendAnswer(call, answer);
}
